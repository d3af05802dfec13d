//! SASL as edgeHub offers it: a client says nothing of itself, or puts its token here rather than later. Pure.
//!
//! Source: Azure/iotedge, `AmqpSettingsProvider.cs` and `SaslIdentityHelper.cs`. There is no EXTERNAL: edgeHub offers none.

use super::frame::{self, Layer, Performative, code};
use super::token;
use super::value::Value;
use crate::hub::event::Rule;
use crate::hub::identity::Identity;
use crate::hub::login::Refusal;
use crate::hub::session::Shared;

const ANONYMOUS: &str = "ANONYMOUS";
/// What Azure's clients call a login that comes later, as a token.
const LATER: &str = "MSSBCBS";
const PLAIN: &str = "PLAIN";

/// The frame that offers the mechanisms.
pub(super) fn mechanisms() -> Vec<u8> {
    let offered = Value::symbols(&[ANONYMOUS, LATER, PLAIN]);
    frame::encode(Layer::Sasl, 0, code::SASL_MECHANISMS, vec![offered], &[])
}

/// The frame that says how it went: 0 is well, 1 a refusal (part 5, 5.3.3.6).
pub(super) fn outcome(well: bool) -> Vec<u8> {
    let fields = vec![Value::Ubyte(u8::from(!well))];
    frame::encode(Layer::Sasl, 0, code::SASL_OUTCOME, fields, &[])
}

/// Judges what the client chose; whose token it brought, if any, and its expiry.
pub(super) fn judge(
    init: &Performative,
    shared: &Shared,
    now: u64,
) -> Result<Option<(Identity, u64)>, Refusal> {
    let refuse = |rule, detail: String| Refusal {
        claimed: None,
        rule,
        detail,
    };
    let mechanism = init.text(0).unwrap_or_default();
    match mechanism {
        _ if init.code != code::SASL_INIT => {
            let detail = "the first frame of SASL is not `sasl-init`".to_owned();
            Err(refuse(Rule::ConnectFirst, detail))
        }
        ANONYMOUS | LATER => Ok(None),
        PLAIN => {
            let Value::Binary(response) = init.field(1) else {
                return Err(refuse(
                    Rule::NoPassword,
                    "SASL PLAIN without a response".to_owned(),
                ));
            };
            let (name, password) = plain(response).ok_or_else(|| {
                let detail = "a response of SASL PLAIN that is none".to_owned();
                refuse(Rule::UserName, detail)
            })?;
            let identity = name_of(name, &shared.host).ok_or_else(|| {
                refuse(
                    Rule::UserName,
                    format!("`{name}` is no user name of this hub"),
                )
            })?;
            let expiry = token::verify(&identity, password, shared, now)?;
            Ok(Some((identity, expiry)))
        }
        other => Err(refuse(
            Rule::Token,
            format!("SASL mechanism `{other}`; offered are {ANONYMOUS}, {LATER} and {PLAIN}"),
        )),
    }
}

/// User name and password (RFC 4616, 2).
fn plain(response: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(response).ok()?;
    let mut parts = text.split('\0').skip(1);
    Some((parts.next()?, parts.next()?))
}

/// `{d}@sas.{hub}` or `{d}/modules/{m}@sas.{hub}`, the hub without its domain.
fn name_of(name: &str, host: &str) -> Option<Identity> {
    let (who, hub) = name.rsplit_once("@sas.")?;
    let label = host.split('.').next().unwrap_or_default();
    if !label.eq_ignore_ascii_case(hub) {
        return None;
    }
    Some(match who.split_once("/modules/") {
        Some((device, module)) => Identity::module(device, module),
        None => Identity::device(who),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_of_plain_names_device_module_and_hub() {
        let name = |text| name_of(text, "h.azure-devices.net");
        assert_eq!(name("d/modules/m@sas.H"), Some(Identity::module("d", "m")));
        assert_eq!(name("d@sas.h"), Some(Identity::device("d")));
        assert_eq!(name("d@sas.other"), None);
        assert_eq!(name("d"), None);
        assert_eq!(plain(b"\0name\0secret"), Some(("name", "secret")));
        assert_eq!(plain(b"name"), None);
    }
}
