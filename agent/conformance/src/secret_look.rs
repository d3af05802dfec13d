//! Whether the value of a setting looks like a secret. The value itself is never repeated.

/// What kind of secret the value of a setting looks like, or `None`.
#[must_use]
pub fn secret_look(name: &str, value: &str) -> Option<&'static str> {
    let value = value.trim();
    if value.is_empty() || is_placeholder(value) {
        return None;
    }
    by_form(value).or_else(|| by_name(name, value))
}

/// A whole value such as `<MY_KEY>`.
fn is_placeholder(value: &str) -> bool {
    value
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .is_some_and(|inner| !inner.contains(['<', '>']))
}

fn by_form(value: &str) -> Option<&'static str> {
    const TOKEN_STARTS: &[&str] = &[
        "ghp_",
        "gho_",
        "ghs_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "sk_live_",
        "AIza",
        "npm_",
        "dckr_pat_",
    ];
    let assigned = [
        "sharedaccesskey=",
        "accountkey=",
        "sharedaccesssignature=",
        "sharedaccesssignature ",
        "password=",
        "pwd=",
    ];
    if value.contains("-----BEGIN") && value.contains("PRIVATE KEY") {
        Some("a private key")
    } else if assigned.iter().any(|start| assigns(value, start)) {
        Some("a connection string with its key or password")
    } else if has_password_in_url(value) {
        Some("a URL with a password")
    } else if TOKEN_STARTS
        .iter()
        .any(|start| value.starts_with(start) && value.len() >= start.len() + 12)
        || is_access_key_id(value)
        || is_web_token(value)
    {
        Some("an access token")
    } else if is_long_base64(value) {
        Some("a key in base64")
    } else {
        None
    }
}

/// `start` followed by a value that is no placeholder.
fn assigns(value: &str, start: &str) -> bool {
    value
        .to_ascii_lowercase()
        .split(start)
        .skip(1)
        .any(|rest| !rest.is_empty() && !rest.starts_with(['<', ';', '&', ' ']))
}

/// `scheme://user:password@host`.
fn has_password_in_url(value: &str) -> bool {
    value
        .split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
        .and_then(|authority| authority.rsplit_once('@'))
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty() && !is_placeholder(password))
}

fn is_access_key_id(value: &str) -> bool {
    value.len() == 20
        && (value.starts_with("AKIA") || value.starts_with("ASIA"))
        && value
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Three base64url parts, the first of which begins a JSON object (RFC 7519).
fn is_web_token(value: &str) -> bool {
    let parts: Vec<&str> = value.split('.').collect();
    parts.len() == 3
        && parts[0].starts_with("eyJ")
        && parts.iter().all(|part| {
            part.len() >= 10
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// At least 40 characters of base64 in mixed case with digits; paths and digests in hex are none.
fn is_long_base64(value: &str) -> bool {
    let body = value.trim_end_matches('=');
    let has = |test: fn(&u8) -> bool| body.bytes().any(|b| test(&b));
    body.len() >= 40
        && !body.starts_with('/')
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

/// A setting that is named like a secret and holds more than a switch, a number or a path.
fn by_name(name: &str, value: &str) -> Option<&'static str> {
    const SECRETS: &[&str] = &[
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "APIKEY",
        "ACCESSKEY",
        "PRIVATEKEY",
        "SHAREDKEY",
        "ACCOUNTKEY",
        "CREDENTIAL",
        "CONNECTIONSTRING",
        "AUTHTOKEN",
        "ACCESSTOKEN",
        "TOKEN",
    ];
    const ABOUT: &[&str] = &[
        "FILE", "PATH", "DIR", "URL", "URI", "NAME", "TTL", "TIMEOUT", "SECONDS", "MINUTES",
        "HOURS", "DAYS", "LIFETIME", "LENGTH", "COUNT", "ENABLED", "REQUIRED", "TYPE", "ISSUER",
        "AUDIENCE", "ENDPOINT", "HEADER", "ID", "POLICY", "STORE", "LIMIT",
    ];
    let folded: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_uppercase();
    let named = SECRETS.iter().any(|word| folded.contains(word))
        && !ABOUT.iter().any(|word| folded.ends_with(word));
    let switch = ["true", "false", "yes", "no", "on", "off", "none", "null"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    let number = value.bytes().all(|b| b.is_ascii_digit()) && !folded.contains("PASS");
    (named && !switch && !number && !value.starts_with('/'))
        .then_some("the secret that its name announces")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_form() {
        let base64 = format!("{}=", "aB3+".repeat(11));
        let key = "-----BEGIN EC PRIVATE KEY-----\nMHc";
        let token = format!(
            "eyJ{}.{}.{}",
            "a".repeat(20),
            "b".repeat(20),
            "c".repeat(20)
        );
        for value in [
            "HostName=h.azure-devices.net;DeviceId=d;SharedAccessKey=abc=",
            "DefaultEndpointsProtocol=https;AccountKey=abc",
            "Server=db;Password=hunter2;",
            "postgres://app:hunter2@db/app",
            "AKIAABCDEFGHIJKLMNOP",
            "ghp_abcdefghijklmnop",
            key,
            &token,
            &base64,
        ] {
            assert!(secret_look("SETTING", value).is_some(), "{value}");
        }
    }

    #[test]
    fn secrets_are_known_by_their_name() {
        for (name, value) in [
            ("DB_PASSWORD", "hunter2"),
            ("db.password", "123456"),
            ("apiKey", "abc"),
            ("AUTH_TOKEN", "abc"),
            ("IoTHubConnectionString", "x"),
        ] {
            assert!(secret_look(name, value).is_some(), "{name}={value}");
        }
    }

    #[test]
    fn ordinary_values_and_placeholders_are_no_secrets() {
        for (name, value) in [
            ("DB_PASSWORD", ""),
            ("DB_PASSWORD", "<MY_PASSWORD>"),
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("TOKEN_TTL", "3600"),
            ("TOKEN_RENEWAL", "true"),
            ("CONNECTION", "HostName=h;SharedAccessKey=<MY_KEY>"),
            ("CONNECTION", "postgres://app:<MY_PASSWORD>@db/app"),
            ("BROKER", "tcp://broker:1883"),
            ("LOG_LEVEL", "info"),
            (
                "DIGEST",
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            ),
            (
                "DATA",
                "/var/lib/Contoso/Module1/Data/Files/And/More/Of/Them/42",
            ),
            ("ROUTING_KEY", "alarms"),
        ] {
            assert_eq!(secret_look(name, value), None, "{name}={value}");
        }
    }
}
