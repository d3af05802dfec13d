//! What the service API answers: status, JSON and headers, and errors in IoT Hub's form.
//!
//! An error is `{"Message": "ErrorCode:NAME;…", "ExceptionMessage": "Tracking ID:…-TimeStamp:…"}` with its name in the header
//! `iothub-errorcode`; a direct method that reached nobody has its error as JSON text inside `Message`. Shapes as seen in public
//! issues of Azure/azure-iot-sdk-csharp (37, 3442) and Azure/azure-iot-sdk-java (640); names from Microsoft Learn, "ErrorCode Enum".

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// JSON, where there is a body.
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// An error with its status and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) status: u16,
    pub(crate) name: &'static str,
}

const fn code(status: u16, name: &'static str) -> Code {
    Code { status, name }
}

pub(crate) const INVALID_API_VERSION: Code = code(400, "InvalidProtocolVersion");
pub(crate) const INVALID: Code = code(400, "ArgumentInvalid");
pub(crate) const UNREADABLE: Code = code(400, "IotHubFormatError");
pub(crate) const UNAUTHORIZED: Code = code(401, "IotHubUnauthorizedAccess");
pub(crate) const NO_SUCH_ROUTE: Code = code(404, "GenericNotFound");
pub(crate) const NO_SUCH_DEVICE: Code = code(404, "DeviceNotFound");
pub(crate) const NO_SUCH_MODULE: Code = code(404, "ModuleNotFound");
pub(crate) const NO_SUCH_CONFIGURATION: Code = code(404, "ConfigurationNotFound");
pub(crate) const WRONG_METHOD: Code = code(405, "GenericMethodNotAllowed");
pub(crate) const TOO_SLOW: Code = code(408, "GenericTimeout");
pub(crate) const DEVICE_EXISTS: Code = code(409, "DeviceAlreadyExists");
pub(crate) const MODULE_EXISTS: Code = code(409, "ModuleAlreadyExistsOnDevice");
pub(crate) const CONFIGURATION_EXISTS: Code = code(409, "ConfigurationAlreadyExists");
pub(crate) const STALE: Code = code(412, "PreconditionFailed");
pub(crate) const TOO_LARGE: Code = code(413, "RequestEntityTooLarge");
pub(crate) const TOO_MANY_DEVICES: Code = code(413, "TooManyDevices");
pub(crate) const TOO_MANY_MODULES: Code = code(413, "TooManyModulesOnDevice");
pub(crate) const TOO_MANY_CONFIGURATIONS: Code = code(403, "ConfigurationCountLimitExceeded");
pub(crate) const THROTTLED: Code = code(429, "ThrottlingException");
pub(crate) const INTERNAL: Code = code(500, "ServerError");

impl Answer {
    /// 200 with a body.
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body: Some(body),
            headers: Vec::new(),
        }
    }

    /// 204.
    pub(crate) fn nothing() -> Self {
        Self {
            status: 204,
            body: None,
            headers: Vec::new(),
        }
    }

    /// An error in IoT Hub's form; `why` is for a person.
    pub(crate) fn error(code: Code, why: impl std::fmt::Display) -> Self {
        let body = json!({
            "Message": format!("ErrorCode:{};{why}", code.name),
            "ExceptionMessage": format!("Tracking ID:{}", tracking_id()),
        });
        Self::refused(code, body)
    }

    /// A direct method that nobody heard (404103) or answered (504101), after so many seconds.
    pub(crate) fn no_method_answer(code: Code, number: u32, why: &str, waited: Duration) -> Self {
        let seconds = waited.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let inner = json!({
            "errorCode": number,
            "trackingId": tracking_id(),
            "message": why,
            "info": {"timeout": format!("{hours:02}:{minutes:02}:{:02}", seconds % 60)},
            "timestampUtc": utc(SystemTime::now()),
        });
        let body = json!({"Message": inner.to_string(), "ExceptionMessage": ""});
        Self::refused(code, body)
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same with its entity tag in the header, which quotes it.
    pub(crate) fn tagged(self, etag: &str) -> Self {
        self.with("etag", format!("\"{etag}\""))
    }

    fn refused(code: Code, body: Value) -> Self {
        let mut answer = Self::ok(body).with("iothub-errorcode", code.name.to_owned());
        answer.status = code.status;
        answer
    }
}

/// RFC 3339 in whole seconds, UTC.
pub(crate) fn utc(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    // The year 9999 is the last that the type can say.
    let since = since.min(Duration::from_secs(253_402_300_799));
    let at = rcgen::date_time_ymd(1970, 1, 1) + since;
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

fn tracking_id() -> String {
    // Without random bytes the time alone tells answers apart.
    let id = getrandom::u64().unwrap_or_default();
    format!("{id:016X}-G:0-TimeStamp:{}", utc(SystemTime::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_code_in_body_and_header() {
        let answer = Answer::error(NO_SUCH_DEVICE, "d1");
        let body = answer.body.unwrap();
        assert_eq!(
            (answer.status, &body["Message"]),
            (404, &json!("ErrorCode:DeviceNotFound;d1"))
        );
        let tracked = body["ExceptionMessage"].as_str().unwrap();
        assert!(tracked.starts_with("Tracking ID:"), "{tracked}");
        let header = ("iothub-errorcode", "DeviceNotFound".to_owned());
        assert_eq!(answer.headers, [header]);
    }

    #[test]
    fn a_method_without_an_answer_has_its_error_as_text_inside() {
        let code = Code {
            status: 504,
            name: "GatewayTimeout",
        };
        let answer = Answer::no_method_answer(code, 504_101, "nobody", Duration::from_secs(90));
        let body = answer.body.unwrap();
        let inner: Value = serde_json::from_str(body["Message"].as_str().unwrap()).unwrap();
        assert_eq!(inner["errorCode"], 504_101);
        assert_eq!(inner["info"]["timeout"], "00:01:30");
    }

    #[test]
    fn times_are_told_in_utc() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(1_800_000_000), "2027-01-15T08:00:00Z");
        assert_eq!(at(u64::from(u32::MAX) * 1000), "9999-12-31T23:59:59Z");
    }
}
