//! Whether a text has the form of a web link or a mail address; where it leads is [`visited`](super::visited)'s question.

/// `http://` or `https://` with a host.
pub(super) fn is_link(text: &str) -> bool {
    let rest = ["https://", "http://"]
        .into_iter()
        .find_map(|scheme| {
            text.get(..scheme.len())
                .filter(|start| start.eq_ignore_ascii_case(scheme))
        })
        .map(|scheme| &text[scheme.len()..]);
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        host.starts_with(char::is_alphanumeric) && !text.contains(char::is_whitespace)
    })
}

/// One `@` between a name and a domain with a dot.
pub(super) fn is_mail_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty()
            && !domain.contains('@')
            && domain.split('.').count() > 1
            && domain.split('.').all(|label| !label.is_empty())
            && !text.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_mail_addresses_are_told_by_their_form() {
        for link in ["https://contoso.example/a?b#c", "HTTP://localhost:80"] {
            assert!(is_link(link), "{link}");
        }
        for other in [
            "",
            "https://",
            "https:///x",
            "contoso.example",
            "https://a b",
            "ftp://a.b",
        ] {
            assert!(!is_link(other), "{other}");
        }
        assert!(is_mail_address("support@contoso.example"));
        for other in ["", "@a.b", "a@b", "a@b.", "a b@c.d", "a@b@c.d"] {
            assert!(!is_mail_address(other), "{other}");
        }
    }
}
