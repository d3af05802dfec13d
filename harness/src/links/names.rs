//! Addresses of names, and whether a name that is not found is nobody's or this machine finds none.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

/// A name that is there as long as the Internet's names are: it tells a name that is gone from a network that is.
///
/// Source: IANA, "Root Servers".
pub(super) const CONTROL: &str = "a.root-servers.net";

/// Where addresses of names come from.
#[derive(Debug, Clone)]
pub enum Names {
    /// This machine's own resolver.
    System,
    /// These names alone.
    Known(BTreeMap<String, Vec<IpAddr>>),
}

/// Why a name has no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// The resolver says that nobody has it, or that it has no address.
    Nobody,
    /// The resolver cannot tell: why, in words.
    Unknown(String),
}

impl Names {
    /// Every address of a host, in the resolver's order.
    pub(super) async fn of(&self, host: &str) -> Result<Vec<IpAddr>, Unnamed> {
        match self {
            Names::System => match tokio::net::lookup_host((host, 0)).await {
                Ok(addresses) => Ok(addresses.map(|address| address.ip()).collect()),
                Err(error) => Err(unnamed(&error)),
            },
            Names::Known(names) => names.get(host).cloned().ok_or(Unnamed::Nobody),
        }
    }
}

/// `getaddrinfo` tells its error in words alone: those of glibc and musl for `EAI_NONAME` and `EAI_NODATA`, read without a locale.
///
/// Source: glibc, `sysdeps/posix/gai_strerror-strs.h`; musl, `src/network/../errno/gai_strerror.c`.
fn unnamed(error: &io::Error) -> Unnamed {
    const NOBODY: [&str; 4] = [
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "Name has no usable address",
    ];
    let text = error.to_string();
    if NOBODY.iter().any(|words| text.contains(words)) {
        Unnamed::Nobody
    } else {
        Unnamed::Unknown(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_no_says_that_nobody_has_a_name() {
        let says = |words: &str| unnamed(&io::Error::other(words));
        assert_eq!(
            says("failed to lookup address information: Name or service not known"),
            Unnamed::Nobody
        );
        let unclear = "failed to lookup address information: Temporary failure in name resolution";
        assert_eq!(says(unclear), Unnamed::Unknown(unclear.to_owned()));
    }
}
