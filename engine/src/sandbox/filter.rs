//! Filter: the system calls that a tool may not make (seccomp).
//!
//! Everything else is allowed: what a tool may touch is the matter of the walls
//! before this one, which are made of the same kernel. This one takes away what
//! could undo them, and the parts of the kernel that builds never need.

use std::collections::BTreeMap;
use std::io;

use libc::{c_int, c_long};
use seccompiler::{
    SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};

use super::sys;

/// Which sockets a tool may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sockets {
    /// None but pairs that are connected to each other: nothing else keeps the
    /// tool off the network.
    Pairs,
    /// Of the internet only: a socket of the machine could be anybody's.
    Internet,
    /// Internet and unix sockets: a network namespace or mounts hold them.
    Any,
}

/// A filter, compiled.
#[derive(Debug)]
pub(super) struct Filter(Vec<Vec<libc::sock_filter>>);

impl Filter {
    /// Compiles the filter.
    pub(super) fn new(sockets: Sockets) -> io::Result<Self> {
        let mut refused = everywhere();
        add_sockets(&mut refused, sockets);
        let absent = ABSENT.iter().map(|&call| (call, Vec::new())).collect();
        Ok(Self(vec![
            compile(refused, libc::EPERM)?,
            compile(absent, libc::ENOSYS)?,
            bounds(),
        ]))
    }

    /// Installs it, for this process and all it starts. Cannot be undone.
    pub(super) fn install(&self) -> io::Result<()> {
        self.0.iter().try_for_each(|program| sys::filter(program))
    }
}

/// Calls that programs try and do without: they are told that this kernel does
/// not have them. `clone3` above all: its flags lie in memory, where a filter
/// cannot look, and the C library only goes back to `clone` on this answer.
/// `openat2` hides the mode of a new file in the same way.
const ABSENT: &[c_long] = &[
    libc::SYS_clone3,
    libc::SYS_openat2,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// Calls that are refused whatever their arguments are.
const REFUSED: &[c_long] = &[
    // Mounts and roots: the view is not the tool's to change.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    // Namespaces: a new one would give capabilities back.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // Keys and secrets of the kernel, which no namespace divides.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_memfd_secret,
    // Large parts of the kernel with a history.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_lookup_dcookie,
    libc::SYS_nfsservctl,
    libc::SYS_vhangup,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    OPEN_TREE_ATTR,
    FILE_SETATTR,
];

/// Newer than the C library's list, on every architecture or on some.
const FCHMODAT2: c_long = 452;
const OPEN_TREE_ATTR: c_long = 467;
const FILE_SETATTR: c_long = 469;

/// Calls beyond this number did not exist when this list was made. Nobody can
/// say what they do; programs take their absence for an older kernel. On x86-64
/// the calls of the x32 interface lie here too, which would pass every rule.
const FIRST_UNKNOWN: u32 = 470;

#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[];

/// Personalities that programs ask for: the usual one, the one of old uname, one
/// without randomised addresses, and the question which it is.
const PERSONALITIES: [u64; 5] = [0, 0x8, 0x0002_0000, 0x0004_0000, 0xffff_ffff];

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn everywhere() -> Rules {
    let all = REFUSED.iter().chain(REFUSED_HERE);
    let mut rules: Rules = all.map(|&call| (call, Vec::new())).collect();
    rules.insert(
        libc::SYS_clone,
        NAMESPACES
            .iter()
            .map(|&flag| rule([has(0, u64::from(flag.cast_unsigned()))]))
            .collect(),
    );
    // What is typed into a terminal is obeyed by whoever reads from it.
    let injections = [libc::TIOCSTI, libc::TIOCLINUX];
    rules.insert(
        libc::SYS_ioctl,
        injections.map(|call| rule([is(1, call)])).into(),
    );
    rules.insert(
        libc::SYS_personality,
        vec![rule(PERSONALITIES.map(|known| is_not(0, known)))],
    );
    add_set_id(&mut rules);
    rules
}

const NAMESPACES: [c_int; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// A file that takes on its owner's rights for whoever runs it would outlive the
/// tool, in a folder of the workspace.
fn add_set_id(rules: &mut Rules) {
    let bits = [u64::from(libc::S_ISUID), u64::from(libc::S_ISGID)];
    let mut add = |call: c_long, argument: u8| {
        let refused = bits.map(|bit| rule([has(argument, bit)]));
        rules.entry(call).or_default().extend(refused);
    };
    add(libc::SYS_fchmod, 1);
    add(libc::SYS_fchmodat, 2);
    add(FCHMODAT2, 2);
    add(libc::SYS_mknodat, 2);
    #[cfg(target_arch = "x86_64")]
    {
        add(libc::SYS_chmod, 1);
        add(libc::SYS_creat, 1);
        add(libc::SYS_mknod, 1);
    }
    // The mode is only looked at where a file is made.
    let mut add_open = |call: c_long, flags: u8, mode: u8| {
        let makes = [libc::O_CREAT, libc::O_TMPFILE].map(|flag| u64::from(flag.cast_unsigned()));
        for (bit, flag) in bits.iter().flat_map(|bit| makes.map(|flag| (*bit, flag))) {
            let refused = rule([has(flags, flag), has(mode, bit)]);
            rules.entry(call).or_default().push(refused);
        }
    };
    add_open(libc::SYS_openat, 2, 3);
    #[cfg(target_arch = "x86_64")]
    add_open(libc::SYS_open, 1, 2);
}

fn add_sockets(rules: &mut Rules, sockets: Sockets) {
    let (unix, v4, v6) = (libc::AF_UNIX, libc::AF_INET, libc::AF_INET6);
    let families: &[c_int] = match sockets {
        Sockets::Pairs => &[],
        Sockets::Internet => &[v4, v6],
        Sockets::Any => &[unix, v4, v6],
    };
    let others: Vec<_> = families
        .iter()
        .map(|family| is_not(0, u64::from(family.cast_unsigned())))
        .collect();
    // No condition at all refuses every one.
    let refused = if others.is_empty() {
        Vec::new()
    } else {
        vec![rule(others)]
    };
    rules.insert(libc::SYS_socket, refused);
    if sockets == Sockets::Any {
        return;
    }
    add_truncation(rules);
    // A socket of a pair may send to others than its twin if it has no connection.
    let kind = |kind: c_int| condition(1, SeccompCmpOp::MaskedEq(0xf), kind.cast_unsigned().into());
    let pairs = [libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_RDM].map(|it| rule([kind(it)]));
    rules.insert(libc::SYS_socketpair, pairs.into());
}

/// Where Landlock is all that holds files: before Linux 6.2 it does not look at
/// what makes them shorter without opening them for writing.
fn add_truncation(rules: &mut Rules) {
    rules.insert(libc::SYS_truncate, Vec::new());
    let cut = u64::from(libc::O_TRUNC.cast_unsigned());
    let mode = u64::from(libc::O_ACCMODE.cast_unsigned());
    let reads = |argument| condition(argument, SeccompCmpOp::MaskedEq(mode), 0);
    let mut add = |call: c_long, argument: u8| {
        let refused = rule([has(argument, cut), reads(argument)]);
        rules.entry(call).or_default().push(refused);
    };
    add(libc::SYS_openat, 2);
    #[cfg(target_arch = "x86_64")]
    add(libc::SYS_open, 1);
}

fn rule(conditions: impl Into<Vec<SeccompCondition>>) -> SeccompRule {
    SeccompRule::new(conditions.into()).expect("it has conditions")
}

/// Arguments of the calls that are looked at are 32 bits wide for the kernel, so
/// that the other half must not make a difference.
fn condition(argument: u8, operator: SeccompCmpOp, value: u64) -> SeccompCondition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        .expect("no call has more than six arguments")
}

fn is(argument: u8, value: u64) -> SeccompCondition {
    condition(argument, SeccompCmpOp::Eq, value)
}

fn is_not(argument: u8, value: u64) -> SeccompCondition {
    condition(argument, SeccompCmpOp::Ne, value)
}

fn has(argument: u8, bits: u64) -> SeccompCondition {
    condition(argument, SeccompCmpOp::MaskedEq(bits), bits)
}

fn compile(rules: Rules, errno: c_int) -> io::Result<Vec<libc::sock_filter>> {
    let refuse = SeccompAction::Errno(errno.cast_unsigned());
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(|_| io::Error::from(io::ErrorKind::Unsupported))?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture);
    let program: seccompiler::BpfProgram = filter
        .and_then(TryInto::try_into)
        .map_err(io::Error::other)?;
    let same = program.iter().map(|line| libc::sock_filter {
        code: line.code,
        jt: line.jt,
        jf: line.jf,
        k: line.k,
    });
    Ok(same.collect())
}

/// `if number >= FIRST_UNKNOWN { ENOSYS } else { allowed }`.
fn bounds() -> Vec<libc::sock_filter> {
    let line = |code: u32, jt, jf, k| libc::sock_filter {
        code: u16::try_from(code).expect("codes have 16 bits"),
        jt,
        jf,
        k,
    };
    let absent = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
    vec![
        // The number is the first field of what the filter sees.
        line(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        line(
            libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K,
            0,
            1,
            FIRST_UNKNOWN,
        ),
        line(libc::BPF_RET | libc::BPF_K, 0, 0, absent),
        line(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
