//! Process tree: everything that a process started, as `/proc` shows it.
//!
//! A snapshot of a tree that changes is never complete. Whoever kills one takes
//! snapshots until nothing is left.

use std::collections::HashSet;
use std::fs;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// One process of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    /// Its id.
    pub(super) pid: Pid,
    /// Its process group.
    pub(super) group: Option<Pid>,
    /// Whether it has ended and only waits for its parent to ask how.
    pub(super) ended: bool,
}

/// Memory of some processes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Memory {
    private: u64,
    largest_shared: u64,
}

impl Memory {
    /// Adds a process. One that has just ended counts as nothing.
    pub(super) fn add(&mut self, pid: Pid, page_bytes: u64) {
        let Ok(text) = fs::read_to_string(format!("/proc/{pid}/statm")) else {
            return;
        };
        let mut pages = text
            .split(' ')
            .skip(1)
            .map(|n| n.parse::<u64>().unwrap_or(0));
        let (resident, shared) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
        self.private += resident.saturating_sub(shared) * page_bytes;
        self.largest_shared = self.largest_shared.max(shared * page_bytes);
    }

    /// What the processes hold together: the private memory of all, and the
    /// shared memory of the one that has most, since programs and libraries
    /// would be counted once for each process otherwise.
    pub(super) fn bytes(self) -> u64 {
        self.private + self.largest_shared
    }
}

/// All descendants of a process, without itself; parents before children.
pub(super) fn descendants(root: Pid) -> Vec<Process> {
    let mut found = Vec::new();
    let mut seen = HashSet::from([root]);
    let mut next = vec![root];
    while let Some(parent) = next.pop() {
        for child in children(parent) {
            // A process may be reparented while we look, and be seen twice.
            if seen.insert(child)
                && let Some(process) = read(child)
            {
                found.push(process);
                next.push(child);
            }
        }
    }
    found
}

/// Kills every descendant of a process once, and returns how many were alive.
///
/// Groups are killed whole: the kernel does that in one step, so that a fork
/// bomb cannot slip through between two of its processes. Only groups below
/// `root` are hit, because the tool began its own session.
pub(super) fn kill_descendants(root: Pid) -> usize {
    let living: Vec<Process> = descendants(root)
        .into_iter()
        .filter(|process| !process.ended)
        .collect();
    let own_group = read(root).and_then(|process| process.group);
    let groups: HashSet<Pid> = living
        .iter()
        .filter_map(|process| process.group)
        .filter(|group| Some(*group) != own_group)
        .collect();
    for group in groups {
        let _ = kill_process_group(group, Signal::KILL);
    }
    for process in &living {
        let _ = kill_process(process.pid, Signal::KILL);
    }
    living.len()
}

fn children(parent: Pid) -> Vec<Pid> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else {
        return Vec::new();
    };
    let mut children = Vec::new();
    for task in tasks.flatten() {
        match fs::read_to_string(task.path().join("children")) {
            Ok(text) => children.extend(text.split_ascii_whitespace().filter_map(parse_pid)),
            // The thread is gone, or the kernel was built without this file.
            Err(_) if task.path().exists() => return children_by_search(parent),
            Err(_) => {}
        }
    }
    children
}

/// For kernels without `CONFIG_PROC_CHILDREN`: asks every process for its parent.
fn children_by_search(parent: Pid) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    processes
        .flatten()
        .filter_map(|entry| parse_pid(entry.file_name().to_str()?))
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

fn parse_pid(text: &str) -> Option<Pid> {
    Pid::from_raw(text.parse().ok()?)
}

fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_pid(fields_after_name(&stat)?.nth(1)?)
}

fn read(pid: Pid) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = fields_after_name(&stat)?;
    let state = fields.next()?;
    let group = parse_pid(fields.nth(1)?);
    let ended = matches!(state, "Z" | "X");
    Some(Process { pid, group, ended })
}

/// The fields of `/proc/PID/stat` from the state on. The name before them is
/// chosen by the process and may hold spaces and brackets.
fn fields_after_name(stat: &str) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    Some(stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::process::{Pid, getpid};

    use super::{Memory, children_by_search, descendants, fields_after_name};

    #[test]
    fn a_hostile_process_name_does_not_shift_the_fields() {
        let fields: Vec<&str> = fields_after_name("12 (a) R 1 ) b) S 7 8")
            .expect("there is a bracket")
            .collect();
        assert_eq!(fields, ["S", "7", "8"]);
    }

    #[test]
    fn a_child_is_found_both_ways() {
        let mut child = Command::new("/bin/cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("cat starts");
        let pid = Pid::from_child(&child);
        let by_tree = descendants(getpid()).iter().any(|found| found.pid == pid);
        let by_search = children_by_search(getpid()).contains(&pid);
        let mut memory = Memory::default();
        memory.add(pid, 4096);
        drop(child.stdin.take());
        child.wait().expect("cat ends");
        assert!(by_tree && by_search, "{by_tree} {by_search}");
        assert!(memory.bytes() > 0);
    }
}
