//! What a registry wants to know before it answers: the header `WWW-Authenticate`.
//!
//! Source: RFC 9110, section 11.6.1.

/// Longest header read.
const LONGEST: usize = 4096;

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With a token that another address gives out.
    Bearer {
        /// Where tokens are given out.
        realm: String,
        /// For whom.
        service: Option<String>,
        /// What for; the client knows it too.
        scope: Option<String>,
    },
    /// With name and password.
    Basic,
}

/// The first of several headers that can be answered; a token is better than a password.
pub(super) fn best<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let known: Vec<Challenge> = headers.filter_map(read).collect();
    let token = |one: &&Challenge| matches!(one, Challenge::Bearer { .. });
    known.iter().find(token).or(known.first()).cloned()
}

/// One header with one challenge.
fn read(header: &str) -> Option<Challenge> {
    if header.len() > LONGEST {
        return None;
    }
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let mut realm = None;
    let (mut service, mut scope) = (None, None);
    let mut rest = rest;
    while let Some((name, value, after)) = parameter(rest) {
        match name.to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value),
            "service" => service = Some(value),
            "scope" => scope = Some(value),
            _ => {}
        }
        rest = after;
    }
    Some(Challenge::Bearer {
        realm: realm?,
        service,
        scope,
    })
}

/// `name="value"` or `name=value`, and what stands behind it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let (name, rest) = text.split_once('=')?;
    let rest = rest.trim_start();
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find(',').unwrap_or(rest.len());
        return Some((name.trim(), rest[..end].trim().to_owned(), &rest[end..]));
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((name.trim(), value, &quoted[at + 1..])),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        for (header, challenge) in [
            (
                r#"Bearer realm="https://contoso.azurecr.io/oauth2/token",service="contoso.azurecr.io",scope="repository:air:pull""#,
                Some(bearer(
                    "https://contoso.azurecr.io/oauth2/token",
                    Some("contoso.azurecr.io"),
                    Some("repository:air:pull"),
                )),
            ),
            (
                r#"bearer realm = "https://a/t" , scope="repository:a:pull,push""#,
                Some(bearer("https://a/t", None, Some("repository:a:pull,push"))),
            ),
            (r#"Bearer realm="a\"b""#, Some(bearer("a\"b", None, None))),
            ("Bearer service=x", None),
            (r#"Bearer realm="open"#, None),
            (r#"Basic realm="Registry Realm""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Negotiate", None),
        ] {
            assert_eq!(read(header), challenge, "{header}");
        }
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let both = ["Basic realm=\"x\"", "Bearer realm=\"https://a\""];
        assert_eq!(
            best(both.into_iter()),
            Some(bearer("https://a", None, None))
        );
        assert_eq!(best(["Digest"].into_iter()), None);
    }

    proptest! {
        #[test]
        fn no_header_makes_the_reader_panic(header in "(Bearer |Basic )?[\\PC\"=,\\\\ ]{0,80}") {
            let _ = best([header.as_str()].into_iter());
        }
    }
}
