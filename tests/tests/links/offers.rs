//! `edgeproof lint` on an offer, its links at a server on this machine.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::program::program;

use crate::server::{Answer, Server};

/// The well-behaved offer with these values in its listing.
fn offer(listing: &Value) -> Value {
    let text = fs::read_to_string(support::offer_of("well-behaved")).unwrap();
    let mut offer: Value = serde_json::from_str(&text).unwrap();
    for (name, value) in listing.as_object().unwrap() {
        offer["listing"][name] = value.clone();
    }
    offer
}

struct Linted {
    exit: i32,
    json: Value,
    took: Duration,
}

impl Linted {
    fn verdict(&self, id: &str) -> &str {
        self.finding(id)["verdict"].as_str().unwrap()
    }

    fn finding(&self, id: &str) -> &Value {
        let mut findings = self.json["findings"].as_array().unwrap().iter();
        findings.find(|finding| finding["id"] == id).unwrap()
    }
}

fn lint(listing: &Value, more: &[&str]) -> Linted {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("offer.json");
    fs::write(&file, offer(listing).to_string()).unwrap();
    let program = program();
    let begun = Instant::now();
    let output = Command::new(program)
        .arg("lint")
        .arg(&file)
        .args(["--format", "json"])
        .args(more)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    Linted {
        exit: output.status.code().unwrap(),
        json: serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {told}")),
        took: begun.elapsed(),
    }
}

fn site() -> Server {
    Server::start(|path, here| match path {
        "/page" => Answer::Page("<h1>Here</h1>"),
        "/moved" => Answer::To(format!("http://{here}/page")),
        "/circle" => Answer::To("/circle".to_owned()),
        "/metadata" => Answer::To("http://0.0.0.0/".to_owned()),
        "/busy" => Answer::Status("503 Busy"),
        _ => Answer::Status("404 Not Found"),
    })
}

#[test]
fn links_that_work_pass_with_what_was_seen_and_when() {
    let site = site();
    let listing = json!({
        "privacyPolicyUrl": site.link("/moved"),
        "termsOfUseUrl": site.link("/page"),
        "supportUrl": site.link("/page"),
        "documentationUrl": site.link("/page"),
        "thirdPartyNoticeUrl": site.link("/page"),
    });
    let linted = lint(&listing, &["--allow-private-links"]);
    assert_eq!(linted.exit, 0, "{}", linted.json["headline"]);
    for id in ["LEG-02", "LEG-03", "LEG-04", "SUP-01", "DOC-02"] {
        assert_eq!(linted.verdict(&format!("IEM-{id}")), "pass", "{id}");
    }
    let saw = linted.finding("IEM-LEG-03")["saw"].as_str().unwrap();
    assert!(saw.contains("answered 200 at http://127.0.0.1"), "{saw}");
    // A page at four places is visited once, beside the one that leads to it.
    assert_eq!(site.questions(), 3);
    let links = linted.json["links"].as_array().unwrap();
    let page = links.iter().find(|link| link["url"] == site.link("/page"));
    let page = page.unwrap();
    assert_eq!(page["pointers"].as_array().unwrap().len(), 4);
    assert_eq!(
        page["end"]["answered"]["sha256"].as_str().unwrap().len(),
        64
    );
    assert!(page["at"].as_str().unwrap().starts_with("20"));
}

#[test]
fn each_dead_link_flips_the_finding_that_rests_on_it() {
    let site = site();
    let gone = site.link("/gone");
    let notice = json!({"thirdPartyNoticeUrl": gone});
    let named = json!({"description": format!("<p>Support: {gone}</p><p>It listens on TCP port 8080.</p><p>Minimum hardware requirements: Linux x64 OS, 512 MB of RAM, 100 MB of storage</p>")});
    let useful = json!({"usefulLinks": [{"title": "Product", "url": gone}, {"title": "Devices", "url": "https://devicecatalog.azure.com/"}]});
    for (listing, id, verdict, exit) in [
        (json!({"privacyPolicyUrl": gone}), "IEM-LEG-03", "fail", 1),
        (
            json!({"privacyPolicyUrl": site.link("/circle")}),
            "IEM-LEG-03",
            "fail",
            1,
        ),
        (json!({"termsOfUseUrl": gone}), "IEM-LEG-02", "fail", 1),
        (json!({"supportUrl": gone}), "IEM-SUP-01", "warn", 0),
        (json!({"documentationUrl": gone}), "IEM-DOC-02", "warn", 0),
        (notice, "IEM-LEG-04", "warn", 0),
        (named, "IEM-SUP-02", "warn", 0),
        (useful, "IEM-DEV-02", "manual", 0),
        (
            json!({"privacyPolicyUrl": site.link("/busy")}),
            "IEM-LEG-03",
            "inconclusive",
            2,
        ),
        (
            json!({"privacyPolicyUrl": site.link("/metadata")}),
            "IEM-LEG-03",
            "inconclusive",
            2,
        ),
    ] {
        let linted = lint(&listing, &["--allow-private-links"]);
        assert_eq!(
            linted.verdict(id),
            verdict,
            "{listing}: {}",
            linted.finding(id)["saw"]
        );
        assert_eq!(linted.exit, exit, "{listing}");
    }
}

#[test]
fn documentation_behind_a_dead_link_alone_fails() {
    let site = site();
    let description = "<p>It does things.</p><p>Minimum hardware requirements: Linux x64 OS, 512 MB of RAM, 100 MB of storage</p>";
    for (path, verdict) in [
        ("/page", "pass"),
        ("/gone", "fail"),
        ("/busy", "inconclusive"),
    ] {
        let listing = json!({"description": description, "documentationUrl": site.link(path)});
        let linted = lint(&listing, &["--allow-private-links"]);
        assert_eq!(linted.verdict("IEM-DOC-02"), verdict, "{path}");
    }
}

#[test]
fn this_machine_is_not_asked_unless_that_is_allowed() {
    let site = site();
    let port = site.address.port();
    for url in [site.link("/page"), format!("http://localhost:{port}/page")] {
        let linted = lint(&json!({"privacyPolicyUrl": url}), &[]);
        assert_eq!(linted.exit, 2);
        let finding = linted.finding("IEM-LEG-03");
        assert_eq!(finding["verdict"], "inconclusive");
        assert_eq!(finding["reason"], "configuration");
        let saw = finding["saw"].as_str().unwrap();
        assert!(saw.contains("loopback"), "{saw}");
        assert!(saw.contains("--allow-private-links"), "{saw}");
    }
    assert_eq!(site.questions(), 0);
}

#[test]
fn offline_nothing_is_visited_and_what_rests_on_a_link_is_open() {
    let site = site();
    let linted = lint(
        &json!({"privacyPolicyUrl": site.link("/page")}),
        &["--offline"],
    );
    assert_eq!((linted.exit, site.questions()), (2, 0));
    for id in ["IEM-LEG-02", "IEM-LEG-03"] {
        let finding = linted.finding(id);
        assert_eq!(finding["verdict"], "inconclusive", "{id}");
        assert!(
            finding["saw"].as_str().unwrap().contains("--offline"),
            "{finding}"
        );
    }
    assert!(linted.json["links"].is_null());
}

#[test]
fn names_for_examples_are_left_alone_so_that_an_example_needs_no_network() {
    let linted = lint(&json!({}), &[]);
    assert_eq!(linted.exit, 0);
    let links = linted.json["links"].as_array().unwrap();
    assert!(links.len() > 3);
    for link in links {
        assert!(link["end"]["left-alone"].is_string(), "{link}");
    }
    assert!(linted.took < Duration::from_secs(1), "{:?}", linted.took);
}
