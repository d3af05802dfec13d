//! The answers of the REST service API, read. Pure: status, headers and body in, data or the hub's own words out.

use serde_json::{Map, Value};

use super::error::ServiceError;

/// One answer as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header `iothub-errorcode`.
    pub error_code: Option<String>,
    /// Header `x-ms-continuation`.
    pub continuation: Option<String>,
    /// Header `Retry-After` in seconds.
    pub retry_after: Option<u64>,
    /// How far this computer's clock is from the hub's, in words, where it is far.
    pub skew: Option<String>,
    /// Body.
    pub body: Vec<u8>,
}

/// A twin as the service sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Twin {
    /// Entity tag of the twin as a whole.
    pub etag: String,
    /// Whether the hub holds a connection of it; `None` where the answer does not say.
    pub connected: Option<bool>,
    /// Desired properties, without the hub's own `$metadata` and `$version`.
    pub desired: Map<String, Value>,
    /// Reported properties, without the hub's own.
    pub reported: Map<String, Value>,
    /// Automatic deployments that the hub has applied to it, by id.
    pub applied: Vec<String>,
}

/// A module's answer to a direct method.
#[derive(Debug, Clone, PartialEq)]
pub struct MethodAnswer {
    /// Status as the module set it.
    pub status: i64,
    /// Its payload.
    pub payload: Value,
}

/// One page of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What was found.
    pub items: Vec<Value>,
    /// Where the next page begins; `None` at the last.
    pub continuation: Option<String>,
}

/// An automatic deployment as it stands in the hub.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Entity tag.
    pub etag: String,
    /// Everything else.
    pub body: Value,
}

/// The body as JSON, where the call succeeded; null where it succeeded without a body.
///
/// # Errors
/// The hub said no, or the body is not JSON.
pub fn json(call: &str, answer: &Answer) -> Result<Value, ServiceError> {
    if !(200..300).contains(&answer.status) {
        return Err(refused(call, answer));
    }
    if answer.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&answer.body)
        .map_err(|error| unreadable(call, format!("not JSON: {error}")))
}

/// Reads a twin.
///
/// # Errors
/// The hub said no, or the answer is no twin.
pub fn twin(call: &str, answer: &Answer) -> Result<Twin, ServiceError> {
    let whole = json(call, answer)?;
    let side = |name: &str| {
        let side = whole.pointer(&format!("/properties/{name}"));
        side.and_then(Value::as_object).map(|side| {
            side.iter()
                .filter(|(key, _)| !key.starts_with('$'))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect::<Map<String, Value>>()
        })
    };
    let missing = |what: &str| unreadable(call, format!("no twin: {what} is missing"));
    let applied = whole["configurations"].as_object().into_iter().flatten();
    let applied = applied.filter(|(_, entry)| {
        entry["status"]
            .as_str()
            .is_some_and(|status| status.eq_ignore_ascii_case("applied"))
    });
    Ok(Twin {
        etag: whole["etag"].as_str().unwrap_or_default().to_owned(),
        connected: whole["connectionState"]
            .as_str()
            .map(|state| state == "Connected"),
        desired: side("desired").ok_or_else(|| missing("/properties/desired"))?,
        reported: side("reported").unwrap_or_default(),
        applied: applied.map(|(id, _)| id.clone()).collect(),
    })
}

/// Reads what a direct method came to.
///
/// # Errors
/// The hub said no (404103 where the module is not connected), or the answer has no status.
pub fn method(call: &str, answer: &Answer) -> Result<MethodAnswer, ServiceError> {
    let mut whole = json(call, answer)?;
    let status = whole["status"].as_i64();
    Ok(MethodAnswer {
        status: status.ok_or_else(|| unreadable(call, "no /status".to_owned()))?,
        payload: whole["payload"].take(),
    })
}

/// Reads one page of a query.
///
/// # Errors
/// The hub said no, or the answer is no list.
pub fn page(call: &str, answer: &Answer) -> Result<Page, ServiceError> {
    let whole = json(call, answer)?;
    let Value::Array(items) = whole else {
        return Err(unreadable(call, format!("no list: {}", kind(&whole))));
    };
    Ok(Page {
        items,
        continuation: answer
            .continuation
            .clone()
            .filter(|token| !token.is_empty()),
    })
}

/// Reads an automatic deployment; `None` where there is none of that id.
///
/// # Errors
/// The hub said no otherwise, or the answer is no object.
pub fn configuration(call: &str, answer: &Answer) -> Result<Option<Configuration>, ServiceError> {
    if answer.status == 404 {
        return Ok(None);
    }
    let body = json(call, answer)?;
    let etag = body["etag"].as_str().map(str::to_owned);
    match (body.is_object(), etag) {
        (true, Some(etag)) => Ok(Some(Configuration { etag, body })),
        _ => Err(unreadable(call, "no deployment with an etag".to_owned())),
    }
}

/// What the hub says of a target condition; `None` where it would take it.
///
/// # Errors
/// The hub said no to the question itself.
pub fn condition(call: &str, answer: &Answer) -> Result<Option<String>, ServiceError> {
    let whole = json(call, answer)?;
    let told = whole["targetConditionError"].as_str();
    Ok(told.filter(|text| !text.is_empty()).map(str::to_owned))
}

/// The hub's refusal in its own words, out of each of the shapes that it has for them.
///
/// The message may be JSON in a text (`Message` of a direct method), or `ErrorCode:Name;words`. Sources: `ErrorPayload2` of
/// Azure/azure-iot-sdk-csharp, "IoT Hub API common error codes", Microsoft Learn.
#[must_use]
pub fn refused(call: &str, answer: &Answer) -> ServiceError {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let outer = words_of(&body);
    let inner = outer
        .as_deref()
        .and_then(|text| serde_json::from_str::<Value>(text).ok())
        .filter(Value::is_object);
    let words = inner.as_ref().and_then(words_of).or(outer);
    let digits = inner
        .as_ref()
        .unwrap_or(&body)
        .get("errorCode")
        .map(|code| {
            code.as_str()
                .map_or_else(|| code.to_string(), str::to_owned)
        });
    let named = words
        .as_deref()
        .and_then(|text| text.strip_prefix("ErrorCode:"))
        .and_then(|rest| rest.split(';').next())
        .map(str::to_owned);
    let nothing = || match answer.body.is_empty() {
        true => "no words".to_owned(),
        false => format!("{} bytes that are no error of IoT Hub", answer.body.len()),
    };
    let mut words = words.unwrap_or_else(nothing);
    // A signature is refused for its time, too; nothing else of an answer is about clocks.
    if let (401, Some(skew)) = (answer.status, &answer.skew) {
        words = format!("{words}; {skew}");
    }
    ServiceError::Refused {
        call: call.to_owned(),
        status: answer.status,
        code: answer.error_code.clone().or(digits).or(named),
        words,
    }
}

fn words_of(body: &Value) -> Option<String> {
    ["Message", "message", "errorMessage"]
        .iter()
        .find_map(|name| body[*name].as_str())
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn unreadable(call: &str, why: String) -> ServiceError {
    ServiceError::Unreadable {
        call: call.to_owned(),
        why,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answered(status: u16, body: &Value) -> Answer {
        Answer {
            status,
            body: body.to_string().into_bytes(),
            ..Answer::default()
        }
    }

    // Composed from public shapes: the twin is that of "Understand and use module twins in IoT Hub", Microsoft Learn, with the
    // section `configurations` of Azure/iotedge, doc/reported_states_during_deployment.md.
    #[test]
    fn a_twin_is_read_without_the_hub_s_own_members() {
        let body = json!({
            "deviceId": "devA", "moduleId": "moduleA", "etag": "AAAAAAAAAAc=", "status": "enabled",
            "connectionState": "Disconnected", "version": 2,
            "properties": {
                "desired": {"telemetryConfig": {"sendFrequency": "5m"}, "$metadata": {"$lastUpdated": "…"}, "$version": 1},
                "reported": {"batteryLevel": 55, "$metadata": {}, "$version": 4}
            },
            "configurations": {"base": {"status": "Applied"}, "other": {"status": "Targeted"}},
        });
        let read = twin("read", &answered(200, &body)).unwrap();
        assert_eq!(read.etag, "AAAAAAAAAAc=");
        assert_eq!(read.connected, Some(false));
        assert_eq!(
            Value::Object(read.desired),
            json!({"telemetryConfig": {"sendFrequency": "5m"}})
        );
        assert_eq!(Value::Object(read.reported), json!({"batteryLevel": 55}));
        assert_eq!(read.applied, ["base"]);
        assert!(twin("read", &answered(200, &json!({}))).is_err());
    }

    // The bodies: `ErrorPayload2` of azure-iot-sdk-csharp; the README of the Java service sample; a 404103 in the C# tests.
    #[test]
    fn the_hub_s_own_words_are_found_in_every_shape() {
        let cases = [
            (
                404,
                json!({"Message": "ErrorCode:DeviceNotFound;pi4", "ExceptionMessage": "Tracking ID:aeec"}),
                "read: the hub answers 404 (DeviceNotFound): ErrorCode:DeviceNotFound;pi4",
            ),
            (
                404,
                json!({"Message": "{\"errorCode\":404103,\"trackingId\":\"b575\",\"message\":\"The operation failed because the requested device isn't online or hasn't registered the direct method callback.\",\"info\":{}}", "ExceptionMessage": ""}),
                "read: the hub answers 404 (404103): The operation failed because the requested device isn't online or hasn't registered the direct method callback.",
            ),
            (
                412,
                json!({"errorCode": 412001, "message": "Precondition failed", "trackingId": "x"}),
                "read: the hub answers 412 (412001): Precondition failed",
            ),
            (
                502,
                json!([]),
                "read: the hub answers 502: 2 bytes that are no error of IoT Hub",
            ),
        ];
        for (status, body, told) in cases {
            let error = refused("read", &answered(status, &body));
            assert_eq!(error.to_string(), told);
        }
        let empty = Answer {
            status: 401,
            error_code: Some("IotHubUnauthorizedAccess".to_owned()),
            ..Answer::default()
        };
        assert_eq!(
            refused("read", &empty).to_string(),
            "read: the hub answers 401 (IotHubUnauthorizedAccess): no words"
        );
    }

    #[test]
    fn only_a_module_without_a_connection_is_offline() {
        let offline = json!({"Message": "{\"errorCode\":404103,\"message\":\"Timed out\"}"});
        assert!(refused("call", &answered(404, &offline)).is_offline());
        let unknown = json!({"Message": "ErrorCode:ModuleNotFound;d/m"});
        assert!(!refused("call", &answered(404, &unknown)).is_offline());
        assert!(!refused("call", &answered(404, &unknown)).is_passing());
        assert!(refused("call", &answered(429, &json!({}))).is_passing());
    }

    // "Invoke a direct method", Microsoft Learn: 200 with `status` and `payload`.
    #[test]
    fn a_method_s_answer_has_its_own_status() {
        let read = method(
            "call",
            &answered(200, &json!({"status": 404, "payload": {"state": "idle"}})),
        );
        assert_eq!(
            read.unwrap(),
            MethodAnswer {
                status: 404,
                payload: json!({"state": "idle"})
            }
        );
        assert!(method("call", &answered(200, &json!({"status": "200"}))).is_err());
        let html = Answer {
            status: 200,
            body: b"<html>".to_vec(),
            ..Answer::default()
        };
        assert!(
            method("call", &html)
                .unwrap_err()
                .to_string()
                .starts_with("call: the answer cannot be used: not JSON")
        );
    }

    #[test]
    fn a_page_says_whether_there_is_another() {
        let mut answer = answered(200, &json!([{"deviceId": "a"}]));
        assert_eq!(page("query", &answer).unwrap().continuation, None);
        answer.continuation = Some("next".to_owned());
        let read = page("query", &answer).unwrap();
        assert_eq!(
            (read.items.len(), read.continuation.as_deref()),
            (1, Some("next"))
        );
        assert!(page("query", &answered(200, &json!({}))).is_err());
    }

    // "Configuration - Test Queries" and "Configuration - Get", Microsoft Learn.
    #[test]
    fn deployments_and_conditions_are_read() {
        assert_eq!(
            configuration("read", &answered(404, &json!({}))).unwrap(),
            None
        );
        let stored = json!({"id": "a", "etag": "MQ==", "priority": 10});
        let read = configuration("read", &answered(200, &stored)).unwrap();
        assert_eq!(read.unwrap().etag, "MQ==");
        assert!(configuration("read", &answered(401, &json!({}))).is_err());
        let sound = json!({"targetConditionError": null, "customMetricQueryErrors": {}});
        assert_eq!(condition("check", &answered(200, &sound)).unwrap(), None);
        let wrong = json!({"targetConditionError": "syntax error at 4"});
        assert_eq!(
            condition("check", &answered(200, &wrong))
                .unwrap()
                .as_deref(),
            Some("syntax error at 4")
        );
    }
}
