//! The requests of the REST service API, as data: method, path, headers, body. Nothing is sent here.
//!
//! Sources: "IoT Hub REST", Microsoft Learn (operation groups Devices, Modules, Configuration, Query); the operations of
//! Azure/azure-iot-cli-extension, `azext_iot/sdk/iothub/service/operations`.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Version of the service API that is asked for.
pub const API_VERSION: &str = "2021-04-12";
/// Everything except RFC 3986's unreserved characters.
pub(super) const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// How long an ordinary answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// HTTP methods that the service API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read.
    Get,
    /// Ask, call or apply.
    Post,
    /// Create or replace.
    Put,
    /// Merge into what is there.
    Patch,
    /// Remove.
    Delete,
}

impl Verb {
    /// As it stands on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }
}

/// A device, or a module on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who<'a> {
    /// The device itself.
    Device(&'a str),
    /// Device, then module.
    Module(&'a str, &'a str),
}

impl Who<'_> {
    fn path(self, collection: &str) -> String {
        match self {
            Who::Device(device) => format!("/{collection}/{}", segment(device)),
            Who::Module(device, module) => {
                format!(
                    "/{collection}/{}/modules/{}",
                    segment(device),
                    segment(module)
                )
            }
        }
    }

    fn told(self) -> String {
        match self {
            Who::Device(device) => format!("device {device}"),
            Who::Module(device, module) => format!("module {device}/{module}"),
        }
    }
}

/// The state that a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match<'a> {
    /// Nothing is there yet.
    New,
    /// Whatever is there.
    Any,
    /// Only this one; otherwise the hub answers 412.
    Etag(&'a str),
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// What it does, to be read after "failed to".
    pub call: String,
    /// HTTP method.
    pub verb: Verb,
    /// Path and query, percent-encoded.
    pub path: String,
    /// Headers beside authorization and content type.
    pub headers: Vec<(&'static str, String)>,
    /// JSON body.
    pub body: Option<Value>,
    /// How long one attempt may take.
    pub patience: Duration,
    /// Whether it may be sent again where it may have had its effect already.
    pub repeatable: bool,
}

impl Request {
    fn new(call: String, verb: Verb, path: &str) -> Request {
        Request {
            call,
            verb,
            path: format!("{path}?api-version={API_VERSION}"),
            headers: Vec::new(),
            body: None,
            patience: PATIENCE,
            repeatable: true,
        }
    }

    fn body(mut self, body: Value) -> Request {
        self.body = Some(body);
        self
    }

    fn if_match(mut self, state: Match<'_>) -> Request {
        match state {
            Match::New => {}
            Match::Any => self.headers.push(("If-Match", "*".to_owned())),
            Match::Etag(etag) => self
                .headers
                .push(("If-Match", format!("\"{}\"", etag.trim_matches('"')))),
        }
        self
    }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, COMPONENT).to_string()
}

/// Reads an identity.
#[must_use]
pub fn identity(who: Who<'_>) -> Request {
    let call = format!("read the identity of {}", who.told());
    Request::new(call, Verb::Get, &who.path("devices"))
}

/// Lists the module identities of a device.
#[must_use]
pub fn modules(device: &str) -> Request {
    let path = format!("{}/modules", Who::Device(device).path("devices"));
    let call = format!("list the modules of device {device}");
    Request::new(call, Verb::Get, &path)
}

/// Creates or replaces an identity; the body is the identity as the hub stores it.
#[must_use]
pub fn put_identity(who: Who<'_>, identity: Value, state: Match<'_>) -> Request {
    let call = format!("write the identity of {}", who.told());
    Request::new(call, Verb::Put, &who.path("devices"))
        .if_match(state)
        .body(identity)
}

/// Removes an identity.
#[must_use]
pub fn delete_identity(who: Who<'_>, state: Match<'_>) -> Request {
    let call = format!("remove the identity of {}", who.told());
    Request::new(call, Verb::Delete, &who.path("devices")).if_match(state)
}

/// Reads a twin.
#[must_use]
pub fn twin(who: Who<'_>) -> Request {
    let call = format!("read the twin of {}", who.told());
    Request::new(call, Verb::Get, &who.path("twins"))
}

/// Merges into a twin; the patch has `tags` and `properties.desired`, and null deletes.
#[must_use]
pub fn patch_twin(who: Who<'_>, patch: Value, state: Match<'_>) -> Request {
    let call = format!("change the twin of {}", who.told());
    Request::new(call, Verb::Patch, &who.path("twins"))
        .if_match(state)
        .body(patch)
}

/// Calls a direct method and waits for its answer up to `within` (5 to 300 s, IoT Hub's bounds).
#[must_use]
pub fn method(who: Who<'_>, name: &str, payload: &Value, within: Duration) -> Request {
    let within = within.clamp(Duration::from_secs(5), Duration::from_secs(300));
    let call = format!("call the method {name} of {}", who.told());
    let mut request = Request::new(call, Verb::Post, &format!("{}/methods", who.path("twins")))
        .body(json!({
            "methodName": name,
            "payload": payload,
            "responseTimeoutInSeconds": within.as_secs(),
            "connectTimeoutInSeconds": 0,
        }));
    request.patience = within.saturating_add(Duration::from_secs(10));
    // The module may have done it already.
    request.repeatable = false;
    request
}

/// Asks for one page of a query in the hub's own language; `continuation` is the page before's.
#[must_use]
pub fn query(text: &str, page: usize, continuation: Option<&str>) -> Request {
    let mut request = Request::new("query the twins".to_owned(), Verb::Post, "/devices/query")
        .body(json!({"query": text}));
    request
        .headers
        .push(("x-ms-max-item-count", page.to_string()));
    if let Some(token) = continuation {
        request
            .headers
            .push(("x-ms-continuation", token.to_owned()));
    }
    request
}

/// Reads an automatic deployment.
#[must_use]
pub fn configuration(id: &str) -> Request {
    let path = format!("/configurations/{}", segment(id));
    Request::new(format!("read the deployment {id}"), Verb::Get, &path)
}

/// Creates a deployment, or changes what may be changed of it: all but its id and its content.
#[must_use]
pub fn put_configuration(id: &str, configuration: Value, state: Match<'_>) -> Request {
    let path = format!("/configurations/{}", segment(id));
    Request::new(format!("write the deployment {id}"), Verb::Put, &path)
        .if_match(state)
        .body(configuration)
}

/// Removes a deployment. What it deployed stays until the next one of the device is delivered.
#[must_use]
pub fn delete_configuration(id: &str, state: Match<'_>) -> Request {
    let path = format!("/configurations/{}", segment(id));
    Request::new(format!("remove the deployment {id}"), Verb::Delete, &path).if_match(state)
}

/// Has the hub check a target condition without using it.
#[must_use]
pub fn test_queries(target_condition: &str) -> Request {
    let call = "check the target condition".to_owned();
    Request::new(call, Verb::Post, "/configurations/testQueries")
        .body(json!({"targetCondition": target_condition, "customMetricQueries": {}}))
}

/// Gives one device a whole deployment content, once.
#[must_use]
pub fn apply_content(device: &str, content: Value) -> Request {
    let path = format!(
        "{}/applyConfigurationContent",
        Who::Device(device).path("devices")
    );
    Request::new(
        format!("apply the content to device {device}"),
        Verb::Post,
        &path,
    )
    .body(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: &Request, expected: &str) {
        let mut text = format!("{} {}", request.verb.word(), request.path);
        for (name, value) in &request.headers {
            text.push_str(&format!("\n{name}: {value}"));
        }
        if let Some(body) = &request.body {
            text.push_str(&format!("\n{body}"));
        }
        assert_eq!(text, expected);
    }

    // Paths, headers and bodies: "IoT Hub REST", Microsoft Learn, and the operations of azure-iot-cli-extension.
    #[test]
    fn twins_and_identities() {
        let module = Who::Module("pi 4/a", "$edgeAgent");
        check(
            &twin(module),
            "GET /twins/pi%204%2Fa/modules/%24edgeAgent?api-version=2021-04-12",
        );
        check(
            &identity(Who::Device("d")),
            "GET /devices/d?api-version=2021-04-12",
        );
        check(
            &modules("d"),
            "GET /devices/d/modules?api-version=2021-04-12",
        );
        check(
            &patch_twin(
                Who::Module("d", "m"),
                json!({"properties": {"desired": {"a": null}}}),
                Match::Etag("AAAAAAAAAAE="),
            ),
            "PATCH /twins/d/modules/m?api-version=2021-04-12\nIf-Match: \"AAAAAAAAAAE=\"\n{\"properties\":{\"desired\":{\"a\":null}}}",
        );
        check(
            &put_identity(Who::Device("d"), json!({"deviceId": "d"}), Match::New),
            "PUT /devices/d?api-version=2021-04-12\n{\"deviceId\":\"d\"}",
        );
        check(
            &delete_identity(Who::Module("d", "m"), Match::Any),
            "DELETE /devices/d/modules/m?api-version=2021-04-12\nIf-Match: *",
        );
    }

    #[test]
    fn a_method_says_how_long_it_waits_and_is_not_repeated() {
        let asked = method(
            Who::Module("d", "edgeproof"),
            "report",
            &json!({"run": "r", "part": 1}),
            Duration::from_secs(1),
        );
        check(
            &asked,
            "POST /twins/d/modules/edgeproof/methods?api-version=2021-04-12\n{\"methodName\":\"report\",\"payload\":{\"run\":\"r\",\"part\":1},\"responseTimeoutInSeconds\":5,\"connectTimeoutInSeconds\":0}",
        );
        assert!(!asked.repeatable && asked.patience > Duration::from_secs(5));
    }

    #[test]
    fn a_query_goes_on_where_the_page_before_ended() {
        check(
            &query("SELECT * FROM devices", 100, Some("token==")),
            "POST /devices/query?api-version=2021-04-12\nx-ms-max-item-count: 100\nx-ms-continuation: token==\n{\"query\":\"SELECT * FROM devices\"}",
        );
    }

    #[test]
    fn deployments() {
        check(
            &configuration("lab#1"),
            "GET /configurations/lab%231?api-version=2021-04-12",
        );
        check(
            &put_configuration("a", json!({"id": "a"}), Match::Etag("\"MQ==\"")),
            "PUT /configurations/a?api-version=2021-04-12\nIf-Match: \"MQ==\"\n{\"id\":\"a\"}",
        );
        check(
            &delete_configuration("a", Match::Any),
            "DELETE /configurations/a?api-version=2021-04-12\nIf-Match: *",
        );
        check(
            &test_queries("tags.lab='yes'"),
            "POST /configurations/testQueries?api-version=2021-04-12\n{\"targetCondition\":\"tags.lab='yes'\",\"customMetricQueries\":{}}",
        );
        check(
            &apply_content("d", json!({"modulesContent": {}})),
            "POST /devices/d/applyConfigurationContent?api-version=2021-04-12\n{\"modulesContent\":{}}",
        );
    }
}
