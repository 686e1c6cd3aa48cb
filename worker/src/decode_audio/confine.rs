//! What the decoder may do beside decoding: nothing, as far as the kernel can hold it to that.
//!
//! Two guards of Linux, each taken where it is there. Landlock (5.13 and later; TCP from 6.7) leaves it the files that its
//! program consists of, to read: no other can be opened, made, changed or run, the recording it has open already. A filter
//! of system calls (seccomp) refuses sockets, new processes, other processes, changes of files that an older landlock does not
//! know of, the kernel's larger interfaces, and all calls that are newer than this list.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    apply_filter, sock_filter,
};
use serde::Serialize;

/// The newest rules of landlock that are asked for; an older kernel holds to those it knows.
const RULES: ABI = ABI::V6;
/// The first number of a system call that this list knows nothing of: all architectures share the newer ones, and those of x86 with
/// 32-bit pointers are behind them.
const UNKNOWN_CALLS: u32 = 463;

/// What the kernel holds a decoder to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confinement {
    /// It can open no file but those of its program.
    pub files: bool,
    /// It can make no connection, and no other process.
    pub system_calls: bool,
}

/// What the kernel of this machine holds a decoder to that is to be confined so. This process is confined from then on.
#[must_use]
pub fn confinement(confine: &Confine) -> Confinement {
    confine.apply().unwrap_or_else(|error| {
        // As good as not having it.
        tracing::warn!(%error, "decoder.not_confined");
        Confinement::default()
    })
}

/// How a decoder is to be confined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confine {
    /// To these files, the ones its program consists of, and in its system calls.
    ToFiles(Vec<PathBuf>),
    /// In its system calls: the program is a script, which starts others.
    SystemCalls,
    /// Not at all.
    Not,
}

impl Confine {
    /// Its name in arguments and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ToFiles(_) => "to-files",
            Self::SystemCalls => "system-calls",
            Self::Not => "not",
        }
    }

    /// The one of that name; the files are what follows it.
    pub(super) fn named(name: &str, files: impl Iterator<Item = PathBuf>) -> Option<Self> {
        match name {
            "to-files" => Some(Self::ToFiles(files.collect())),
            "system-calls" => Some(Self::SystemCalls),
            "not" => Some(Self::Not),
            _ => None,
        }
    }

    /// Confines this process, for good. A kernel without one of the guards applies the other.
    ///
    /// # Errors
    /// If the kernel has a guard, and refuses it.
    pub(super) fn apply(&self) -> io::Result<Confinement> {
        let mut confinement = Confinement::default();
        if let Self::ToFiles(files) = self {
            confinement.files = only_files(files)?;
        }
        if !matches!(self, Self::Not) {
            confinement.system_calls = filter_system_calls()?;
        }
        Ok(confinement)
    }
}

fn only_files(files: &[PathBuf]) -> io::Result<bool> {
    let restrict = || {
        Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(RULES))?
            .handle_access(AccessNet::from_all(RULES))?
            .scope(Scope::from_all(RULES))?
            .create()?
            .add_rules(path_beneath_rules(files, AccessFs::from_read(RULES)))?
            .restrict_self()
    };
    let status = restrict().map_err(|error| io::Error::other(format!("landlock: {error}")))?;
    Ok(status.ruleset != RulesetStatus::NotEnforced)
}

fn filter_system_calls() -> io::Result<bool> {
    let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(false) };
    let failed = |error: &dyn std::fmt::Display| io::Error::other(format!("seccomp: {error}"));
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
        REFUSED.iter().chain(REFUSED_ON_THIS_ARCHITECTURE).map(|&call| (call, Vec::new())).collect();
    let own = u64::from(std::process::id());
    for (call, argument, length, only, value) in [
        // Threads of its own it may have, processes not.
        (libc::SYS_clone, 0, Qword, SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64), 0),
        // It may end itself, as `abort` does; the program that this one becomes keeps the number.
        (libc::SYS_tgkill, 0, Dword, SeccompCmpOp::Ne, own),
        // It may look at its own limits, and set none: who is root may raise them.
        (libc::SYS_prlimit64, 0, Dword, SeccompCmpOp::Ne, 0),
        (libc::SYS_prlimit64, 2, Qword, SeccompCmpOp::Ne, 0),
    ] {
        let rule = SeccompCondition::new(argument, length, only, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(|error| failed(&error))?;
        refused.entry(call).or_default().push(rule);
    }
    // Its argument cannot be looked at; told that there is no such call, the C library takes `clone`.
    let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let mut programs = vec![newer_calls()];
    for (calls, error) in [(refused, libc::EPERM), (unknown, libc::ENOSYS)] {
        let filter =
            SeccompFilter::new(calls, SeccompAction::Allow, SeccompAction::Errno(error as u32), arch);
        programs.push(filter.and_then(BpfProgram::try_from).map_err(|error| failed(&error))?);
    }
    for program in programs {
        match apply_filter(&program) {
            Ok(()) => {}
            // A kernel built without.
            Err(seccompiler::Error::Prctl(error) | seccompiler::Error::Seccomp(error))
                if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) =>
            {
                return Ok(false);
            }
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(true)
}

/// A filter for which calls from [`UNKNOWN_CALLS`] on do not exist, whatever the architecture: the others' filter sees to that.
fn newer_calls() -> BpfProgram {
    // BPF as in linux/bpf_common.h: load the number of the call, jump if it is at least, return.
    let (load, jump_if_at_least, give) = (0x20, 0x35, 0x06);
    vec![
        sock_filter { code: load, jt: 0, jf: 0, k: 0 },
        sock_filter { code: jump_if_at_least, jt: 0, jf: 1, k: UNKNOWN_CALLS },
        sock_filter { code: give, jt: 0, jf: 0, k: libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32 },
        sock_filter { code: give, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW },
    ]
}

/// What no decoding needs.
const REFUSED: &[i64] = &[
    // Networks.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    // Other processes.
    libc::SYS_execveat,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_setpriority,
    libc::SYS_setrlimit,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setattr,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // What processes share.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Files, where landlock is older or does not look.
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // Mounts and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    // Who it is.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    // The kernel's larger interfaces.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_personality,
    libc::SYS_syslog,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    // `fchmodat2`, which the library does not name yet.
    452,
];

#[cfg(target_arch = "x86_64")]
const REFUSED_ON_THIS_ARCHITECTURE: &[i64] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_ON_THIS_ARCHITECTURE: &[i64] = &[];
