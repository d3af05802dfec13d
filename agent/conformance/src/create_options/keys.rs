//! Every key of `ContainerCreate` with its type, for engine APIs 1.41 to 1.53.
//!
//! Source: Docker Engine API reference, "Create a container" of each version, and its version history.

/// The type of an option's value. `null` stands for "not given" everywhere, as Go reads it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A text, or a list of texts: commands.
    Command,
    /// An object whose keys are the point: `{"8080/tcp": {}}`.
    Set,
    /// An object from texts to texts.
    Map,
    /// An object with these keys.
    Object(&'static [Key]),
    /// A list.
    List(&'static Kind),
    /// An object with keys of one's own and values of one kind.
    Keyed(&'static Kind),
}

/// One key of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    /// Its documented spelling.
    pub(super) name: &'static str,
    /// Type of its value.
    pub(super) kind: Kind,
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind }
}

/// The document itself.
pub(super) const CREATE: Kind = Kind::Object(&[
    key("Hostname", Kind::Text),
    key("Domainname", Kind::Text),
    key("User", Kind::Text),
    key("AttachStdin", Kind::Bool),
    key("AttachStdout", Kind::Bool),
    key("AttachStderr", Kind::Bool),
    key("ExposedPorts", Kind::Set),
    key("Tty", Kind::Bool),
    key("OpenStdin", Kind::Bool),
    key("StdinOnce", Kind::Bool),
    key("Env", Kind::Texts),
    key("Cmd", Kind::Command),
    key("Healthcheck", HEALTHCHECK),
    key("ArgsEscaped", Kind::Bool),
    key("Image", Kind::Text),
    key("Volumes", Kind::Set),
    key("WorkingDir", Kind::Text),
    key("Entrypoint", Kind::Command),
    key("NetworkDisabled", Kind::Bool),
    key("MacAddress", Kind::Text),
    key("OnBuild", Kind::Texts),
    key("Labels", Kind::Map),
    key("StopSignal", Kind::Text),
    key("StopTimeout", Kind::Int),
    key("Shell", Kind::Texts),
    key("HostConfig", HOST_CONFIG),
    key("NetworkingConfig", NETWORKING),
]);

const HEALTHCHECK: Kind = Kind::Object(&[
    key("Test", Kind::Texts),
    key("Interval", Kind::Int),
    key("Timeout", Kind::Int),
    key("Retries", Kind::Int),
    key("StartPeriod", Kind::Int),
    key("StartInterval", Kind::Int),
]);

/// `HostConfig`.
pub(super) const HOST_CONFIG: Kind = Kind::Object(&[
    key("CpuShares", Kind::Int),
    key("Memory", Kind::Int),
    key("CgroupParent", Kind::Text),
    key("BlkioWeight", Kind::Int),
    key("BlkioWeightDevice", Kind::List(&WEIGHT_DEVICE)),
    key("BlkioDeviceReadBps", Kind::List(&RATE_DEVICE)),
    key("BlkioDeviceWriteBps", Kind::List(&RATE_DEVICE)),
    key("BlkioDeviceReadIOps", Kind::List(&RATE_DEVICE)),
    key("BlkioDeviceWriteIOps", Kind::List(&RATE_DEVICE)),
    key("CpuPeriod", Kind::Int),
    key("CpuQuota", Kind::Int),
    key("CpuRealtimePeriod", Kind::Int),
    key("CpuRealtimeRuntime", Kind::Int),
    key("CpusetCpus", Kind::Text),
    key("CpusetMems", Kind::Text),
    key("Devices", Kind::List(&DEVICE)),
    key("DeviceCgroupRules", Kind::Texts),
    key("DeviceRequests", Kind::List(&DEVICE_REQUEST)),
    key("KernelMemory", Kind::Int),
    key("KernelMemoryTCP", Kind::Int),
    key("MemoryReservation", Kind::Int),
    key("MemorySwap", Kind::Int),
    key("MemorySwappiness", Kind::Int),
    key("NanoCpus", Kind::Int),
    key("OomKillDisable", Kind::Bool),
    key("Init", Kind::Bool),
    key("PidsLimit", Kind::Int),
    key("Ulimits", Kind::List(&ULIMIT)),
    key("CpuCount", Kind::Int),
    key("CpuPercent", Kind::Int),
    key("IOMaximumIOps", Kind::Int),
    key("IOMaximumBandwidth", Kind::Int),
    key("Binds", Kind::Texts),
    key("ContainerIDFile", Kind::Text),
    key("LogConfig", LOG_CONFIG),
    key("NetworkMode", Kind::Text),
    key("PortBindings", Kind::Keyed(&Kind::List(&PORT_BINDING))),
    key("RestartPolicy", RESTART_POLICY),
    key("AutoRemove", Kind::Bool),
    key("VolumeDriver", Kind::Text),
    key("VolumesFrom", Kind::Texts),
    key("Mounts", Kind::List(&MOUNT)),
    key("ConsoleSize", Kind::List(&Kind::Int)),
    key("Annotations", Kind::Map),
    key("CapAdd", Kind::Command),
    key("CapDrop", Kind::Command),
    key("CgroupnsMode", Kind::Text),
    key("Dns", Kind::Texts),
    key("DnsOptions", Kind::Texts),
    key("DnsSearch", Kind::Texts),
    key("ExtraHosts", Kind::Texts),
    key("GroupAdd", Kind::Texts),
    key("IpcMode", Kind::Text),
    key("Cgroup", Kind::Text),
    key("Links", Kind::Texts),
    key("OomScoreAdj", Kind::Int),
    key("PidMode", Kind::Text),
    key("Privileged", Kind::Bool),
    key("PublishAllPorts", Kind::Bool),
    key("ReadonlyRootfs", Kind::Bool),
    key("SecurityOpt", Kind::Texts),
    key("StorageOpt", Kind::Map),
    key("Tmpfs", Kind::Map),
    key("UTSMode", Kind::Text),
    key("UsernsMode", Kind::Text),
    key("ShmSize", Kind::Int),
    key("Sysctls", Kind::Map),
    key("Runtime", Kind::Text),
    key("Isolation", Kind::Text),
    key("MaskedPaths", Kind::Texts),
    key("ReadonlyPaths", Kind::Texts),
]);

const WEIGHT_DEVICE: Kind = Kind::Object(&[key("Path", Kind::Text), key("Weight", Kind::Int)]);

const RATE_DEVICE: Kind = Kind::Object(&[key("Path", Kind::Text), key("Rate", Kind::Int)]);

const DEVICE: Kind = Kind::Object(&[
    key("PathOnHost", Kind::Text),
    key("PathInContainer", Kind::Text),
    key("CgroupPermissions", Kind::Text),
]);

const DEVICE_REQUEST: Kind = Kind::Object(&[
    key("Driver", Kind::Text),
    key("Count", Kind::Int),
    key("DeviceIDs", Kind::Texts),
    key("Capabilities", Kind::List(&Kind::Texts)),
    key("Options", Kind::Map),
]);

const ULIMIT: Kind = Kind::Object(&[
    key("Name", Kind::Text),
    key("Soft", Kind::Int),
    key("Hard", Kind::Int),
]);

const LOG_CONFIG: Kind = Kind::Object(&[key("Type", Kind::Text), key("Config", Kind::Map)]);

const PORT_BINDING: Kind = Kind::Object(&[key("HostIp", Kind::Text), key("HostPort", Kind::Text)]);

const RESTART_POLICY: Kind =
    Kind::Object(&[key("Name", Kind::Text), key("MaximumRetryCount", Kind::Int)]);

const MOUNT: Kind = Kind::Object(&[
    key("Target", Kind::Text),
    key("Source", Kind::Text),
    key("Type", Kind::Text),
    key("ReadOnly", Kind::Bool),
    key("Consistency", Kind::Text),
    key(
        "BindOptions",
        Kind::Object(&[
            key("Propagation", Kind::Text),
            key("NonRecursive", Kind::Bool),
            key("CreateMountpoint", Kind::Bool),
            key("ReadOnlyNonRecursive", Kind::Bool),
            key("ReadOnlyForceRecursive", Kind::Bool),
        ]),
    ),
    key(
        "VolumeOptions",
        Kind::Object(&[
            key("NoCopy", Kind::Bool),
            key("Labels", Kind::Map),
            key("Subpath", Kind::Text),
            key(
                "DriverConfig",
                Kind::Object(&[key("Name", Kind::Text), key("Options", Kind::Map)]),
            ),
        ]),
    ),
    key("ImageOptions", Kind::Object(&[key("Subpath", Kind::Text)])),
    key(
        "TmpfsOptions",
        Kind::Object(&[
            key("SizeBytes", Kind::Int),
            key("Mode", Kind::Int),
            key("Options", Kind::List(&Kind::Texts)),
        ]),
    ),
    key("ClusterOptions", Kind::Object(&[])),
]);

const NETWORKING: Kind = Kind::Object(&[key("EndpointsConfig", Kind::Keyed(&ENDPOINT))]);

const ENDPOINT: Kind = Kind::Object(&[
    key(
        "IPAMConfig",
        Kind::Object(&[
            key("IPv4Address", Kind::Text),
            key("IPv6Address", Kind::Text),
            key("LinkLocalIPs", Kind::Texts),
        ]),
    ),
    key("Links", Kind::Texts),
    key("MacAddress", Kind::Text),
    key("Aliases", Kind::Texts),
    key("DriverOpts", Kind::Map),
    key("GwPriority", Kind::Int),
    key("NetworkID", Kind::Text),
    key("EndpointID", Kind::Text),
    key("Gateway", Kind::Text),
    key("IPAddress", Kind::Text),
    key("IPPrefixLen", Kind::Int),
    key("IPv6Gateway", Kind::Text),
    key("GlobalIPv6Address", Kind::Text),
    key("GlobalIPv6PrefixLen", Kind::Int),
    key("DNSNames", Kind::Texts),
]);

#[cfg(test)]
mod tests {
    use super::*;

    /// Go folds the case of keys, so two keys of one object must differ in more.
    fn check_unique(kind: &Kind) {
        match kind {
            Kind::Object(keys) => {
                for (index, key) in keys.iter().enumerate() {
                    let twin = keys[..index]
                        .iter()
                        .find(|other| other.name.eq_ignore_ascii_case(key.name));
                    assert!(twin.is_none(), "{} twice", key.name);
                    check_unique(&key.kind);
                }
            }
            Kind::List(kind) | Kind::Keyed(kind) => check_unique(kind),
            Kind::Bool
            | Kind::Int
            | Kind::Text
            | Kind::Texts
            | Kind::Command
            | Kind::Set
            | Kind::Map => {}
        }
    }

    #[test]
    fn no_object_has_a_key_twice() {
        check_unique(&CREATE);
    }
}
