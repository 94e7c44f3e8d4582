//! Steps: what a test can ask for, one call of the interface each.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::bindings::wasi::filesystem::preopens::get_directories;
use crate::bindings::wasi::filesystem::types::{
    Advice, Descriptor, DescriptorFlags, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
    filesystem_error_code,
};
use crate::bindings::wasi::io::streams::{OutputStream, StreamError};

/// One step. `at` and `on` name a folder that was granted, such as `out`, or what
/// an `open` called so with `as`.
#[derive(Debug, Deserialize)]
#[serde(
    tag = "do",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub(crate) enum Step {
    Open {
        at: String,
        path: String,
        #[serde(default)]
        with: Vec<String>,
        r#as: Option<String>,
    },
    Close {
        on: String,
    },
    Read {
        on: String,
    },
    ReadStream {
        on: String,
    },
    Write {
        on: String,
        text: String,
        #[serde(default)]
        offset: u64,
    },
    Stream {
        on: String,
        bytes: usize,
        #[serde(default)]
        offset: Option<u64>,
    },
    /// Hands bytes over and never waits for them.
    Leave {
        on: String,
        bytes: usize,
    },
    SetSize {
        on: String,
        size: u64,
    },
    SetTimes {
        on: String,
    },
    SetTimesAt {
        at: String,
        path: String,
    },
    Stat {
        on: String,
    },
    StatAt {
        at: String,
        path: String,
    },
    Advise {
        on: String,
    },
    Mkdir {
        at: String,
        path: String,
    },
    Rmdir {
        at: String,
        path: String,
    },
    Unlink {
        at: String,
        path: String,
    },
    Symlink {
        at: String,
        path: String,
        to: String,
    },
    Readlink {
        at: String,
        path: String,
    },
    Link {
        at: String,
        path: String,
        to_at: String,
        to: String,
    },
    Rename {
        at: String,
        path: String,
        to_at: String,
        to: String,
    },
    /// How many entries a folder has.
    Count {
        on: String,
    },
    /// Opens or makes `<path>/<number>`, so often; how often that worked.
    Many {
        at: String,
        path: String,
        #[serde(default)]
        with: Vec<String>,
        count: u64,
        #[serde(default)]
        keep: bool,
    },
    /// Reads a file so often; how often each text was seen.
    Race {
        at: String,
        path: String,
        count: u64,
    },
}

/// What is open.
#[derive(Default)]
pub(crate) struct Open {
    descriptors: BTreeMap<String, Descriptor>,
    kept: Vec<Descriptor>,
    streams: Vec<OutputStream>,
}

type Outcome = Result<Value, String>;

impl Open {
    pub(crate) fn take(&mut self, step: Step) -> Outcome {
        if self.descriptors.is_empty() {
            for (descriptor, path) in get_directories() {
                let name = path.trim_start_matches("/workspace/").to_owned();
                self.descriptors.insert(name, descriptor);
            }
        }
        match step {
            Step::Open {
                at,
                path,
                with,
                r#as,
            } => {
                let opened = open(self.on(&at)?, &path, &with)?;
                if let Some(name) = r#as {
                    self.descriptors.insert(name, opened);
                }
                Ok(Value::Null)
            }
            Step::Close { on } => {
                self.descriptors.remove(&on);
                Ok(Value::Null)
            }
            Step::Many {
                at,
                path,
                with,
                count,
                keep,
            } => self.many(&at, &path, &with, count, keep),
            Step::Race { at, path, count } => Ok(race(self.on(&at)?, &path, count)),
            Step::Leave { on, bytes } => {
                let stream = self.on(&on)?.write_via_stream(0).map_err(name)?;
                let allowed = stream.check_write().map_err(stream_error)?;
                let bytes = bytes.min(usize::try_from(allowed).unwrap_or(0));
                stream.write(&vec![1; bytes]).map_err(stream_error)?;
                self.streams.push(stream);
                Ok(json!(bytes))
            }
            other => self.one(other),
        }
    }

    fn on(&self, descriptor: &str) -> Result<&Descriptor, String> {
        let found = self.descriptors.get(descriptor);
        found.ok_or_else(|| format!("nothing is called {descriptor}"))
    }

    fn one(&self, step: Step) -> Outcome {
        let nothing = |result: Result<(), ErrorCode>| result.map(|()| Value::Null).map_err(name);
        let flags = PathFlags::empty();
        match step {
            Step::Read { on } => text(self.on(&on)?).map(|text| json!(text)),
            Step::ReadStream { on } => {
                let stream = self.on(&on)?.read_via_stream(0).map_err(name)?;
                let mut bytes = 0;
                loop {
                    match stream.blocking_read(10_000) {
                        Ok(read) => bytes += read.len(),
                        Err(StreamError::Closed) => return Ok(json!(bytes)),
                        Err(error) => return Err(stream_error(error)),
                    }
                }
            }
            Step::Write { on, text, offset } => {
                let written = self.on(&on)?.write(text.as_bytes(), offset);
                written.map(|bytes| json!(bytes)).map_err(name)
            }
            Step::Stream { on, bytes, offset } => stream(self.on(&on)?, bytes, offset),
            Step::SetSize { on, size } => nothing(self.on(&on)?.set_size(size)),
            Step::SetTimes { on } => nothing(
                self.on(&on)?
                    .set_times(NewTimestamp::Now, NewTimestamp::Now),
            ),
            Step::SetTimesAt { at, path } => {
                let (now, now_too) = (NewTimestamp::Now, NewTimestamp::Now);
                nothing(self.on(&at)?.set_times_at(flags, &path, now, now_too))
            }
            Step::Stat { on } => {
                let stat = self.on(&on)?.stat().map_err(name)?;
                Ok(json!({ "size": stat.size, "links": stat.link_count }))
            }
            Step::StatAt { at, path } => {
                let follow = PathFlags::SYMLINK_FOLLOW;
                let stat = self.on(&at)?.stat_at(follow, &path).map_err(name)?;
                Ok(json!({ "size": stat.size, "links": stat.link_count }))
            }
            Step::Advise { on } => nothing(self.on(&on)?.advise(0, 0, Advice::DontNeed)),
            Step::Mkdir { at, path } => nothing(self.on(&at)?.create_directory_at(&path)),
            Step::Rmdir { at, path } => nothing(self.on(&at)?.remove_directory_at(&path)),
            Step::Unlink { at, path } => nothing(self.on(&at)?.unlink_file_at(&path)),
            Step::Symlink { at, path, to } => nothing(self.on(&at)?.symlink_at(&to, &path)),
            Step::Readlink { at, path } => {
                let to = self.on(&at)?.readlink_at(&path);
                to.map(|to| json!(to)).map_err(name)
            }
            Step::Link {
                at,
                path,
                to_at,
                to,
            } => {
                let (from, into) = (self.on(&at)?, self.on(&to_at)?);
                nothing(from.link_at(flags, &path, into, &to))
            }
            Step::Rename {
                at,
                path,
                to_at,
                to,
            } => {
                let (from, into) = (self.on(&at)?, self.on(&to_at)?);
                nothing(from.rename_at(&path, into, &to))
            }
            Step::Count { on } => count(self.on(&on)?),
            _ => Err("taken elsewhere".to_owned()),
        }
    }

    fn many(&mut self, at: &str, path: &str, with: &[String], count: u64, keep: bool) -> Outcome {
        let mut done = 0;
        let mut errors = BTreeMap::new();
        for number in 0..count {
            let path = path.replace('#', &number.to_string());
            match open(self.on(at)?, &path, with) {
                Ok(opened) => {
                    done += 1;
                    if keep {
                        self.kept.push(opened);
                    }
                }
                Err(code) => *errors.entry(code).or_insert(0) += 1,
            }
        }
        Ok(json!({ "done": done, "errors": errors }))
    }
}

/// Opens with the words `create`, `directory`, `exclusive`, `truncate`, `write`,
/// `nofollow`; for reading unless `write` alone is said.
fn open(at: &Descriptor, path: &str, with: &[String]) -> Result<Descriptor, String> {
    let has = |word: &str| with.iter().any(|it| it == word);
    let mut open = OpenFlags::empty();
    for (word, flag) in [
        ("create", OpenFlags::CREATE),
        ("directory", OpenFlags::DIRECTORY),
        ("exclusive", OpenFlags::EXCLUSIVE),
        ("truncate", OpenFlags::TRUNCATE),
    ] {
        if has(word) {
            open = open | flag;
        }
    }
    let mut flags = DescriptorFlags::empty();
    if has("write") {
        flags = flags | DescriptorFlags::WRITE;
    }
    if !has("write") || has("read") {
        flags = flags | DescriptorFlags::READ;
    }
    let path_flags = if has("nofollow") {
        PathFlags::empty()
    } else {
        PathFlags::SYMLINK_FOLLOW
    };
    at.open_at(path_flags, path, open, flags).map_err(name)
}

fn text(file: &Descriptor) -> Result<String, String> {
    let (bytes, _) = file.read(4096, 0).map_err(name)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Writes zeroes through a stream, as many as it takes; how many that were.
fn stream(file: &Descriptor, bytes: usize, offset: Option<u64>) -> Outcome {
    let stream = match offset {
        Some(offset) => file.write_via_stream(offset),
        None => file.append_via_stream(),
    };
    let stream = stream.map_err(name)?;
    let mut left = bytes;
    while left > 0 {
        let some = left.min(4096);
        stream
            .blocking_write_and_flush(&vec![0; some])
            .map_err(stream_error)?;
        left -= some;
    }
    Ok(json!(bytes))
}

fn count(folder: &Descriptor) -> Outcome {
    let entries = folder.read_directory().map_err(name)?;
    let mut count = 0_u64;
    let mut errors = 0_u64;
    loop {
        match entries.read_directory_entry() {
            Ok(Some(_)) => count += 1,
            Ok(None) => return Ok(json!({ "entries": count, "errors": errors })),
            Err(_) => errors += 1,
        }
    }
}

fn race(at: &Descriptor, path: &str, count: u64) -> Value {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..count {
        let read = open(at, path, &[]).and_then(|file| text(&file));
        let what = read.unwrap_or_else(|code| format!("error: {code}"));
        *seen.entry(what).or_default() += 1;
    }
    json!(seen)
}

fn name(code: ErrorCode) -> String {
    code.name().to_owned()
}

fn stream_error(error: StreamError) -> String {
    match error {
        StreamError::Closed => "closed".to_owned(),
        StreamError::LastOperationFailed(error) => match filesystem_error_code(&error) {
            Some(code) => name(code),
            None => error.to_debug_string(),
        },
    }
}
