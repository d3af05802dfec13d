//! Registries that refuse, dawdle, send in circles or never end: each comes to a clear end, and no secret is told.

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::image::MANIFEST;
use crate::server::{Answer, Asked, Server, json as answered, status};
use crate::stage::{digest, inspect};

/// The name and password `pull:sesame`.
const AUTH: &str = "cHVsbDpzZXNhbWU=";

fn run(server: &Server, more: &[&str]) -> (Output, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let login = json!({"auths": {server.address.clone(): {"auth": AUTH}}});
    fs::write(home.path().join("login.json"), login.to_string()).unwrap();
    let login = home.path().join("login.json").display().to_string();
    let reference = format!("{}/air:1.0.0", server.address);
    let mut arguments = vec![reference.as_str(), "--format", "json"];
    arguments.extend(
        more.iter()
            .map(|one| if *one == "LOGIN" { login.as_str() } else { one }),
    );
    let output = inspect(&arguments, home.path());
    (output, home)
}

/// What every finding of a run says that saw nothing.
fn reason(output: &Output) -> String {
    let inspection: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(inspection["repository"].is_null());
    let findings = inspection["findings"].as_array().unwrap();
    let finding = findings
        .iter()
        .find(|finding| finding["id"] == "IEM-REG-02")
        .unwrap();
    assert_eq!(finding["verdict"], "inconclusive");
    finding["saw"].as_str().unwrap().to_owned()
}

fn config() -> Vec<u8> {
    json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [digest(b"")]}})
        .to_string()
        .into_bytes()
}

/// One image that every tag leads to, without layers.
fn image() -> Vec<u8> {
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(&config()), "size": config().len()},
    })
    .to_string()
    .into_bytes()
}

/// A registry with these tags and that image.
fn with_tags(asked: &Asked, tags: &Value) -> Answer {
    if asked.path.contains("/tags/list") {
        answered(json!({"name": "air", "tags": tags}).to_string())
    } else if asked.path.contains("/manifests/") {
        Answer::Whole(
            "200 OK",
            vec![("Content-Type", MANIFEST.to_owned())],
            image(),
        )
    } else {
        Answer::Whole("200 OK", Vec::new(), config())
    }
}

#[test]
fn a_redirect_without_an_end_is_left_after_five() {
    let server = Server::start(|asked, here| {
        status(
            "307 Temporary Redirect",
            vec![("Location", format!("http://{here}{}x", asked.path))],
        )
    });
    let (output, _home) = run(&server, &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = reason(&output);
    assert!(told.contains("more than 5 redirects"), "{told}");
    assert_eq!(server.questions(), 6);
}

#[test]
fn a_redirect_away_from_tls_is_not_followed() {
    let server = Server::start(|_, _| {
        status(
            "302 Found",
            vec![("Location", "http://registry.example/v2/".to_owned())],
        )
    });
    let (output, _home) = run(&server, &[]);
    assert!(reason(&output).contains("not reached over TLS"));
    assert_eq!(server.questions(), 1);
}

#[test]
fn an_answer_without_an_end_and_one_that_never_comes_end_in_time() {
    let endless = Server::start(|_, _| Answer::Endless);
    let (output, _home) = run(&endless, &[]);
    let told = reason(&output);
    assert!(told.contains("has more than 8388608 bytes"), "{told}");
    let silent = Server::start(|_, _| Answer::Silence);
    let begun = Instant::now();
    let (output, _home) = run(&silent, &[]);
    let told = reason(&output);
    assert!(told.contains("no whole answer within 20 s"), "{told}");
    assert!(
        begun.elapsed() < Duration::from_secs(40),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_hundred_thousand_tags_come_to_a_bounded_answer_that_says_so() {
    let server = Server::start(|asked, _| {
        let first: usize = asked
            .path
            .split("last=")
            .nth(1)
            .map_or(0, |text| text.parse().unwrap());
        let tags: Vec<String> = (first..first + 1000).map(|n| format!("1.0.{n}")).collect();
        let answer = with_tags(asked, &json!(tags));
        let more = asked.path.contains("/tags/list") && first + 1000 < 100_000;
        match answer {
            Answer::Whole(status, mut headers, body) if more => {
                headers.push((
                    "Link",
                    format!("</v2/air/tags/list?last={}>; rel=\"next\"", first + 1000),
                ));
                Answer::Whole(status, headers, body)
            }
            answer @ (Answer::Whole(..) | Answer::Endless | Answer::Silence) => answer,
        }
    });
    let (output, _home) = run(&server, &[]);
    let inspection: Value = serde_json::from_slice(&output.stdout).unwrap();
    let repository = &inspection["repository"];
    assert_eq!(repository["listed"], 100_000);
    assert_eq!(repository["leftOut"], "500 of 100000 tags were looked at");
    let tags = repository["tags"].as_array().unwrap();
    assert!(tags.iter().any(|tag| tag["name"] == "1.0.99999"));
    let findings = inspection["findings"].as_array().unwrap();
    let closure = findings
        .iter()
        .find(|finding| finding["id"] == "IEM-REG-02")
        .unwrap();
    assert_eq!(closure["verdict"], "inconclusive", "{closure}");
}

#[test]
fn pages_that_lead_in_a_circle_end() {
    let server = Server::start(|asked, _| match with_tags(asked, &json!(["1.0.0"])) {
        Answer::Whole(status, mut headers, body) if asked.path.contains("/tags/list") => {
            let next = if asked.path.ends_with('a') { 'b' } else { 'a' };
            headers.push((
                "Link",
                format!("</v2/air/tags/list?last={next}>; rel=\"next\""),
            ));
            Answer::Whole(status, headers, body)
        }
        answer @ (Answer::Whole(..) | Answer::Endless | Answer::Silence) => answer,
    });
    let (output, _home) = run(&server, &[]);
    let inspection: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = inspection["repository"]["leftOut"].as_str().unwrap();
    assert!(told.contains("leads back to a page"), "{told}");
}

#[test]
fn of_manifests_with_a_thousand_layers_each_only_so_much_is_kept() {
    let server = Server::start(|asked, _| {
        let tags: Vec<String> = (0..150).map(|n| format!("1.0.{n}")).collect();
        let Some((_, name)) = asked.path.split_once("/manifests/") else {
            return with_tags(asked, &json!(tags));
        };
        let layer = |n: usize| json!({"digest": digest(&n.to_be_bytes()), "size": 1});
        let mut manifest: Value = serde_json::from_slice(&image()).unwrap();
        manifest["layers"] = (0..1_000).map(layer).collect();
        // Every tag has another image.
        manifest["annotations"] = json!({"tag": name});
        let body = manifest.to_string().into_bytes();
        Answer::Whole("200 OK", vec![("Content-Type", MANIFEST.to_owned())], body)
    });
    let (output, _home) = run(&server, &[]);
    let inspection: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = inspection["repository"]["leftOut"].as_str().unwrap();
    assert!(told.contains("more than is kept"), "{told}");
    let manifests = inspection["repository"]["manifests"].as_array().unwrap();
    assert!(manifests.len() < 100, "{} are kept", manifests.len());
}

/// Lets in whoever has a token, and gives one to a user alone.
fn behind_tokens(asked: &Asked, here: &str) -> Answer {
    let authorization = asked.authorization.as_deref();
    if asked.path.starts_with("/token") {
        let expected = format!("Basic {AUTH}");
        return match authorization {
            Some(basic) if basic == expected => answered(json!({"token": "letmein"}).to_string()),
            _ => answered(json!({"token": "nobody"}).to_string()),
        };
    }
    if authorization == Some("Bearer letmein") {
        return with_tags(asked, &json!(["1.0.0"]));
    }
    let challenge = format!(
        "Bearer realm=\"http://{here}/token\",service=\"here\",scope=\"repository:air:pull\""
    );
    status("401 Unauthorized", vec![("WWW-Authenticate", challenge)])
}

#[test]
fn nobody_asks_first_and_credentials_open_what_stays_shut_without_being_told() {
    let server = Server::start(behind_tokens);
    let (output, _home) = run(&server, &[]);
    assert_eq!(output.status.code(), Some(2));
    let told = reason(&output);
    assert!(
        told.contains("401 Unauthorized") && told.contains("--credentials"),
        "{told}"
    );
    let (output, _home) = run(&server, &["--credentials", "LOGIN", "-vv"]);
    let inspection: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(inspection["repository"]["access"], "signed-in");
    for secret in ["sesame", AUTH, "letmein"] {
        for text in [&output.stdout, &output.stderr] {
            assert!(
                !String::from_utf8_lossy(text).contains(secret),
                "{secret} was told"
            );
        }
    }
}

#[test]
fn a_registry_with_passwords_alone_and_one_that_is_open_are_read_too() {
    let basic = Server::start(|asked, _| {
        if asked.authorization.as_deref() == Some("Basic cHVsbDpzZXNhbWU=") {
            return with_tags(asked, &json!(["1.0.0"]));
        }
        status(
            "401 Unauthorized",
            vec![("WWW-Authenticate", "Basic realm=\"here\"".to_owned())],
        )
    });
    for (server, access) in [
        (basic, "signed-in"),
        (
            Server::start(|asked, _| with_tags(asked, &json!(["1.0.0"]))),
            "anonymous",
        ),
    ] {
        let (output, _home) = run(&server, &["--credentials", "LOGIN"]);
        let inspection: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(inspection["repository"]["access"], access);
    }
}
