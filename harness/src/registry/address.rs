//! Where a repository is asked for: host, scheme and path, and which hosts may be spoken to without TLS.

use conformance::image::Reference;

/// Hosts that may be spoken to without TLS, beside this machine itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doors {
    /// Hosts, with their port where they have one: `registry.lab:5000`.
    pub plain_http: Vec<String>,
    /// Whether an authority was named: then even this machine is spoken to over TLS.
    pub tls_on_loopback: bool,
}

impl Doors {
    /// Whether a host is spoken to without TLS.
    #[must_use]
    pub fn is_plain(&self, host: &str) -> bool {
        let named = self.plain_http.iter().any(|plain| plain == host);
        named || (is_loopback(host) && !self.tls_on_loopback)
    }
}

/// This machine itself, by name or number.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host, with its port where there is one.
    pub host: String,
    /// Path of the repository.
    pub repository: String,
    /// `http` or `https`.
    pub scheme: &'static str,
}

impl Address {
    /// Where a reference is asked for; another host in its place with `mirror`.
    ///
    /// Docker Hub is what a reference without host means, and its images without a path are in `library`. Source: the package
    /// `distribution/reference`, its documentation.
    #[must_use]
    pub fn of(reference: &Reference, mirror: Option<&str>, doors: &Doors) -> Address {
        let hub = matches!(
            reference.registry.as_deref(),
            None | Some("docker.io" | "index.docker.io")
        );
        let host = match (mirror, hub) {
            (Some(mirror), _) => mirror.to_owned(),
            (None, true) => "registry-1.docker.io".to_owned(),
            (None, false) => reference.registry.clone().unwrap_or_default(),
        };
        let path = &reference.repository;
        let repository = if hub && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.clone()
        };
        let scheme = if doors.is_plain(&host) {
            "http"
        } else {
            "https"
        };
        Address {
            host,
            repository,
            scheme,
        }
    }

    /// `https://contoso.azurecr.io/v2/air-quality`.
    #[must_use]
    pub fn base(&self) -> String {
        format!("{}://{}/v2/{}", self.scheme, self.host, self.repository)
    }

    /// `contoso.azurecr.io/air-quality`, as the ledger knows it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reference: &str, mirror: Option<&str>, base: &str) {
        let doors = Doors {
            plain_http: vec!["registry.lab:5000".to_owned()],
            tls_on_loopback: false,
        };
        let address = Address::of(&reference.parse().unwrap(), mirror, &doors);
        assert_eq!(address.base(), base);
    }

    #[test]
    fn a_repository_is_asked_for_over_tls_except_where_that_was_said_otherwise() {
        check(
            "contoso.azurecr.io/air:1",
            None,
            "https://contoso.azurecr.io/v2/air",
        );
        check(
            "redis",
            None,
            "https://registry-1.docker.io/v2/library/redis",
        );
        check("docker.io/a/b", None, "https://registry-1.docker.io/v2/a/b");
        check("localhost:5000/air", None, "http://localhost:5000/v2/air");
        check("127.0.0.1:5000/air", None, "http://127.0.0.1:5000/v2/air");
        check(
            "127.0.0.1.example.com/air",
            None,
            "https://127.0.0.1.example.com/v2/air",
        );
        check("registry.lab/air", None, "https://registry.lab/v2/air");
        let mirror = Some("registry.lab:5000");
        check(
            "contoso.azurecr.io/air",
            mirror,
            "http://registry.lab:5000/v2/air",
        );
    }

    #[test]
    fn an_authority_turns_tls_on_for_this_machine_too() {
        let doors = Doors {
            tls_on_loopback: true,
            ..Doors::default()
        };
        assert!(!doors.is_plain("localhost:5000"));
        assert!(Doors::default().is_plain("[::1]:5000"));
    }
}
