//! Linux capabilities as the engine names them: which are given anyway, and which amount to the host itself.

/// What every container gets. Source: Docker documentation, "Runtime privilege and Linux capabilities".
const DEFAULT: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Those that no namespace confines: with one of them a container can read or change the host. Source: capabilities(7).
const DANGEROUS: [&str; 15] = [
    "ALL",
    "AUDIT_CONTROL",
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "PERFMON",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
];

/// A capability's name without prefix, in upper case: `CAP_SYS_ADMIN`, `sys_admin` and `SYS_ADMIN` are one.
#[must_use]
pub fn plain_name(name: &str) -> String {
    let name = name.trim().to_ascii_uppercase();
    name.strip_prefix("CAP_").unwrap_or(&name).to_owned()
}

/// Whether every container has it anyway.
#[must_use]
pub fn is_default(name: &str) -> bool {
    DEFAULT.contains(&plain_name(name).as_str())
}

/// Whether it amounts to power over the host.
#[must_use]
pub fn is_dangerous(name: &str) -> bool {
    DANGEROUS.contains(&plain_name(name).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_in_every_spelling() {
        for name in ["CAP_SYS_ADMIN", "sys_admin", " Cap_Sys_Admin "] {
            assert_eq!(plain_name(name), "SYS_ADMIN");
            assert!(is_dangerous(name) && !is_default(name));
        }
        assert!(is_dangerous("all"));
    }

    #[test]
    fn no_default_is_dangerous() {
        assert!(DEFAULT.iter().all(|name| !is_dangerous(name)));
        assert!(!is_dangerous("NET_ADMIN"));
    }
}
