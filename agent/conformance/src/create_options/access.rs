//! Kinds of access beyond a plain container, and which of them amount to power over the host.

/// One thing the createOptions reach for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// JSON pointer to the option.
    pub pointer: String,
    /// What it gives, in words with the value.
    pub what: String,
    /// Of which kind it is.
    pub access: Access,
}

/// Kinds of access beyond a plain container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Everything the host has.
    Privileged,
    /// A namespace of the host, or of another container.
    HostNamespace,
    /// The engine's own socket: root on the host.
    EngineSocket,
    /// A path of the host.
    HostBind,
    /// A capability that no namespace confines.
    DangerousCapability,
    /// Another capability beyond the engine's defaults.
    Capability,
    /// A device node, or a driver that brings some.
    Device,
    /// Seccomp, AppArmor, SELinux or masked paths weakened.
    Confinement,
    /// Another runtime, cgroup or accounting than the engine's own.
    Runtime,
    /// A volume by name, of another container or of another driver.
    Volume,
    /// A network or container by name.
    Network,
    /// Where the engine sends the output.
    Logging,
    /// A label that belongs to edgeproof or to the IoT Edge runtime.
    Label,
    /// A kernel parameter of its own namespaces. Started without question.
    Sysctl,
    /// A port of the host. Started without question.
    Port,
    /// A key that nobody knows.
    Unknown,
}

impl Access {
    /// Whether it amounts to power over the host.
    #[must_use]
    pub const fn is_dangerous(self) -> bool {
        matches!(
            self,
            Access::Privileged
                | Access::HostNamespace
                | Access::EngineSocket
                | Access::HostBind
                | Access::DangerousCapability
        )
    }

    /// The kind of access that a path of the host gives.
    #[must_use]
    pub fn of_host_path(path: &str) -> Access {
        let sockets = [
            "docker.sock",
            "containerd.sock",
            "podman.sock",
            "dockershim.sock",
        ];
        let path = path.trim_end_matches('/');
        if sockets.iter().any(|name| path.ends_with(name)) {
            Access::EngineSocket
        } else {
            Access::HostBind
        }
    }
}
