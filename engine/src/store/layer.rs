//! Layer: what a stage wrote, as a directory tree.
//!
//! An attempt writes into its own tree. When it succeeds the tree becomes the
//! stage's layer by one rename; otherwise it is removed. A path that a stage
//! writes on top of an ancestor's layer starts as a copy of it, block-shared
//! where the file system can.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

/// Copies a tree. Links are copied as links, never followed; sockets, pipes and
/// devices are left out, since they have no content.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let kind = fs::symlink_metadata(from)?;
    if kind.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if kind.is_file() {
        return copy_file(from, to);
    }
    if !kind.is_dir() {
        return Ok(());
    }
    // A stack of our own: a tree may be deeper than the thread's stack.
    fs::create_dir_all(to)?;
    let mut directories = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = directories.pop() {
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
            if kind.is_dir() {
                fs::create_dir(&target)?;
                directories.push((entry.path(), target));
            } else if kind.is_symlink() {
                symlink(fs::read_link(entry.path())?, &target)?;
            } else if kind.is_file() {
                copy_file(&entry.path(), &target)?;
            }
        }
        fs::set_permissions(&to, fs::metadata(&from)?.permissions())?;
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let (source, target) = (File::open(from)?, File::create(to)?);
    #[cfg(target_os = "linux")]
    if rustix::fs::ioctl_ficlone(&target, &source).is_ok() {
        return target.set_permissions(source.metadata()?.permissions());
    }
    drop((source, target));
    fs::copy(from, to).map(|_| ())
}

/// Removes a tree, directories without write permission included. What is not
/// there is removed already.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Go's module cache, for one, makes its directories read-only.
fn make_writable(path: &Path) -> io::Result<()> {
    let mut directories = vec![path.to_owned()];
    while let Some(directory) = directories.pop() {
        let mut permissions = fs::symlink_metadata(&directory)?.permissions();
        permissions.set_mode(permissions.mode() | 0o700);
        fs::set_permissions(&directory, permissions)?;
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                directories.push(entry.path());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::{copy, remove};

    #[test]
    fn a_copy_has_the_same_files_links_and_permissions() {
        let directory = tempfile::tempdir().expect("a directory");
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("a/b")).expect("made");
        fs::write(from.join("a/b/tool"), "#!").expect("written");
        fs::set_permissions(from.join("a/b/tool"), fs::Permissions::from_mode(0o755)).expect("set");
        symlink("/etc/passwd", from.join("a/link")).expect("linked");
        copy(&from, &to).expect("copied");
        assert_eq!(fs::read(to.join("a/b/tool")).expect("there"), b"#!");
        let mode = fs::metadata(to.join("a/b/tool"))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
        let link = fs::read_link(to.join("a/link")).expect("still a link");
        assert_eq!(link.to_str(), Some("/etc/passwd"));
    }

    #[test]
    fn a_tree_with_read_only_directories_can_be_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let tree = directory.path().join("tree");
        fs::create_dir_all(tree.join("a")).expect("made");
        fs::write(tree.join("a/file"), "").expect("written");
        fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o500)).expect("set");
        remove(&tree).expect("removed");
        remove(&tree).expect("removing nothing is no error");
        assert!(!tree.exists());
    }
}
