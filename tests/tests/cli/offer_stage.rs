//! What `edgeproof lint` says of the offer itself, without device or network: one change each flips one finding; the lab's own
//! data, and an earlier certificate.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{edgeproof, stored, well_behaved};

/// Findings of linting an offer that differ from the well-behaved one's: id and verdict.
fn flipped(offer: &Value, more: &[&str]) -> Vec<(String, String)> {
    let sound = findings(&offer_of_well_behaved(), more);
    let mut found = findings(offer, more);
    found.retain(|finding| !sound.contains(finding));
    found
}

fn findings(offer: &Value, more: &[&str]) -> Vec<(String, String)> {
    let lint = lint(offer, more);
    let findings = lint["findings"].as_array().unwrap().iter();
    let in_scope = findings.filter(|finding| finding["inScope"] == true);
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    in_scope
        .map(|finding| (text(finding, "id"), text(finding, "verdict")))
        .collect()
}

fn lint(offer: &Value, more: &[&str]) -> Value {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("offer.json");
    fs::write(&file, offer.to_string()).unwrap();
    let all = [&["lint", file.to_str().unwrap(), "--format", "json"], more].concat();
    let end = edgeproof(&all);
    serde_json::from_str(&end.out).unwrap_or_else(|error| panic!("{error}: {}", end.err))
}

fn finding<'a>(lint: &'a Value, id: &str) -> &'a Value {
    let mut findings = lint["findings"].as_array().unwrap().iter();
    findings.find(|finding| finding["id"] == id).unwrap()
}

fn offer_of_well_behaved() -> Value {
    serde_json::from_str(&fs::read_to_string(well_behaved()).unwrap()).unwrap()
}

/// The well-behaved offer with one value at a place; `null` takes it out.
fn with(pointer: &str, value: Value) -> Value {
    let mut offer = offer_of_well_behaved();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = offer.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    offer
}

fn description(start: &str) -> Value {
    let sound = offer_of_well_behaved();
    let text = sound["listing"]["description"].as_str().unwrap();
    json!(format!("{start}{text}"))
}

fn recommending(line: &str) -> Value {
    let sound = offer_of_well_behaved();
    let text = sound["listing"]["description"].as_str().unwrap();
    json!(format!(
        "{text}<p>Recommended hardware requirements: {line}</p>"
    ))
}

#[test]
fn each_change_of_the_offer_flips_one_finding() {
    let device = "https://devicecatalog.azure.com/devices/3f52cdee";
    let camera = json!({"ExposedPorts": {"8080/tcp": {}}, "HostConfig": {"ReadonlyRootfs": true, "CapAdd": ["SYS_NICE"]}});
    for (pointer, value, id, verdict) in [
        ("/plan/platformOption", Value::Null, "IEM-PLAT-01", "warn"),
        (
            "/plan/platformOption",
            json!("all-tier-1"),
            "IEM-PLAT-01",
            "fail",
        ),
        ("/listing/usefulLinks", json!([]), "IEM-DEV-02", "fail"),
        (
            "/listing/usefulLinks",
            json!([{"title": "Box", "url": device}]),
            "",
            "",
        ),
        (
            "/listing/thirdPartyNoticeUrl",
            json!("https://edgeproof.test/notice"),
            "IEM-LEG-04",
            "pass",
        ),
        (
            "/listing/thirdPartyNoticeUrl",
            json!("soon"),
            "IEM-LEG-04",
            "warn",
        ),
        ("/publisherId", json!("Contoso Ltd"), "IEM-PUB-01", "fail"),
        (
            "/listing/documentationUrl",
            json!("soon"),
            "IEM-DOC-02",
            "fail",
        ),
        (
            "/listing/description",
            description("<section>A</section>"),
            "IEM-DOC-02",
            "warn",
        ),
        (
            "/listing/description",
            description("<p>Help: help@edgeproof.test</p>"),
            "IEM-SUP-02",
            "manual",
        ),
        (
            "/listing/description",
            description("<p>Help: https://edgeproof.test/help</p>"),
            "IEM-SUP-02",
            "inconclusive",
        ),
        (
            "/listing/description",
            description("<p><a href=\"mailto:help\">Help</a></p>"),
            "IEM-SUP-02",
            "fail",
        ),
        (
            "/listing/description",
            recommending("2 GB of RAM"),
            "IEM-HW-08",
            "pass",
        ),
        (
            "/listing/description",
            recommending("128 MB of RAM"),
            "IEM-HW-08",
            "warn",
        ),
        (
            "/attestations",
            json!({"IEM-USE-01": {"by": "A", "on": "2026-11-01", "statement": "Used."}}),
            "",
            "",
        ),
        ("/plan/createOptions", camera, "IEM-SEC-03", "fail"),
    ] {
        let mut found = flipped(&with(pointer, value.clone()), &[]);
        // Access that nobody justifies is looked at by IEM-SEC-02 too, a link in the text by IEM-DOC-02, and which link is wanted
        // goes with the option.
        found.retain(|(other, _)| {
            !matches!(
                (id, other.as_str()),
                ("IEM-SEC-03", "IEM-SEC-02")
                    | ("IEM-SUP-02", "IEM-DOC-02")
                    | ("IEM-PLAT-01", "IEM-DEV-02")
            )
        });
        let wanted: Vec<(String, String)> = match id {
            "" => Vec::new(),
            id => vec![(id.to_owned(), verdict.to_owned())],
        };
        assert_eq!(found, wanted, "{pointer} {value}");
    }
}

#[test]
fn platforms_outside_of_tier_1_fail_and_the_paragraph_s_too() {
    let text = "<p>It listens on TCP port 8080.</p><p>Minimum hardware requirements: Linux x86 OS, 512 MB of RAM, 100 MB of storage</p>";
    let mut offer = with("/plan/platforms", json!(["linux/s390x"]));
    offer["listing"]["description"] = json!(text);
    let found = lint(&offer, &[]);
    let plat_04 = finding(&found, "IEM-PLAT-04");
    assert_eq!(plat_04["verdict"], "fail", "{plat_04}");
    assert!(
        plat_04["saw"]
            .as_str()
            .unwrap()
            .contains("linux/s390x is not in Tier 1")
    );
}

#[test]
fn the_edition_of_2018_asks_for_no_option_and_no_link() {
    let lint = lint(&offer_of_well_behaved(), &["--edition", "2018"]);
    for id in ["IEM-PLAT-01", "IEM-DEV-02"] {
        assert_eq!(finding(&lint, id)["verdict"], "not-applicable", "{id}");
    }
    let plat_04 = finding(&lint, "IEM-PLAT-04");
    assert_eq!(
        plat_04["verdict"], "warn",
        "every system of that year is out of support: {plat_04}"
    );
    assert!(
        plat_04["wanted"]
            .as_str()
            .unwrap()
            .contains("IoT Edge 1.0 (2018-06)")
    );
}

#[test]
fn the_lab_s_own_data_decide_and_the_result_says_which_judged() {
    let shipped = lint(&offer_of_well_behaved(), &[]);
    let files = shipped["data"].as_array().unwrap();
    let names: Vec<&Value> = files.iter().map(|file| &file["name"]).collect();
    assert_eq!(names, ["tier-1", "certified-devices"]);
    assert!(files.iter().all(|file| file.get("text").is_none()));
    assert_eq!(shipped["inputs"].as_array().unwrap().len(), 9);

    let place = tempfile::tempdir().unwrap();
    let url = "https://devicecatalog.azure.com/devices/box";
    let copy = json!({
        "schema": "edgeproof/certified-devices/1", "dated": "2023-11", "ended": "2024-02", "source": "a copy of the lab's",
        "hosts": [{"host": "devicecatalog.azure.com", "devicePath": "/devices/", "source": "the lab"}],
        "devices": [{"name": "Contoso Box", "url": url, "source": "the lab"}]
    });
    fs::write(
        place.path().join("certified-devices.json"),
        copy.to_string(),
    )
    .unwrap();
    let data = ["--data", place.path().to_str().unwrap()];
    let links = json!([{"title": "Box", "url": url}]);
    let found = lint(&with("/listing/usefulLinks", links), &data);
    assert_eq!(finding(&found, "IEM-DEV-02")["verdict"], "pass");
    assert_eq!(found["data"][1]["dated"], "2023-11");
    assert!(found["data"][1]["text"].is_string());
    let found = lint(&offer_of_well_behaved(), &data);
    assert_eq!(finding(&found, "IEM-DEV-02")["verdict"], "fail");
}

#[test]
fn data_that_cannot_be_read_are_refused_with_their_places() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("tier-1.json"), "{\"schema\": 1}").unwrap();
    for command in ["lint", "rejudge"] {
        let file = match command {
            "lint" => well_behaved(),
            _ => stored("conformant"),
        };
        let end = edgeproof(&[command, &file, "--data", place.path().to_str().unwrap()]);
        assert_eq!(end.exit, 65, "{end:?}");
        assert!(end.err.contains("tier-1.json: not tier-1: "), "{}", end.err);
    }
}

/// The offer of a stored report that certifies it, and that report as one that says which data judged it.
fn certified(place: &Path) -> (Value, String) {
    let text = fs::read_to_string(stored("conformant")).unwrap();
    let mut report: Value = serde_json::from_str(&text).unwrap();
    report["data"] = lint(&offer_of_well_behaved(), &[])["data"].clone();
    let file = place.join("report.json");
    fs::write(&file, report.to_string()).unwrap();
    (report["offer"].clone(), file.to_str().unwrap().to_owned())
}

#[test]
fn a_certificate_is_stale_when_the_offer_or_the_tables_change_and_holds_else() {
    let place = tempfile::tempdir().unwrap();
    let (offer, report) = certified(place.path());
    let same = lint(&offer, &["--certified", &report]);
    for id in ["IEM-UPD-02", "IEM-UPD-03"] {
        assert_eq!(
            finding(&same, id)["verdict"],
            "pass",
            "{}",
            finding(&same, id)
        );
    }
    let mut changed = offer.clone();
    changed["plan"]["image"]["tag"] = json!("9.9.9");
    let stale = lint(&changed, &["--certified", &report]);
    let upd_03 = finding(&stale, "IEM-UPD-03");
    assert_eq!(upd_03["verdict"], "warn");
    assert!(
        upd_03["saw"]
            .as_str()
            .unwrap()
            .contains("is stale: plan.image has changed")
    );
    assert_eq!(finding(&stale, "IEM-UPD-02")["verdict"], "pass");

    let shipped = support::repository().join("agent/conformance/data/tier-1.json");
    let tables = fs::read_to_string(shipped).unwrap();
    let tables = tables.replace("\"dated\": \"2026-11\"", "\"dated\": \"2027-01\"");
    fs::write(place.path().join("tier-1.json"), tables).unwrap();
    let data = place.path().to_str().unwrap();
    let stale = lint(&offer, &["--certified", &report, "--data", data]);
    let upd_02 = finding(&stale, "IEM-UPD-02");
    assert_eq!(upd_02["verdict"], "warn");
    assert!(
        upd_02["saw"]
            .as_str()
            .unwrap()
            .contains("is stale: tier-1 of 2026-11")
    );
    assert_eq!(finding(&stale, "IEM-UPD-03")["verdict"], "pass");

    // Judged again, the report says so itself, and goes on saying so.
    let told = edgeproof(&[
        "rejudge",
        &report,
        "--certified",
        &report,
        "--data",
        data,
        "--format",
        "json",
    ]);
    let file = place.path().join("again.json");
    fs::write(&file, &told.out).unwrap();
    let again = edgeproof(&["rejudge", file.to_str().unwrap(), "--format", "json"]);
    assert!(again.out == told.out, "the second judgement differs");
    assert!(told.out.contains("is stale: tier-1 of 2026-11"));
}

#[test]
fn what_is_no_certificate_of_the_offer_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (mut offer, report) = certified(place.path());
    offer["planId"] = json!("another");
    let file = place.path().join("offer.json");
    fs::write(&file, offer.to_string()).unwrap();
    let file = file.to_str().unwrap();
    for (report, told) in [
        (report, "/offer/planId: "),
        (stored("not-conformant"), "/verdict: "),
    ] {
        let end = edgeproof(&["lint", file, "--certified", &report]);
        assert_eq!(end.exit, 65, "{end:?}");
        assert!(end.err.contains(told), "{}", end.err);
    }
}
