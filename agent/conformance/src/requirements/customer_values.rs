//! Placeholders in a default value, and what looks as if only one customer could use it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Something found in a default value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// `<MY_SERVER>`, as the programme wants it.
    Placeholder(String),
    /// A value of one customer's network: the text found, and what it is.
    Concrete(String, &'static str),
    /// Perhaps a customer's value, or a placeholder in another form.
    Suspicious(String, &'static str),
}

/// Everything found in a text, in order.
pub(super) fn looks(text: &str) -> Vec<Look> {
    let mut looks = in_angle_brackets(text);
    if looks.is_empty() {
        looks.extend(other_placeholder(text));
    }
    looks.extend(addresses(text));
    looks.extend(host_of_url(text));
    looks
}

/// A name of capitals, digits and underscores.
pub(super) fn is_placeholder_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn in_angle_brackets(text: &str) -> Vec<Look> {
    let mut looks = Vec::new();
    for after in text.split('<').skip(1) {
        match after.split_once('>') {
            Some((name, _)) if is_placeholder_name(name) => {
                looks.push(Look::Placeholder(format!("<{name}>")))
            }
            Some((name, _)) if is_spelled_name(name) => looks.push(Look::Suspicious(
                format!("<{name}>"),
                "a placeholder that is not in capitals with underscores",
            )),
            None if is_placeholder_name(leading_name(after)) => looks.push(Look::Suspicious(
                format!("<{}", leading_name(after)),
                "a placeholder whose bracket is never closed",
            )),
            Some(_) | None => {}
        }
    }
    looks
}

/// Words as people write placeholders: letters, digits, joints.
fn is_spelled_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' ' | b'.'))
}

fn leading_name(text: &str) -> &str {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    &text[..end]
}

/// A placeholder in other brackets or in none.
fn other_placeholder(text: &str) -> Option<Look> {
    let trimmed = text.trim();
    for (open, close) in [
        ("${", "}"),
        ("{{", "}}"),
        ("{", "}"),
        ("[", "]"),
        ("%", "%"),
        ("(", ")"),
    ] {
        let inner = trimmed
            .split_once(open)
            .and_then(|(_, rest)| rest.split_once(close))
            .map(|(name, _)| name.trim());
        if let Some(name) = inner.filter(|name| name.len() > 2 && is_placeholder_name(name)) {
            return Some(Look::Suspicious(
                format!("{open}{name}{close}"),
                "a placeholder in other brackets than < and >",
            ));
        }
    }
    let lower = trimmed.to_ascii_lowercase();
    let asks = [
        "your-",
        "your_",
        "your ",
        "changeme",
        "change_me",
        "change-me",
        "todo",
        "tbd",
        "xxx",
        "replace_",
        "replace-",
    ];
    let bare = is_placeholder_name(trimmed)
        && trimmed.split('_').count() > 1
        && [
            "IP", "HOST", "HOSTNAME", "ADDRESS", "SERVER", "KEY", "PASSWORD", "TOKEN", "URL",
            "YOUR", "MY",
        ]
        .iter()
        .any(|word| trimmed.split('_').any(|part| part == *word));
    (bare || asks.iter().any(|start| lower.starts_with(start)))
        .then(|| Look::Suspicious(trimmed.to_owned(), "a placeholder without brackets"))
}

fn addresses(text: &str) -> Vec<Look> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | ':')))
        .filter_map(|run| {
            let run = run.trim_matches('.');
            let host = run.split_once(':').map_or(run, |(host, _)| host);
            let end = run.rsplit_once(':').map_or(run, |(_, end)| end);
            let v4 = [host, end]
                .into_iter()
                .find_map(|part| Some((part, part.parse::<Ipv4Addr>().ok()?.into())));
            let (part, address): (&str, IpAddr) =
                v4.or_else(|| Some((run, run.parse::<Ipv6Addr>().ok()?.into())))?;
            judge_address(part, address)
        })
        .collect()
}

/// A private address is one customer's; addresses that mean the same everywhere are nobody's.
fn judge_address(text: &str, address: IpAddr) -> Option<Look> {
    let everywhere = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    let one_network = match address {
        IpAddr::V4(v4) if v4.octets()[0] == 255 => return None,
        // Docker's default bridge is the same on every device.
        IpAddr::V4(v4) if v4.octets()[..2] == [172, 17] => false,
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    if everywhere {
        None
    } else if one_network {
        Some(Look::Concrete(
            text.to_owned(),
            "an address in a private network",
        ))
    } else {
        Some(Look::Suspicious(text.to_owned(), "a fixed address"))
    }
}

/// The host of a URL; a name in a private zone is one customer's.
fn host_of_url(text: &str) -> Option<Look> {
    const PRIVATE_ZONES: &[&str] = &[
        ".local",
        ".lan",
        ".corp",
        ".internal",
        ".intranet",
        ".home",
        ".localdomain",
    ];
    let whole = text.trim();
    let host = match whole.split_once("://") {
        Some((_, rest)) => {
            let authority = rest.split(['/', '?', '#']).next()?;
            authority.rsplit('@').next()?.split(':').next()?
        }
        None => whole.split(':').next()?,
    };
    let is_name = host.contains('.')
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && host
            .rsplit('.')
            .next()?
            .bytes()
            .all(|b| b.is_ascii_alphabetic());
    let lower = host.to_ascii_lowercase();
    if !is_name {
        None
    } else if PRIVATE_ZONES.iter().any(|zone| lower.ends_with(zone)) {
        Some(Look::Concrete(host.to_owned(), "a host in a private zone"))
    } else {
        whole
            .contains("://")
            .then(|| Look::Suspicious(host.to_owned(), "a fixed host"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown: Vec<String> = looks(text)
            .into_iter()
            .map(|look| match look {
                Look::Placeholder(name) => format!("ok {name}"),
                Look::Concrete(found, _) => format!("bad {found}"),
                Look::Suspicious(found, _) => format!("odd {found}"),
            })
            .collect();
        assert_eq!(shown.join(", "), expected, "{text}");
    }

    #[test]
    fn placeholders_are_found_in_any_form() {
        check("<MY_SERVER_IP_ADDRESS>", "ok <MY_SERVER_IP_ADDRESS>");
        check("tcp://<SERVER>:<PORT>/x", "ok <SERVER>, ok <PORT>");
        check("<my-server>", "odd <my-server>");
        check("<MY_SERVER", "odd <MY_SERVER");
        check("${SERVER_IP}", "odd ${SERVER_IP}");
        check("[SERVER_IP]", "odd [SERVER_IP]");
        check("MY_SERVER_IP", "odd MY_SERVER_IP");
        check("your-server", "odd your-server");
        check("a < b", "");
    }

    #[test]
    fn private_addresses_and_hosts_are_one_customers() {
        check("10.0.0.7", "bad 10.0.0.7");
        check("tcp://192.168.1.10:1883", "bad 192.168.1.10");
        check("server:172.20.0.1", "bad 172.20.0.1");
        check("fd00::1", "bad fd00::1");
        check(
            "opc.tcp://plc01.factory.local:4840",
            "bad plc01.factory.local",
        );
        check("plc.lan:102", "bad plc.lan");
    }

    #[test]
    fn fixed_public_addresses_and_hosts_are_suspicious() {
        check("8.8.8.8", "odd 8.8.8.8");
        check("172.17.0.1", "odd 172.17.0.1");
        check("https://api.contoso.com/v1", "odd api.contoso.com");
    }

    #[test]
    fn ordinary_values_are_nothing() {
        for text in [
            "",
            "info",
            "0.0.0.0:8080",
            "127.0.0.1",
            "::1",
            "255.255.255.0",
            "http://localhost:80",
            "1.0.1",
            "12:30:45",
            "/var/run/docker.sock:/var/run/docker.sock",
            "appsettings.json",
            "8080/tcp",
            "FATAL",
            "LOG_LEVEL",
            "é",
            "..",
            "a.b:c",
        ] {
            check(text, "");
        }
    }
}
