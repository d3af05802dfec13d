use std::time::{Duration, UNIX_EPOCH};

use super::*;

const SIGN: &str = "/modules/m1/genid/1/sign";

fn identity() -> WorkloadIdentity {
    let key = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let authority = Arc::new(Authority::new().unwrap());
    WorkloadIdentity::new("h", &Identity::module("d1", "m1"), key, authority)
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

fn check_as(identity: &WorkloadIdentity, request: &Request, status: u16) -> Value {
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let answer = answer(identity, request, now);
    assert_eq!(answer.status, status, "{request:?}: {answer:?}");
    if status >= 400 {
        assert!(answer.body["message"].is_string());
    }
    answer.body
}

fn check(request: &Request, status: u16) -> Value {
    check_as(&identity(), request, status)
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
    let bundle = check(&request("GET", "/trust-bundle", ""), 200);
    let pem = bundle["certificate"].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
    assert_eq!(
        check(&request("GET", "/manifest-trust-bundle", ""), 200),
        json!({"certificate": ""})
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
fn unknown_routes_are_404() {
    check(&request("GET", "/", ""), 404);
    check(&request("GET", "/systeminfo", ""), 404);
    check(&request("POST", "/modules/m1/genid/1/steal", "{}"), 404);
}

#[test]
fn certificates_are_created_with_key_chain_and_end() {
    let server = "/modules/m1/genid/1/certificate/server";
    let asked = r#"{"commonName":"gateway","expiration":"2099-01-01T00:00:00Z"}"#;
    for (path, body) in [(server, asked), ("/modules/m1/certificate/identity", "{}")] {
        let answer = check(&request("POST", path, body), 201);
        assert_eq!(answer["privateKey"]["type"], "key");
        let key = answer["privateKey"]["bytes"].as_str().unwrap();
        assert!(key.contains("BEGIN PRIVATE KEY"), "{path}");
        let chain = answer["certificate"].as_str().unwrap();
        assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 2, "{path}");
        assert_eq!(answer["expiration"], "2027-02-14T08:00:00Z", "{path}");
    }
    check(&request("POST", server, "{}"), 422);
    check(&request("POST", server, ""), 400);
    check(&request("GET", server, ""), 400);
    check(
        &request("POST", "/modules/m2/certificate/identity", "{}"),
        403,
    );
}

#[test]
fn what_was_encrypted_only_the_same_module_and_generation_reads() {
    let identity = identity();
    let vector = STANDARD.encode("a vector");
    let body = json!({"plaintext": STANDARD.encode("secret"), "initializationVector": vector});
    let path = |generation: &str, verb: &str| format!("/modules/m1/genid/{generation}/{verb}");
    let encrypt = request("POST", &path("1", "encrypt"), &body.to_string());
    let sealed = check_as(&identity, &encrypt, 200)["ciphertext"].clone();
    assert_ne!(sealed, body["plaintext"]);
    let opened = |generation: &str, vector: &str, status| {
        let body = json!({"ciphertext": sealed, "initializationVector": vector});
        let decrypt = request("POST", &path(generation, "decrypt"), &body.to_string());
        check_as(&identity, &decrypt, status)
    };
    assert_eq!(
        opened("1", &vector, 200),
        json!({"plaintext": STANDARD.encode("secret")})
    );
    opened("2", &vector, 500);
    opened("1", &STANDARD.encode("another"), 500);
    check_as(
        &identity,
        &request("POST", &path("1", "decrypt"), r#"{"ciphertext":"AA=="}"#),
        422,
    );
}

#[test]
fn the_module_list_names_the_one_module_of_the_socket() {
    for path in ["/modules", "/modules/"] {
        let list = check(&request("GET", path, ""), 200);
        assert_eq!(list["modules"][0]["id"], "m1", "{path}");
        assert_eq!(list["modules"][0]["type"], "docker");
    }
}
