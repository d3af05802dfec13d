//! Tokens that a client puts on `$cbs` before it attaches a link of its own. Pure.
//!
//! Source: Azure/iotedge, `CbsNode.cs`: a token that can be read is answered with 200 and looked at when a link asks for
//! it. IoT Hub looks at once and answers 401. The hub looks at once either way, so that its record has the reason.

use super::address;
use super::message::Message;
use super::value::Value;
use crate::hub::event::Rule;
use crate::hub::identity::Identity;
use crate::hub::limits::Mode;
use crate::hub::login::Refusal;
use crate::hub::registry::Credential;
use crate::hub::sas::{self, Expected};
use crate::hub::session::Shared;

/// What became of a token.
#[derive(Debug)]
pub(super) struct Taken {
    /// Status of the answer.
    pub(super) status: i32,
    pub(super) description: String,
    /// Whose it is and when it ends, or why it is not taken.
    pub(super) token: Result<(Identity, u64), Refusal>,
}

/// Takes the token of a `put-token`.
pub(super) fn put(message: &Message, shared: &Shared, now: u64) -> Taken {
    let read = read(message);
    let Ok((identity, token)) = read else {
        let detail = read.err().unwrap_or_default().to_owned();
        return Taken {
            status: 400,
            description: detail.clone(),
            token: Err(Refusal {
                claimed: None,
                rule: Rule::Token,
                detail,
            }),
        };
    };
    let token = verify(&identity, &token, shared, now).map(|expiry| (identity, expiry));
    let (status, description) = match (&token, shared.mode) {
        (Err(refusal), Mode::IotHub) => (401, refusal.detail.clone()),
        (Ok(_), _) | (Err(_), Mode::EdgeHub) => (200, "OK".to_owned()),
    };
    Taken {
        status,
        description,
        token,
    }
}

/// Verifies a token of `identity`; its expiry in seconds since the Unix epoch.
pub(super) fn verify(
    identity: &Identity,
    token: &str,
    shared: &Shared,
    now: u64,
) -> Result<u64, Refusal> {
    let refuse = |rule, detail| Refusal {
        claimed: Some(identity.clone()),
        rule,
        detail,
    };
    let key = match shared.registry.credential(identity) {
        Some(Credential::Key(key)) => key,
        #[cfg(feature = "hub")]
        Some(Credential::Certificate(_)) => {
            let detail = format!(
                "`{identity}` is registered with a certificate, which is taken over MQTT alone"
            );
            return Err(refuse(Rule::Token, detail));
        }
        None => {
            let detail = format!("`{identity}` is not registered");
            return Err(refuse(Rule::UnknownIdentity, detail));
        }
    };
    let expected = Expected {
        audience: shared.audience(),
        identity,
        key: &key,
        now,
    };
    sas::verify(token, expected).map_err(|error| refuse(error.rule(), error.to_string()))
}

/// The answer to a token.
pub(super) fn answer(request: &Message, taken: &Taken) -> Message {
    answered(request, taken.status, &taken.description)
}

/// The answer to a token, with a status and words.
pub(super) fn answered(request: &Message, status: i32, description: &str) -> Message {
    let mut answer = Message::new(b"").correlated(request.message_id());
    answer.application = Value::Map(vec![
        (Value::text("status-code"), Value::Int(status)),
        (Value::text("status-description"), Value::text(description)),
    ]);
    answer
}

/// The answer to a good token that is refused on purpose.
pub(super) fn refusal(request: &Message) -> Message {
    let refused = Refusal {
        claimed: None,
        rule: Rule::Token,
        detail: String::new(),
    };
    let taken = Taken {
        status: 401,
        description: "unauthorized".to_owned(),
        token: Err(refused),
    };
    answer(request, &taken)
}

fn read(message: &Message) -> Result<(Identity, String), &'static str> {
    let named = |name: &str| message.application.get(name).and_then(Value::as_text);
    if named("operation") != Some("put-token") {
        return Err("a request on `$cbs` whose operation is not `put-token`");
    }
    let kind = named("type").unwrap_or_default().to_ascii_lowercase();
    if !kind.ends_with(":sastoken") {
        return Err("a `put-token` whose type is no shared access signature");
    }
    let audience = named("name").and_then(address::audience);
    let identity = audience.ok_or("a `put-token` whose name is no device and no module")?;
    let token = String::from_utf8(message.payload().to_vec());
    Ok((identity, token.map_err(|_| "a token that is no text")?))
}
