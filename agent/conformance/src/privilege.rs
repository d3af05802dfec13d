//! Access to the host in one vocabulary, whether asked for, shown by the engine or held by the running process.

use crate::create_options::{Access, is_dangerous, is_default, plain_name};
use crate::observation::{EffectivePrivilege, LivePrivilege};

/// One thing a container has beyond the engine's defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// In words: `capability NET_ADMIN`.
    pub what: String,
    /// Its kind.
    pub access: Access,
}

fn reach(what: impl Into<String>, access: Access) -> Reach {
    Reach {
        what: what.into(),
        access,
    }
}

/// What the engine's inspect shows beyond its defaults.
#[must_use]
pub fn shown(effective: &EffectivePrivilege) -> Vec<Reach> {
    let privileged = effective
        .privileged
        .then(|| reach("privileged", Access::Privileged));
    let namespaces = effective.host_namespaces.iter();
    let namespaces = namespaces.map(|name| {
        reach(
            format!("another's namespace as {name}"),
            Access::HostNamespace,
        )
    });
    let binds = effective.binds.iter().map(|bind| {
        let source = bind.split(':').next().unwrap_or(bind);
        reach(format!("bind {bind}"), Access::of_host_path(source))
    });
    let capabilities = effective.cap_add.iter().filter_map(|name| capability(name));
    let devices = effective.devices.iter();
    let devices = devices.map(|device| reach(format!("device {device}"), Access::Device));
    let confinement = effective.security_opt.iter();
    let confinement = confinement
        .filter(|option| !option.starts_with("no-new-privileges") || option.ends_with("false"))
        .map(|option| reach(format!("security option {option}"), Access::Confinement));
    let sysctls = effective.sysctls.iter();
    let sysctls = sysctls.map(|sysctl| reach(format!("kernel parameter {sysctl}"), Access::Sysctl));
    let ports = effective.published_ports.iter();
    let ports = ports.map(|port| reach(format!("published port {port}"), Access::Port));
    (privileged.into_iter())
        .chain(namespaces)
        .chain(binds)
        .chain(capabilities)
        .chain(devices)
        .chain(confinement)
        .chain(sysctls)
        .chain(ports)
        .collect()
}

/// What the running process holds beyond the engine's defaults.
#[must_use]
pub fn held(live: &LivePrivilege) -> Vec<Reach> {
    let names = live.capabilities.iter();
    names.filter_map(|name| capability(name)).collect()
}

fn capability(name: &str) -> Option<Reach> {
    if is_default(name) {
        return None;
    }
    let access = if is_dangerous(name) {
        Access::DangerousCapability
    } else {
        Access::Capability
    };
    Some(reach(format!("capability {}", plain_name(name)), access))
}

/// Whether the running process is confined by nothing: as good as privileged, whatever the engine calls it.
#[must_use]
pub fn is_unconfined(live: &LivePrivilege) -> bool {
    let all = ["SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "SYS_PTRACE"];
    let holds = |wanted: &&str| {
        let mut names = live.capabilities.iter();
        names.any(|name| plain_name(name) == **wanted)
    };
    live.seccomp == 0 && all.iter().all(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_reach_nowhere() {
        let effective = EffectivePrivilege {
            cap_add: vec!["CHOWN".to_owned()],
            cap_drop: vec!["ALL".to_owned()],
            security_opt: vec!["no-new-privileges:true".to_owned()],
            ..EffectivePrivilege::default()
        };
        assert_eq!(shown(&effective), []);
    }

    #[test]
    fn everything_shown_is_named_by_its_kind() {
        let text = |text: &str| vec![text.to_owned()];
        let effective = EffectivePrivilege {
            privileged: true,
            cap_add: vec!["NET_ADMIN".to_owned(), "CAP_SYS_ADMIN".to_owned()],
            devices: text("/dev/video0"),
            binds: vec![
                "/var/run/docker.sock:/d.sock".to_owned(),
                "/etc:/e:ro".to_owned(),
            ],
            host_namespaces: text("PidMode"),
            security_opt: text("apparmor=unconfined"),
            sysctls: text("net.x=1"),
            published_ports: text("0.0.0.0:80->80/tcp"),
            ..EffectivePrivilege::default()
        };
        let kinds: Vec<Access> = shown(&effective).iter().map(|reach| reach.access).collect();
        assert_eq!(
            kinds,
            [
                Access::Privileged,
                Access::HostNamespace,
                Access::EngineSocket,
                Access::HostBind,
                Access::Capability,
                Access::DangerousCapability,
                Access::Device,
                Access::Confinement,
                Access::Sysctl,
                Access::Port
            ]
        );
    }

    #[test]
    fn a_process_with_every_capability_and_no_filter_is_unconfined() {
        let names = [
            "CAP_SYS_ADMIN",
            "CAP_SYS_MODULE",
            "CAP_SYS_RAWIO",
            "CAP_SYS_PTRACE",
        ];
        let mut live = LivePrivilege {
            uid: 0,
            gid: 0,
            capabilities: names.map(str::to_owned).to_vec(),
            seccomp: 0,
            no_new_privileges: false,
        };
        assert!(is_unconfined(&live));
        assert_eq!(held(&live).len(), 4);
        live.seccomp = 2;
        assert!(!is_unconfined(&live));
    }
}
