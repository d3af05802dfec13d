//! What the workload API answers to one request: pure, with the statuses and bodies of the device's daemon.
//!
//! Errors are a JSON object with the member `message`. A wrong method on a known route is 400, not
//! 405; a content type other than JSON counts as no body; the generation id is not looked at
//! (observed on the daemon, version 1.6.0).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::Sha256;

/// Versions that the daemon knows (Azure/iotedge, `edgelet-http/src/version.rs`).
const API_VERSIONS: &[&str] = &[
    "2018-06-28",
    "2019-01-30",
    "2019-10-22",
    "2019-11-05",
    "2020-07-07",
    "2021-12-07",
    "2022-08-03",
];

/// The module that a workload socket speaks for.
#[derive(Clone, PartialEq, Eq)]
pub struct WorkloadIdentity {
    /// Module id.
    pub module: String,
    /// Key that signs for the module.
    pub key: [u8; 32],
    /// Trust anchors as PEM; an empty text answers 404.
    pub trust_bundle_pem: String,
}

impl std::fmt::Debug for WorkloadIdentity {
    /// Leaves the key out: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkloadIdentity")
            .field("module", &self.module)
            .finish_non_exhaustive()
    }
}

/// A request as far as the answer depends on it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) content_type: Option<String>,
    pub(super) body: Bytes,
}

/// Status and JSON body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Answer {
    /// An error of the API's one form.
    pub(super) fn error(status: u16, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            status,
            body: json!({ "message": message }),
        }
    }

    fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }
}

/// Routes of the API.
enum Route {
    TrustBundle,
    ManifestTrustBundle,
    Sign {
        module: String,
    },
    /// Known to the daemon, not offered here.
    NotOffered,
}

/// Answers one request.
pub(super) fn answer(identity: &WorkloadIdentity, request: &Request) -> Answer {
    let Some((route, method)) = route(&request.path) else {
        return Answer::error(404, "not found");
    };
    if !method.contains(&request.method.as_str()) {
        return Answer::error(
            400,
            format!("{} is not possible on {}", request.method, request.path),
        );
    }
    if let Err(message) = check_version(&request.query) {
        return Answer::error(400, message);
    }
    match route {
        Route::TrustBundle if identity.trust_bundle_pem.is_empty() => {
            Answer::error(404, "there is no trust bundle")
        }
        Route::TrustBundle => Answer::ok(json!({"certificate": identity.trust_bundle_pem})),
        Route::ManifestTrustBundle => Answer::ok(json!({"certificate": ""})),
        Route::Sign { module } if module != identity.module => Answer::error(
            403,
            format!(
                "this socket belongs to `{}`, not to `{module}`",
                identity.module
            ),
        ),
        Route::Sign { .. } => sign(identity, request),
        Route::NotOffered => Answer::error(
            501,
            "this stand-in does not offer certificates, encryption or the module list",
        ),
    }
}

fn route(path: &str) -> Option<(Route, &'static [&'static str])> {
    let segments: Vec<String> = path
        .trim_start_matches('/')
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let post: &[&str] = &["POST"];
    let get: &[&str] = &["GET"];
    match segments[..] {
        ["trust-bundle"] => Some((Route::TrustBundle, get)),
        ["manifest-trust-bundle"] => Some((Route::ManifestTrustBundle, get)),
        ["modules"] | ["modules", ""] => Some((Route::NotOffered, get)),
        ["modules", module, "genid", _, "sign"] => Some((
            Route::Sign {
                module: module.to_owned(),
            },
            post,
        )),
        ["modules", _, "genid", _, "encrypt" | "decrypt"]
        | ["modules", _, "genid", _, "certificate", "server"]
        | ["modules", _, "certificate", "identity"] => Some((Route::NotOffered, post)),
        _ => None,
    }
}

fn check_version(query: &str) -> Result<(), String> {
    let version = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("api-version="))
        .ok_or("the query has no api-version")?;
    if API_VERSIONS.contains(&version) {
        return Ok(());
    }
    Err(format!("the api-version `{version}` is not known"))
}

fn sign(identity: &WorkloadIdentity, request: &Request) -> Answer {
    let is_json = |kind: &String| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    };
    if request.body.is_empty() || !request.content_type.as_ref().is_none_or(is_json) {
        return Answer::error(400, "the request has no JSON body");
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Answer::error(422, "the body is not JSON");
    };
    let Some(data) = body.get("data").and_then(Value::as_str) else {
        return Answer::error(422, "the body has no member `data` with a text");
    };
    let Ok(bytes) = STANDARD.decode(data) else {
        return Answer::error(400, "invalid parameter `data`: not base64");
    };
    let mut mac =
        Hmac::<Sha256>::new_from_slice(&identity.key).expect("HMAC takes a key of any length");
    mac.update(&bytes);
    Answer::ok(json!({"digest": STANDARD.encode(mac.finalize().into_bytes())}))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGN: &str = "/modules/m1/genid/1/sign";

    fn identity() -> WorkloadIdentity {
        WorkloadIdentity {
            module: "m1".to_owned(),
            key: std::array::from_fn(|i| u8::try_from(i).unwrap()),
            trust_bundle_pem: "PEM".to_owned(),
        }
    }

    fn request(method: &str, path: &str, body: &str) -> Request {
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: "api-version=2018-06-28".to_owned(),
            content_type: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn check(request: &Request, status: u16) -> Value {
        let answer = answer(&identity(), request);
        assert_eq!(answer.status, status, "{request:?}: {answer:?}");
        if status >= 400 {
            assert!(answer.body["message"].is_string());
        }
        answer.body
    }

    #[test]
    fn sign_gives_the_digest_that_other_implementations_compute() {
        let body = r#"{"keyId":"primary","algo":"HMACSHA256","data":"aC5henVyZS1kZXZpY2VzLm5ldCUyRmRldmljZXMlMkZkMSUyRm1vZHVsZXMlMkZtMQoyMDAwMDAwMDAw"}"#;
        let answer = check(&request("POST", SIGN, body), 200);
        assert_eq!(
            answer,
            json!({"digest": "vqA3ZHzuMwDjToRjN4jw9yEGqgXmG97O98jLNRZBvKE="})
        );
        check(
            &request("POST", "/modules/m%31/genid/other/sign", body),
            200,
        );
    }

    #[test]
    fn bad_sign_requests_have_their_own_statuses() {
        check(&request("POST", SIGN, ""), 400);
        check(&request("POST", SIGN, "{"), 422);
        check(&request("POST", SIGN, "{}"), 422);
        check(&request("POST", SIGN, r#"{"data":"~"}"#), 400);
        check(&request("GET", SIGN, ""), 400);
        check(
            &request("POST", "/modules/m2/genid/1/sign", r#"{"data":""}"#),
            403,
        );
        let mut text = request("POST", SIGN, r#"{"data":""}"#);
        text.content_type = Some("text/plain".to_owned());
        check(&text, 400);
        text.content_type = Some("application/json; charset=utf-8".to_owned());
        check(&text, 200);
    }

    #[test]
    fn the_trust_bundle_is_plain_pem_and_the_manifest_one_is_empty() {
        assert_eq!(
            check(&request("GET", "/trust-bundle", ""), 200),
            json!({"certificate": "PEM"})
        );
        assert_eq!(
            check(&request("GET", "/manifest-trust-bundle", ""), 200),
            json!({"certificate": ""})
        );
        let none = WorkloadIdentity {
            trust_bundle_pem: String::new(),
            ..identity()
        };
        assert_eq!(
            answer(&none, &request("GET", "/trust-bundle", "")).status,
            404
        );
    }

    #[test]
    fn every_request_needs_a_known_api_version() {
        for query in [
            "",
            "api-version=",
            "api-version=2099-01-01",
            "version=2018-06-28",
        ] {
            let mut request = request("GET", "/trust-bundle", "");
            request.query = query.to_owned();
            check(&request, 400);
        }
        for version in API_VERSIONS {
            let mut request = request("GET", "/trust-bundle", "");
            request.query = format!("x=1&api-version={version}");
            check(&request, 200);
        }
    }

    #[test]
    fn unknown_routes_are_404_and_known_ones_not_offered_501() {
        check(&request("GET", "/", ""), 404);
        check(&request("GET", "/systeminfo", ""), 404);
        check(
            &request("POST", "/modules/m1/genid/1/certificate/server", "{}"),
            501,
        );
        check(
            &request("POST", "/modules/m1/certificate/identity", "{}"),
            501,
        );
        check(&request("POST", "/modules/m1/genid/1/encrypt", "{}"), 501);
        check(&request("GET", "/modules", ""), 501);
        check(&request("GET", "/modules/", ""), 501);
    }
}
