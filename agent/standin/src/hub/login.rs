//! Judges a CONNECT: who is it, and may it come in? Pure; the caller brings key, certificate and clock.

use super::client_certificate::Shown;
use super::event::Rule;
use super::identity::Identity;
use super::limits::Mode;
use super::registry::Credential;
use super::sas::{self, Audience, Expected, SasError};
use super::username::{self, UserName};
use super::wire::Connect;
#[cfg(feature = "hub")]
use super::x509::{Authorities, Certificates};

/// The hub a client stands before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door<'a> {
    pub(crate) audience: Audience<'a>,
    pub(crate) mode: Mode,
    /// Seconds since the Unix epoch.
    pub(crate) now: u64,
    /// The certificate that the client showed.
    pub(crate) shown: Option<&'a Shown>,
    /// Who may vouch for certificates.
    #[cfg(feature = "hub")]
    pub(crate) authorities: &'a Authorities,
}

/// A client that may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) user: UserName,
    pub(crate) proof: Proof,
}

/// What a client proved with who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A token that ends then, in seconds since the Unix epoch.
    Token(u64),
    /// A certificate with this thumbprint.
    #[cfg(feature = "hub")]
    Certificate(String),
}

impl Proof {
    /// When the token ends, if there is one.
    pub(crate) const fn expiry(&self) -> Option<u64> {
        match self {
            Self::Token(expiry) => Some(*expiry),
            #[cfg(feature = "hub")]
            Self::Certificate(_) => None,
        }
    }

    /// The certificate's thumbprint, if there is one.
    pub(crate) fn certificate(&self) -> Option<String> {
        match self {
            Self::Token(_) => None,
            #[cfg(feature = "hub")]
            Self::Certificate(thumbprint) => Some(thumbprint.clone()),
        }
    }
}

/// A client that may not; it gets CONNACK 5, whatever the reason, as at the real hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) claimed: Option<Identity>,
    pub(crate) rule: Rule,
    pub(crate) detail: String,
}

/// Judges one CONNECT; `credential_of` tells what a registered identity logs in with.
pub(crate) fn judge(
    connect: &Connect,
    door: Door<'_>,
    credential_of: impl Fn(&Identity) -> Option<Credential>,
) -> Result<Admitted, Refusal> {
    let user = user_name(connect)?;
    let refuse = |rule, detail| Refusal {
        claimed: Some(user.identity.clone()),
        rule,
        detail,
    };
    if !user.host.eq_ignore_ascii_case(door.audience.host) {
        let detail = format!(
            "user name is for hub `{}`, this is `{}`",
            user.host, door.audience.host
        );
        return Err(refuse(Rule::UserName, detail));
    }
    if !door.mode.accepts_api_version(&user.api_version) {
        return Err(refuse(
            Rule::ApiVersion,
            format!(
                "api-version `{}` is no version of the hub",
                user.api_version
            ),
        ));
    }
    if connect.client_id != user.identity.to_string() {
        let detail = format!(
            "client id `{}`, identity `{}`",
            connect.client_id, user.identity
        );
        return Err(refuse(Rule::ClientId, detail));
    }
    let password = connect.password.as_deref().unwrap_or_default();
    let proof = match door.shown {
        None if password.is_empty() => {
            let detail = "no password and no client certificate".to_owned();
            Err((Rule::NoPassword, detail))
        }
        Some(_) if password.is_empty() && door.mode == Mode::EdgeHub => {
            let detail = "no password, and edgeHub takes the certificate of no module".to_owned();
            Err((Rule::Certificate, detail))
        }
        _ => match credential_of(&user.identity) {
            None => {
                let detail = format!("`{}` is not registered", user.identity);
                Err((Rule::UnknownIdentity, detail))
            }
            Some(Credential::Key(key)) => by_token(&user.identity, password, &key, door),
            #[cfg(feature = "hub")]
            Some(Credential::Certificate(own)) => by_certificate(&user.identity, &own, door),
        },
    };
    match proof {
        Ok(proof) => Ok(Admitted { user, proof }),
        Err((rule, detail)) => Err(refuse(rule, detail)),
    }
}

fn by_token(
    identity: &Identity,
    password: &[u8],
    key: &[u8; 32],
    door: Door<'_>,
) -> Result<Proof, (Rule, String)> {
    if password.is_empty() {
        let detail =
            format!("no password; `{identity}` is registered with a key, not with a certificate");
        return Err((Rule::NoPassword, detail));
    }
    let expected = Expected {
        audience: door.audience,
        identity,
        key,
        now: door.now,
    };
    let token = std::str::from_utf8(password).map_err(|_| SasError::NotAToken);
    let verified = token.and_then(|token| sas::verify(token, expected));
    let verified = verified.map(Proof::Token);
    verified.map_err(|error| (error.rule(), error.to_string()))
}

/// A password beside the certificate is not looked at.
#[cfg(feature = "hub")]
fn by_certificate(
    identity: &Identity,
    own: &Certificates,
    door: Door<'_>,
) -> Result<Proof, (Rule, String)> {
    let Some(shown) = door.shown else {
        let detail = format!(
            "`{identity}` is registered with a certificate ({}), which was not shown; a token opens nothing",
            own.kind()
        );
        return Err((Rule::Token, detail));
    };
    own.judge(identity, shown, door.authorities, door.now)
        .map(|()| Proof::Certificate(shown.thumbprint()))
        .map_err(|detail| (Rule::Certificate, detail))
}

fn user_name(connect: &Connect) -> Result<UserName, Refusal> {
    let refuse = |detail: String| Refusal {
        claimed: None,
        rule: Rule::UserName,
        detail,
    };
    let text = connect
        .user_name
        .as_deref()
        .ok_or_else(|| refuse("no user name".to_owned()))?;
    username::parse(text).map_err(|error| refuse(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const TOKEN: &str = "SharedAccessSignature sr=h.azure-devices.net%2Fdevices%2Fd1%2Fmodules%2Fm1&sig=vqA3ZHzuMwDjToRjN4jw9yEGqgXmG97O98jLNRZBvKE%3D&se=2000000000";

    fn good() -> Connect {
        Connect {
            client_id: "d1/m1".to_owned(),
            user_name: Some("h.azure-devices.net/d1/m1/?api-version=2019-10-01".to_owned()),
            password: Some(TOKEN.as_bytes().to_vec()),
            keep_alive: Duration::from_secs(60),
            clean_session: false,
            will: None,
        }
    }

    fn judged(connect: &Connect, now: u64) -> Result<u64, Rule> {
        #[cfg(feature = "hub")]
        let authorities = Authorities::default();
        let door = Door {
            audience: Audience {
                host: "h.azure-devices.net",
                gateway: None,
            },
            mode: Mode::IotHub,
            now,
            shown: None,
            #[cfg(feature = "hub")]
            authorities: &authorities,
        };
        let key = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let known = Identity::module("d1", "m1");
        judge(connect, door, |identity| {
            (*identity == known).then_some(Credential::Key(key))
        })
        .map(|admitted| admitted.proof.expiry().unwrap())
        .map_err(|refusal| refusal.rule)
    }

    fn check(change: impl FnOnce(&mut Connect), wanted: Rule) {
        let mut connect = good();
        change(&mut connect);
        assert_eq!(judged(&connect, 0), Err(wanted));
    }

    #[test]
    fn a_module_with_its_own_token_comes_in() {
        assert_eq!(judged(&good(), 0), Ok(2_000_000_000));
        assert_eq!(judged(&good(), 2_000_000_000), Err(Rule::TokenExpired));
    }

    #[test]
    fn each_flaw_is_refused_under_its_own_rule() {
        check(|c| c.user_name = None, Rule::UserName);
        check(|c| c.user_name = Some("d1".to_owned()), Rule::UserName);
        check(
            |c| c.user_name = Some("other/d1/m1/?api-version=2019-10-01".to_owned()),
            Rule::UserName,
        );
        check(
            |c| c.user_name = Some("h.azure-devices.net/d1/m1/?api-version=new".to_owned()),
            Rule::ApiVersion,
        );
        check(|c| c.client_id = "D1/m1".to_owned(), Rule::ClientId);
        check(|c| c.password = None, Rule::NoPassword);
        check(|c| c.password = Some(Vec::new()), Rule::NoPassword);
        check(|c| c.password = Some(b"secret".to_vec()), Rule::Token);
        check(|c| c.password = Some(vec![0xff]), Rule::Token);
        check(
            |c| {
                c.client_id = "d1/m2".to_owned();
                c.user_name = Some("h.azure-devices.net/d1/m2/?api-version=2019-10-01".to_owned());
            },
            Rule::UnknownIdentity,
        );
    }
}
