//! What a running process may do, from `/proc/PID/status` (proc(5)): readable without any capability.

use std::fs;

use conformance::finding::{Reason, Unseen};
use conformance::observation::{LivePrivilege, Observed};
use procfs::FromBufRead;
use procfs::process::Status;

use super::Roots;

/// Capabilities by their number (capabilities(7), linux/capability.h).
pub const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

/// What a process of the host may do at this moment.
#[must_use]
pub fn read(roots: &Roots, pid: u32) -> Observed<LivePrivilege> {
    let path = roots.process(pid).join("status");
    let looked = fs::read(&path)
        .map_err(|error| error.to_string())
        .and_then(|text| parsed(&text));
    looked
        .map_err(|because| {
            Unseen::new(
                Reason::CannotMeasure,
                format!("{} cannot be read: {because}", path.display()),
            )
        })
        .into()
}

fn parsed(text: &[u8]) -> Result<LivePrivilege, String> {
    let status = Status::from_buf_read(text).map_err(|error| error.to_string())?;
    let seccomp = status.seccomp.ok_or("it has no Seccomp line")?;
    let no_new_privileges = status.nonewprivs.ok_or("it has no NoNewPrivs line")?;
    Ok(LivePrivilege {
        uid: status.euid,
        gid: status.egid,
        capabilities: names(status.capeff),
        seccomp: u8::try_from(seccomp).map_err(|error| error.to_string())?,
        no_new_privileges: no_new_privileges != 0,
    })
}

fn names(set: u64) -> Vec<String> {
    (0..u64::BITS)
        .filter(|bit| set >> bit & 1 == 1)
        .map(|bit| {
            let known = usize::try_from(bit)
                .ok()
                .and_then(|bit| CAPABILITIES.get(bit));
            known.map_or_else(|| format!("CAP_{bit}"), |name| (*name).to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn capabilities_have_their_names_and_unknown_ones_their_number() {
        // What the engine grants by default (Docker documentation, "Runtime privilege and Linux capabilities").
        assert_eq!(names(0xa804_25fb).len(), 14);
        assert_eq!(names(1 << 21), ["CAP_SYS_ADMIN"]);
        assert_eq!(names(1 << 40), ["CAP_CHECKPOINT_RESTORE"]);
        assert_eq!(names(1 << 63), ["CAP_63"]);
        assert!(names(0).is_empty());
    }

    proptest! {
        #[test]
        fn no_status_makes_it_panic(noise in proptest::collection::vec(any::<u8>(), 0..300), almost in "(Uid|Gid|CapEff|Seccomp|VmHWM):\t[0-9a-f\t kB]{0,40}\n") {
            let _refused = parsed(&noise);
            let _refused = parsed(almost.as_bytes());
        }
    }
}
