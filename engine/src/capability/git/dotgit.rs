//! Dotgit: a complete repository of its own beside checked out files.
//!
//! Its objects are copied, never linked or borrowed: what a stage does to its
//! `.git` reaches nothing else. Its configuration is written here from nothing,
//! and no hook, filter or credential is in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::num::NonZeroU32;
use std::path::Path;

use gix::ObjectId;

use super::failure::GitFailure;
use super::protocol::RemoteRef;

/// What goes into a new `.git`.
pub(super) struct Contents<'a> {
    /// Where the objects come from.
    pub(super) source: &'a gix::Repository,
    /// The commit that is checked out.
    pub(super) commit: ObjectId,
    /// The full name of the ref it came from.
    pub(super) reference: Option<&'a str>,
    /// Tags to take along.
    pub(super) tags: &'a [RemoteRef],
    /// The URL of the remote, without credentials; none for a local source.
    pub(super) url: Option<&'a str>,
    /// So many commits of history; none is all that there is.
    pub(super) depth: Option<NonZeroU32>,
    /// The index of the checked out files.
    pub(super) index: gix::index::State,
}

/// Writes `.git` into `folder`; tells whether its history is cut off.
pub(super) fn write(folder: &Path, contents: Contents<'_>) -> Result<bool, GitFailure> {
    let git = folder.join(".git");
    let boundary = boundary(contents.source, contents.commit, contents.depth)?;
    let failed = |error: io::Error| GitFailure::io("cannot write `.git`", &error);
    files(&git, &contents, &boundary).map_err(failed)?;
    let mut index = gix::index::File::from_state(contents.index, git.join("index"));
    index
        .write(gix::index::write::Options::default())
        .map_err(|error| GitFailure::library("cannot write the index", &error))?;
    Ok(!boundary.is_empty())
}

fn files(git: &Path, contents: &Contents<'_>, boundary: &[ObjectId]) -> io::Result<()> {
    for part in [
        "objects/pack",
        "objects/info",
        "refs/heads",
        "refs/tags",
        "info",
    ] {
        fs::create_dir_all(git.join(part))?;
    }
    copy_objects(contents.source, &git.join("objects"))?;
    let branch = contents
        .reference
        .filter(|name| name.starts_with("refs/heads/"));
    let head = match branch {
        Some(branch) => format!("ref: {branch}\n"),
        None => format!("{}\n", contents.commit),
    };
    fs::write(git.join("HEAD"), head)?;
    fs::write(git.join("config"), configuration(contents))?;
    fs::write(git.join("packed-refs"), packed_refs(contents, branch))?;
    if !boundary.is_empty() {
        let lines: Vec<String> = boundary.iter().map(ToString::to_string).collect();
        fs::write(git.join("shallow"), lines.join("\n") + "\n")?;
    }
    Ok(())
}

fn configuration(contents: &Contents<'_>) -> String {
    let sha256 = contents.source.object_hash() == gix::hash::Kind::Sha256;
    let mut text = format!(
        "[core]\n\trepositoryformatversion = {}\n\tfilemode = true\n\tbare = false\n",
        u8::from(sha256)
    );
    if sha256 {
        text.push_str("[extensions]\n\tobjectFormat = sha256\n");
    }
    if let Some(url) = contents.url {
        let url = url.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = write!(
            text,
            "[remote \"origin\"]\n\turl = \"{url}\"\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
        );
    }
    text
}

fn packed_refs(contents: &Contents<'_>, branch: Option<&str>) -> String {
    let commit = contents.commit.to_string();
    let mut refs: BTreeMap<String, (String, Option<String>)> = BTreeMap::new();
    if let Some(branch) = branch {
        refs.insert(branch.to_owned(), (commit.clone(), None));
        if contents.url.is_some() {
            let remote = branch.replacen("refs/heads/", "refs/remotes/origin/", 1);
            refs.insert(remote, (commit, None));
        }
    }
    for tag in contents.tags {
        refs.insert(tag.name.clone(), (tag.oid.clone(), tag.peeled.clone()));
    }
    let mut text = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    for (name, (oid, peeled)) in refs {
        let _ = writeln!(text, "{oid} {name}");
        if let Some(peeled) = peeled {
            let _ = writeln!(text, "^{peeled}");
        }
    }
    text
}

/// The commits whose parents are left out: at `depth`, and where the source
/// itself is cut off.
pub(super) fn boundary(
    source: &gix::Repository,
    commit: ObjectId,
    depth: Option<NonZeroU32>,
) -> Result<Vec<ObjectId>, GitFailure> {
    let failed = |error: &gix::Error| GitFailure::library("cannot read the history", error);
    let cut = source.shallow_commits().map_err(|error| failed(&error))?;
    if cut.is_none() && depth.is_none() {
        return Ok(Vec::new());
    }
    let mut boundary = Vec::new();
    let mut seen = gix::hashtable::HashSet::default();
    seen.insert(commit);
    let mut level = vec![commit];
    let mut left = depth.map(NonZeroU32::get);
    while !level.is_empty() {
        left = left.map(|left| left - 1);
        let mut next = Vec::new();
        for id in level {
            let commit = source.find_commit(id).map_err(|error| failed(&error))?;
            let parents: Vec<ObjectId> = commit.parent_ids().map(gix::Id::detach).collect();
            let cut_here = cut.as_ref().is_some_and(|cut| cut.contains(&id));
            if !parents.is_empty() && (cut_here || left == Some(0)) {
                boundary.push(id);
            } else {
                next.extend(parents.into_iter().filter(|parent| seen.insert(*parent)));
            }
        }
        level = next;
    }
    boundary.sort();
    Ok(boundary)
}

/// Copies packs and loose objects, those that the source borrows as well.
fn copy_objects(source: &gix::Repository, to: &Path) -> io::Result<()> {
    let store = source.objects.store_ref();
    let mut folders = vec![store.path().to_owned()];
    folders.extend(store.alternate_db_paths().map_err(io::Error::other)?);
    for from in folders {
        copy_files(&from.join("pack"), &to.join("pack"), |name| {
            let end = Path::new(name).extension();
            end.is_some_and(|end| end == "pack" || end == "idx")
        })?;
        for byte in 0..=u8::MAX {
            let name = format!("{byte:02x}");
            let loose = from.join(&name);
            if loose.is_dir() {
                fs::create_dir_all(to.join(&name))?;
                copy_files(&loose, &to.join(&name), |name| {
                    name.bytes().all(|digit| digit.is_ascii_hexdigit())
                })?;
            }
        }
    }
    Ok(())
}

fn copy_files(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        // Only plain files: a link among the objects would lead elsewhere.
        if entry.file_type()?.is_file() && name.to_str().is_some_and(&wanted) {
            fs::copy(entry.path(), to.join(name))?;
        }
    }
    Ok(())
}
