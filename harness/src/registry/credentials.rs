//! A name and a password for a registry, from the file in which `docker login` leaves them.
//!
//! Source: Docker documentation, "docker login", credential stores. Helpers are programs of their own and are not run.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::exit::Refused;
use crate::input;

/// What opens a registry. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub(super) user: String,
    pub(super) secret: Secret,
}

/// A password, or a token that is exchanged for others, as `az acr login` leaves it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    Password(String),
    Refresh(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(hidden)")
    }
}

impl Credentials {
    /// Reads those for a host out of a file of `docker login`; nothing where it has none for it.
    ///
    /// # Errors
    /// [`Refused::BadInput`] if the file cannot be read.
    pub fn from_file(path: &Path, host: &str) -> Result<Option<Credentials>, Refused> {
        read(&input::text(path)?, host)
            .map_err(|why| Refused::BadInput(format!("{}: {why}", path.display())))
    }

    pub(super) fn basic(&self) -> String {
        let password = match &self.secret {
            Secret::Password(password) => password.as_str(),
            Secret::Refresh(_) => "",
        };
        format!(
            "Basic {}",
            STANDARD.encode(format!("{}:{password}", self.user))
        )
    }
}

fn read(text: &str, host: &str) -> Result<Option<Credentials>, String> {
    // The message of the reader would show a part of the text, and that may be a password.
    let value: Value = serde_json::from_str(text).map_err(|error| {
        format!(
            "no JSON at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    // Docker Hub is called by an old address there.
    let names: &[&str] = match host {
        "registry-1.docker.io" => &[
            "https://index.docker.io/v1/",
            "docker.io",
            "index.docker.io",
        ],
        _ => &[],
    };
    let entries = value["auths"].as_object();
    let found = entries.into_iter().flatten().find(|(name, _)| {
        let bare = name
            .trim_start_matches("https://")
            .trim_start_matches("http://");
        bare.trim_end_matches('/') == host || names.contains(&name.as_str())
    });
    let Some((name, entry)) = found else {
        return Ok(None);
    };
    let pointer = format!("/auths/{}", name.replace('~', "~0").replace('/', "~1"));
    let (user, password) = match entry["auth"].as_str().filter(|auth| !auth.is_empty()) {
        Some(auth) => split(auth)
            .ok_or_else(|| format!("{pointer}/auth is no name and password in base64"))?,
        None => {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            (text("username"), text("password"))
        }
    };
    let refresh = entry["identitytoken"]
        .as_str()
        .filter(|token| !token.is_empty());
    let secret = match refresh {
        Some(token) => Secret::Refresh(token.to_owned()),
        None if password.is_empty() => {
            let helper = value["credsStore"].is_string() || value["credHelpers"].is_object();
            return if helper {
                Err(format!(
                    "{pointer}: the password is with a credential helper, which is not run; write a file with \"auth\" for --credentials"
                ))
            } else {
                Ok(None)
            };
        }
        None => Secret::Password(password),
    };
    Ok(Some(Credentials { user, secret }))
}

fn split(auth: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    // Some clients leave a zero byte behind.
    Some((user.to_owned(), password.trim_end_matches('\0').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"auths": {
        "contoso.azurecr.io": {"auth": "cHVsbDpzZXNhbWU="},
        "https://index.docker.io/v1/": {"username": "u", "password": "p"},
        "acr.azurecr.io": {"auth": "MDAwOg==", "identitytoken": "t"},
        "helped.example": {}
    }, "credsStore": "pass"}"#;

    #[test]
    fn the_entry_of_the_host_is_found_in_every_form() {
        let found = read(FILE, "contoso.azurecr.io").unwrap().unwrap();
        assert_eq!(found.basic(), "Basic cHVsbDpzZXNhbWU=");
        assert!(read(FILE, "registry-1.docker.io").unwrap().is_some());
        let token = read(FILE, "acr.azurecr.io").unwrap().unwrap();
        assert!(token.secret == Secret::Refresh("t".to_owned()));
        assert_eq!(read(FILE, "other.example").unwrap(), None);
    }

    #[test]
    fn a_helper_is_named_and_no_message_shows_a_secret() {
        let told = read(FILE, "helped.example").unwrap_err();
        assert!(told.contains("helper"), "{told}");
        let broken = r#"{"auths": {"a": {"auth": "sesame"}}"#;
        assert!(!read(broken, "a").unwrap_err().contains("sesame"));
        let wrong = r#"{"auths": {"a": {"auth": "sesame!"}}}"#;
        assert!(!read(wrong, "a").unwrap_err().contains("sesame"));
        let found = read(FILE, "contoso.azurecr.io").unwrap();
        assert_eq!(format!("{found:?}"), "Some(Credentials(hidden))");
    }
}
