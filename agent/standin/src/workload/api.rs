//! What the workload API answers to one request: pure, with the statuses and bodies of the device's daemon.
//!
//! Errors are a JSON object with the member `message`. A wrong method on a known route is 400, not
//! 405; a content type other than JSON counts as no body; the generation id is not looked at
//! (observed on the daemon, version 1.6.0).

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sha2::Sha256;

use super::seal;
use crate::authority::{Authority, Purpose};
use crate::hub::Identity;

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
#[derive(Clone)]
pub struct WorkloadIdentity {
    /// Module id.
    module: String,
    /// Who it is at the hub: `azureiot://HUB/devices/D/modules/M`.
    uri: String,
    /// Key that signs for the module.
    key: [u8; 32],
    authority: Arc<Authority>,
}

impl WorkloadIdentity {
    pub(crate) fn new(
        hub: &str,
        identity: &Identity,
        key: [u8; 32],
        authority: Arc<Authority>,
    ) -> Self {
        let module = match identity {
            Identity::Device { device } => device,
            Identity::Module { module, .. } => module,
        };
        Self {
            module: module.clone(),
            uri: format!("azureiot://{hub}/{}", identity.stem()),
            key,
            authority,
        }
    }
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

/// Routes of the API. A module and generation id are as the caller wrote them, decoded once.
enum Route {
    TrustBundle,
    ManifestTrustBundle,
    Modules,
    Module { module: String, asked: Asked },
}

/// What a module asks for itself.
enum Asked {
    Sign,
    Encrypt { generation: String },
    Decrypt { generation: String },
    ServerCertificate,
    IdentityCertificate,
}

/// Answers one request.
pub(super) fn answer(identity: &WorkloadIdentity, request: &Request, now: SystemTime) -> Answer {
    let Some((route, method)) = route(&request.path) else {
        return Answer::error(404, "not found");
    };
    if request.method != method {
        return Answer::error(
            400,
            format!("{} is not possible on {}", request.method, request.path),
        );
    }
    if let Err(message) = check_version(&request.query) {
        return Answer::error(400, message);
    }
    match route {
        Route::TrustBundle => Answer::ok(json!({"certificate": identity.authority.pem()})),
        Route::ManifestTrustBundle => Answer::ok(json!({"certificate": ""})),
        Route::Modules => Answer::ok(modules(&identity.module)),
        Route::Module { module, .. } if module != identity.module => Answer::error(
            403,
            format!(
                "this socket belongs to `{}`, not to `{module}`",
                identity.module
            ),
        ),
        Route::Module { asked, .. } => {
            for_module(identity, &asked, request, now).unwrap_or_else(|refusal| refusal)
        }
    }
}

fn for_module(
    identity: &WorkloadIdentity,
    asked: &Asked,
    request: &Request,
    now: SystemTime,
) -> Result<Answer, Answer> {
    let body = json_body(request)?;
    let failed = |error: &dyn std::fmt::Display| Answer::error(500, error.to_string());
    match asked {
        Asked::Sign => {
            let mut mac = Hmac::<Sha256>::new_from_slice(&identity.key)
                .expect("HMAC takes a key of any length");
            mac.update(&bytes(&body, "data")?);
            Ok(Answer::ok(
                json!({"digest": STANDARD.encode(mac.finalize().into_bytes())}),
            ))
        }
        Asked::Encrypt { generation } => {
            let (plain, vector) = (
                bytes(&body, "plaintext")?,
                bytes(&body, "initializationVector")?,
            );
            let seal = seal::Seal::new(&identity.key, &identity.module, generation, &vector);
            let sealed = seal.close(plain).map_err(|error| failed(&error))?;
            Ok(Answer::ok(json!({"ciphertext": STANDARD.encode(sealed)})))
        }
        Asked::Decrypt { generation } => {
            let (sealed, vector) = (
                bytes(&body, "ciphertext")?,
                bytes(&body, "initializationVector")?,
            );
            let seal = seal::Seal::new(&identity.key, &identity.module, generation, &vector);
            let plain = seal.open(sealed).map_err(|error| failed(&error))?;
            Ok(Answer::ok(json!({"plaintext": STANDARD.encode(plain)})))
        }
        Asked::ServerCertificate => {
            let common_name = text(&body, "commonName")?;
            certificate(identity, Purpose::Server { common_name }, now)
        }
        Asked::IdentityCertificate => {
            let uri = &identity.uri;
            certificate(identity, Purpose::Identity { uri }, now)
        }
    }
}

fn certificate(
    identity: &WorkloadIdentity,
    purpose: Purpose<'_>,
    now: SystemTime,
) -> Result<Answer, Answer> {
    let issued = identity.authority.issue(&identity.module, purpose, now);
    let issued = issued.map_err(|error| Answer::error(500, error.to_string()))?;
    Ok(Answer {
        status: 201,
        body: json!({
            "privateKey": {"type": "key", "bytes": issued.private_key},
            "certificate": issued.certificate,
            "expiration": issued.expiration,
        }),
    })
}

/// The one module that the device of a stand-in runs.
fn modules(module: &str) -> Value {
    json!({"modules": [{
        "id": module,
        "name": module,
        "type": "docker",
        "config": {"settings": {}, "env": []},
        "status": {"runtimeStatus": {"status": "running"}},
    }]})
}

/// A route and the one method that it takes.
fn route(path: &str) -> Option<(Route, &'static str)> {
    let segments: Vec<String> = path
        .trim_start_matches('/')
        .split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (module, asked) = match segments[..] {
        ["trust-bundle"] => return Some((Route::TrustBundle, "GET")),
        ["manifest-trust-bundle"] => return Some((Route::ManifestTrustBundle, "GET")),
        ["modules"] | ["modules", ""] => return Some((Route::Modules, "GET")),
        ["modules", module, "genid", _, "sign"] => (module, Asked::Sign),
        ["modules", module, "genid", generation, "encrypt"] => {
            let generation = generation.to_owned();
            (module, Asked::Encrypt { generation })
        }
        ["modules", module, "genid", generation, "decrypt"] => {
            let generation = generation.to_owned();
            (module, Asked::Decrypt { generation })
        }
        ["modules", module, "genid", _, "certificate", "server"] => {
            (module, Asked::ServerCertificate)
        }
        ["modules", module, "certificate", "identity"] => (module, Asked::IdentityCertificate),
        _ => return None,
    };
    let module = module.to_owned();
    Some((Route::Module { module, asked }, "POST"))
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

fn json_body(request: &Request) -> Result<Value, Answer> {
    let is_json = |kind: &String| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    };
    if request.body.is_empty() || !request.content_type.as_ref().is_none_or(is_json) {
        return Err(Answer::error(400, "the request has no JSON body"));
    }
    serde_json::from_slice(&request.body)
        .map_err(|error| Answer::error(422, format!("the body is not JSON: {error}")))
}

fn text<'a>(body: &'a Value, member: &str) -> Result<&'a str, Answer> {
    body.get(member).and_then(Value::as_str).ok_or_else(|| {
        Answer::error(
            422,
            format!("the body has no member `{member}` with a text"),
        )
    })
}

fn bytes(body: &Value, member: &str) -> Result<Vec<u8>, Answer> {
    STANDARD
        .decode(text(body, member)?)
        .map_err(|_| Answer::error(400, format!("invalid parameter `{member}`: not base64")))
}

#[cfg(test)]
mod tests;
