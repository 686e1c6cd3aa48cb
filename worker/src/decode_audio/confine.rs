//! What the decoder may do beside decoding: nothing, as far as the kernel can hold it to that.
//!
//! Two guards of Linux, each taken where it is there. Landlock (5.13 and later; TCP from 6.7) leaves it the files that its
//! program consists of, to read: no other can be opened, made, changed or run, the recording it has open already. A filter
//! of system calls (seccomp) refuses sockets, new processes, other processes' memory and the kernel's larger interfaces.

use std::io;
use std::path::PathBuf;

use serde::Serialize;

/// What the kernel holds a decoder to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confinement {
    /// It can open no file but those of its program.
    pub files: bool,
    /// It can make no connection, and no other process.
    pub system_calls: bool,
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
    /// Confines this process, for good. A kernel without one of the guards applies the other.
    ///
    /// # Errors
    /// If the kernel has a guard, and refuses it.
    pub(super) fn apply(&self) -> io::Result<Confinement> {
        let mut confinement = Confinement::default();
        if let Self::ToFiles(files) = self {
            confinement.files = linux::only_files(files)?;
        }
        if !matches!(self, Self::Not) {
            confinement.system_calls = linux::filter_system_calls()?;
        }
        Ok(confinement)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::io;
    use std::path::PathBuf;

    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
        RulesetCreatedAttr as _, RulesetStatus, Scope, path_beneath_rules,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch, apply_filter,
    };

    /// The newest rules that are asked for; an older kernel holds to those it knows.
    const RULES: ABI = ABI::V6;

    pub(super) fn only_files(files: &[PathBuf]) -> io::Result<bool> {
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

    pub(super) fn filter_system_calls() -> io::Result<bool> {
        let Ok(arch) = TargetArch::try_from(std::env::consts::ARCH) else { return Ok(false) };
        let failed = |error: &dyn std::fmt::Display| io::Error::other(format!("seccomp: {error}"));
        let mut refused: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
        for &call in REFUSED.iter().chain(REFUSED_ON_THIS_ARCHITECTURE) {
            refused.insert(call, Vec::new());
            // The same calls by the numbers of 32-bit pointers, where a kernel has them.
            #[cfg(target_arch = "x86_64")]
            refused.insert(call | 0x4000_0000, Vec::new());
        }
        // Threads of its own it may have, processes not.
        let no_thread = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Qword,
            SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64),
            0,
        );
        let no_thread = no_thread.and_then(|condition| SeccompRule::new(vec![condition]));
        refused.insert(libc::SYS_clone, vec![no_thread.map_err(|error| failed(&error))?]);
        // Its argument cannot be looked at; told that there is no such call, the C library takes `clone`.
        let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        for (calls, error) in [(refused, libc::EPERM), (unknown, libc::ENOSYS)] {
            let filter =
                SeccompFilter::new(calls, SeccompAction::Allow, SeccompAction::Errno(error as u32), arch);
            let program = filter.and_then(BpfProgram::try_from).map_err(|error| failed(&error))?;
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

    /// What no decoding needs, and landlock does not cover.
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
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_pidfd_open,
        libc::SYS_pidfd_getfd,
        libc::SYS_pidfd_send_signal,
        libc::SYS_kcmp,
        libc::SYS_shmget,
        libc::SYS_msgget,
        libc::SYS_semget,
        libc::SYS_mq_open,
        // Attributes of files.
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
        // Mounts and namespaces.
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_move_mount,
        libc::SYS_open_tree,
        libc::SYS_fsopen,
        libc::SYS_fsmount,
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
        libc::SYS_setgroups,
        libc::SYS_capset,
        // The kernel's larger interfaces.
        libc::SYS_bpf,
        libc::SYS_perf_event_open,
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
        libc::SYS_userfaultfd,
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
        libc::SYS_iopl,
        libc::SYS_ioperm,
        libc::SYS_modify_ldt,
    ];
    #[cfg(not(target_arch = "x86_64"))]
    const REFUSED_ON_THIS_ARCHITECTURE: &[i64] = &[];
}

#[cfg(not(target_os = "linux"))]
mod linux {
    //! Elsewhere there is neither.

    use std::io;
    use std::path::PathBuf;

    pub(super) fn only_files(_files: &[PathBuf]) -> io::Result<bool> {
        Ok(false)
    }

    pub(super) fn filter_system_calls() -> io::Result<bool> {
        Ok(false)
    }
}
