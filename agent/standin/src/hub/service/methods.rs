//! Direct methods over the service API: waits for the client to be there, then for its answer.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::super::identity::Identity;
use super::super::limits;
use super::super::registry::{Answer as Answered, Invocation, Refused, Registry, Unreached};
use super::super::session::Shared;
use super::Request;
use super::answer::{Answer, Code, INVALID, TOO_LARGE};
use super::identities::refusal;

/// Longest name in characters.
const NAME: usize = 100;

/// Seconds that a caller waits for the answer, if it does not say ("Understand and invoke direct methods from IoT Hub").
const RESPONSE: u64 = 30;

const NOT_ONLINE: Code = Code {
    status: 404,
    name: "DeviceNotOnline",
};

const NO_ANSWER: Code = Code {
    status: 504,
    name: "GatewayTimeout",
};

/// A call as it was asked for.
struct Call {
    name: String,
    payload: Vec<u8>,
    connect: Duration,
    response: Duration,
}

pub(super) async fn call(
    shared: &Shared,
    identity: &Identity,
    request: &Request,
) -> Result<Answer, Answer> {
    let call = read(&request.json()?)?;
    let until = Instant::now() + call.connect;
    let Some(answered) = reached(&shared.registry, identity, &call, until).await? else {
        let why = format!("`{identity}` is not connected, or does not listen to direct methods");
        return Err(Answer::no_method_answer(
            NOT_ONLINE,
            404_103,
            &why,
            call.connect,
        ));
    };
    match timeout_at(Instant::now() + call.response, answered).await {
        Ok(Ok(answer)) => Ok(Answer::ok(
            json!({"status": answer.status, "payload": answer.payload}),
        )),
        // The connection ended, or the answer could not be read: no answer comes any more.
        Ok(Err(_)) | Err(_) => {
            let why = format!("`{identity}` did not answer `{}`", call.name);
            Err(Answer::no_method_answer(
                NO_ANSWER,
                504_101,
                &why,
                call.response,
            ))
        }
    }
}

/// Hands the call to the client as soon as it listens; `None` where it does not until then.
async fn reached(
    registry: &Registry,
    identity: &Identity,
    call: &Call,
    until: Instant,
) -> Result<Option<oneshot::Receiver<Answered>>, Answer> {
    let mut changes = registry.changes();
    loop {
        changes.mark_unchanged();
        let (answer, answered) = oneshot::channel();
        let invocation = Invocation {
            name: call.name.clone(),
            body: call.payload.clone(),
            answer,
        };
        match registry.invoke(identity, invocation) {
            Ok(()) => return Ok(Some(answered)),
            Err(Unreached::Unknown) => return Err(refusal(identity, &Refused::Unknown)),
            Err(Unreached::Offline | Unreached::NotSubscribed) => {}
        }
        if !matches!(timeout_at(until, changes.changed()).await, Ok(Ok(()))) {
            return Ok(None);
        }
    }
}

fn read(body: &Value) -> Result<Call, Answer> {
    let mut mistakes = Vec::new();
    let name = body["methodName"].as_str().unwrap_or_default();
    if name.is_empty() || name.chars().count() > NAME || name.contains(char::is_control) {
        mistakes.push(format!(
            "/methodName: it is no name of 1 to {NAME} characters"
        ));
    }
    let mut seconds = |member: &str, least, absent| match body.get(member) {
        None | Some(Value::Null) => absent,
        Some(given) => {
            // `az iot hub invoke-module-method` sends its own default as text.
            let number = given
                .as_str()
                .map_or(given.as_u64(), |text| text.parse().ok());
            let given_seconds = number.filter(|given| (least..=300).contains(given));
            if given_seconds.is_none() {
                mistakes.push(format!("/{member}: {given} is not within {least} and 300"));
            }
            given_seconds.unwrap_or(absent)
        }
    };
    let response = seconds("responseTimeoutInSeconds", 5, RESPONSE);
    let connect = seconds("connectTimeoutInSeconds", 0, 0);
    if !mistakes.is_empty() {
        return Err(Answer::error(INVALID, mistakes.join("; ")));
    }
    let payload = body["payload"].to_string().into_bytes();
    if payload.len() > limits::METHOD_PAYLOAD {
        let most = limits::METHOD_PAYLOAD;
        let why = format!(
            "/payload: it has {} bytes; the limit is {most}",
            payload.len()
        );
        return Err(Answer::error(TOO_LARGE, why));
    }
    Ok(Call {
        name: name.to_owned(),
        payload,
        connect: Duration::from_secs(connect),
        response: Duration::from_secs(response),
    })
}
