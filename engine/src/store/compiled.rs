//! Compiled cache: what compiling and describing a component gave, by digest.
//!
//! Compiled code is native code: whoever can write it here runs as the user. So
//! each entry is authenticated with a key that lies in the user's state
//! directory, apart from the cache, and an entry that is not ours is made anew.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac as _};

use crate::model::Digest;

const MAC_BYTES: usize = 32;
const LENGTH_BYTES: usize = 8;

/// The entries of one engine version and configuration.
#[derive(Debug)]
pub struct CompiledCache {
    directory: PathBuf,
    key: [u8; 32],
    fingerprint: String,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledEntry {
    /// What is known about the component, as the caller wrote it.
    pub facts: Vec<u8>,
    /// Native code, in wasmtime's form.
    pub code: Vec<u8>,
}

impl CompiledCache {
    /// Opens the cache below `directory`, made with mode 0700 if it is missing.
    ///
    /// `key_file` holds the key, made with mode 0600 if it is missing.
    /// `fingerprint` names what else the entries depend on: engine version,
    /// wasmtime version, configuration, processor.
    pub fn open(directory: &Path, key_file: &Path, fingerprint: String) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let key = read_or_make_key(key_file)?;
        Ok(Self {
            directory: directory.to_owned(),
            key,
            fingerprint,
        })
    }

    /// The entry of a component; none if there is none that is ours and whole.
    pub fn get(&self, component: &Digest) -> Option<CompiledEntry> {
        let bytes = fs::read(self.path(component)).ok()?;
        let (mac, rest) = bytes.split_at_checked(MAC_BYTES)?;
        self.mac(component, rest).verify_slice(mac).ok()?;
        let (length, rest) = rest.split_at_checked(LENGTH_BYTES)?;
        let length = u64::from_le_bytes(length.try_into().ok()?);
        let (facts, code) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        Some(CompiledEntry {
            facts: facts.to_vec(),
            code: code.to_vec(),
        })
    }

    /// Whether there seems to be an entry; [`Self::get`] may still find that it is
    /// not ours.
    pub fn has(&self, component: &Digest) -> bool {
        self.path(component).exists()
    }

    /// Adds or replaces the entry of a component, whole or not at all.
    pub fn put(&self, component: &Digest, facts: &[u8], code: &[u8]) -> io::Result<()> {
        let mut rest = Vec::with_capacity(LENGTH_BYTES + facts.len() + code.len());
        rest.extend_from_slice(&(facts.len() as u64).to_le_bytes());
        rest.extend_from_slice(facts);
        rest.extend_from_slice(code);
        let mac = self.mac(component, &rest).finalize().into_bytes();
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&mac)?;
        file.write_all(&rest)?;
        // No sync: a torn entry does not verify, and is made anew.
        file.persist(self.path(component))
            .map_err(|error| error.error)?;
        Ok(())
    }

    fn path(&self, component: &Digest) -> PathBuf {
        let name = Digest::of(format!("{} {component}", self.fingerprint).as_bytes());
        self.directory.join(name.hex())
    }

    fn mac(&self, component: &Digest, rest: &[u8]) -> Hmac<sha2::Sha256> {
        let mut mac =
            Hmac::<sha2::Sha256>::new_from_slice(&self.key).expect("a key may have any length");
        mac.update(self.fingerprint.as_bytes());
        mac.update(component.as_bytes());
        mac.update(rest);
        mac
    }
}

fn read_or_make_key(path: &Path) -> io::Result<[u8; 32]> {
    if let Ok(bytes) = fs::read(path)
        && let Ok(key) = bytes.try_into()
    {
        return Ok(key);
    }
    let directory = path
        .parent()
        .ok_or_else(|| io::Error::other("the key needs a directory"))?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let mut key = [0; 32];
    let mut filled = 0;
    while filled < key.len() {
        filled +=
            rustix::rand::getrandom(&mut key[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    let mut file = tempfile::Builder::new().make_in(directory, |path| {
        fs::File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    })?;
    file.write_all(&key)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(key),
        // Another engine was faster: its key is the key.
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => fs::read(path)?
            .try_into()
            .map_err(|_| io::Error::other("the key file does not hold 32 bytes; remove it")),
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::CompiledCache;
    use crate::model::Digest;

    fn cache(directory: &tempfile::TempDir, fingerprint: &str) -> CompiledCache {
        let (entries, key) = (
            directory.path().join("code"),
            directory.path().join("state/key"),
        );
        CompiledCache::open(&entries, &key, fingerprint.to_owned()).expect("the cache opens")
    }

    #[test]
    fn an_entry_comes_back_as_it_was() {
        let directory = tempfile::tempdir().expect("a directory");
        let digest = Digest::of(b"component");
        assert_eq!(cache(&directory, "v1").get(&digest), None);
        cache(&directory, "v1")
            .put(&digest, b"facts", b"code")
            .expect("it is written");
        let entry = cache(&directory, "v1").get(&digest).expect("it is there");
        assert_eq!((&*entry.facts, &*entry.code), (&b"facts"[..], &b"code"[..]));
        assert_eq!(cache(&directory, "v2").get(&digest), None);
    }

    /// Row A23: compiled code that somebody changed.
    #[test]
    fn an_entry_that_was_touched_is_no_entry() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = cache(&directory, "v1");
        let digest = Digest::of(b"component");
        cache
            .put(&digest, b"facts", b"code")
            .expect("it is written");
        let path = cache.path(&digest);
        let good = fs::read(&path).expect("it is there");
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 1;
            fs::write(&path, &bad).expect("it is written");
            assert_eq!(cache.get(&digest), None, "byte {index}");
            fs::write(&path, &good[..index]).expect("it is written");
            assert_eq!(cache.get(&digest), None, "length {index}");
        }
    }

    /// Row A23: compiled code of another component.
    #[test]
    fn an_entry_of_another_component_is_no_entry() {
        let directory = tempfile::tempdir().expect("a directory");
        let cache = cache(&directory, "v1");
        let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
        cache.put(&one, b"facts", b"code").expect("it is written");
        fs::rename(cache.path(&one), cache.path(&other)).expect("it is moved");
        assert_eq!(cache.get(&other), None);
    }
}
