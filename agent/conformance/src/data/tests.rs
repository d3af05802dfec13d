//! The shipped data, what is refused of others, and what links lead to.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::record::Edition;

fn platforms(edition: Edition, day: &str) -> (String, Vec<String>) {
    let data = Data::shipped();
    let table = data.tier_1.content.table(edition, day).unwrap();
    let platforms = table.platforms();
    (
        table.name.clone(),
        platforms.iter().map(ToString::to_string).collect(),
    )
}

fn shipped(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_day_and_the_edition_choose_the_table() {
    let three = ["linux/amd64", "linux/arm/v7", "linux/arm64"];
    for (edition, day, name, wanted) in [
        (
            Edition::Edition2018,
            "2026-11-20",
            "IoT Edge 1.0",
            &["linux/amd64", "linux/arm/v7"][..],
        ),
        (Edition::Current, "2023-06-01", "IoT Edge 1.4", &three[..]),
        (Edition::Current, "2024-05-31", "IoT Edge 1.5", &three[..]),
        (Edition::Current, "2026-06-30", "IoT Edge 1.5", &three[..]),
        (Edition::Current, "2026-07-01", "IoT Edge 1.6", &three[..]),
        // A clock that nobody set, and no clock at all.
        (Edition::Current, "1970-01-01", "IoT Edge 1.6", &three[..]),
        (Edition::Current, "", "IoT Edge 1.6", &three[..]),
    ] {
        let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        assert_eq!(platforms(edition, day), (name.to_owned(), wanted), "{day}");
    }
}

#[test]
fn shipped_data_say_which_they_are_and_hold_no_text() {
    for file in Data::shipped().files() {
        assert_eq!(file.sha256.len(), 64, "{file:?}");
        assert_eq!(file.text, None, "{file:?}");
    }
    let words = Data::shipped().tier_1.file.in_words();
    assert!(words.starts_with("tier-1 of 2026-11 (SHA-256 "), "{words}");
}

#[test]
fn data_of_a_lab_travel_with_the_report_and_come_back() {
    let mut other = shipped(SHIPPED_TIER_1);
    other["dated"] = json!("2027-01");
    let data = Data::shipped().with(TIER_1, &other.to_string()).unwrap();
    assert_eq!(data.tier_1.file.dated, "2027-01");
    assert!(data.tier_1.file.text.is_some());
    assert!(data.tier_1.file.in_words().ends_with(", given by the lab)"));
    let files = data.files();
    let json = serde_json::to_string(&files).unwrap();
    let again: Vec<DataFile> = serde_json::from_str(&json).unwrap();
    assert_eq!(*Data::of(&again), data);
}

#[test]
fn the_shipped_text_given_again_is_the_shipped_one() {
    let data = Data::shipped().with(TIER_1, SHIPPED_TIER_1).unwrap();
    assert_eq!(data, *Data::shipped());
}

#[test]
fn a_text_in_a_report_that_cannot_be_read_counts_as_not_held() {
    let spoilt = DataFile {
        text: Some("{".to_owned()),
        ..Data::shipped().tier_1.file.clone()
    };
    assert_eq!(Data::of(&[spoilt]), Data::shipped());
}

#[test]
fn every_mistake_is_told_with_its_pointer() {
    let mut tier_1 = shipped(SHIPPED_TIER_1);
    tier_1["schema"] = json!("edgeproof/tier-1/9");
    tier_1["dated"] = json!("2026-13");
    tier_1["tables"][0]["editions"] = json!([]);
    tier_1["tables"][1]["dated"] = json!("May 2023");
    tier_1["tables"][1]["rows"][0]["source"] = json!(" ");
    tier_1["tables"][1]["rows"][1]["platforms"] = json!([]);
    tier_1["tables"][1]["rows"][2]["until"] = json!("soon");
    let mistakes = Data::shipped()
        .with(TIER_1, &tier_1.to_string())
        .unwrap_err();
    for pointer in [
        "/schema: ",
        "/dated: ",
        "/tables: none decides edition 2018",
        "/tables/1/dated: ",
        "/tables/1/rows/0/source: ",
        "/tables/1/rows/1/platforms: ",
        "/tables/1/rows/2/until: ",
    ] {
        let found = mistakes.iter().any(|mistake| mistake.starts_with(pointer));
        assert!(found, "{pointer} in {mistakes:?}");
    }
    let mut devices = shipped(SHIPPED_CERTIFIED_DEVICES);
    devices["hosts"][0]["devicePath"] = json!("devices");
    devices["devices"] = json!([{"name": "Box", "url": "box", "source": "a copy"}]);
    let mistakes = Data::shipped().with(CERTIFIED_DEVICES, &devices.to_string());
    assert_eq!(
        mistakes.unwrap_err(),
        [
            "/hosts/0/devicePath: has to begin with `/`",
            "/devices/0/url: `box` is no web link"
        ]
    );
    assert!(Data::shipped().with("tier-2", "{}").is_err());
    let long = Data::shipped().with(TIER_1, &" ".repeat(LONGEST + 1));
    assert!(long.unwrap_err()[0].contains("at most"));
}

#[test]
fn links_are_told_apart_by_host_path_and_copy() {
    let data = Data::shipped();
    let shipped_devices = &data.certified_devices.content;
    for (url, wanted) in [
        ("https://devicecatalog.azure.com/", Linked::Catalogue),
        ("HTTPS://DeviceCatalog.Azure.com", Linked::Catalogue),
        (
            "https://devicecatalog.azure.com/devices?certificationBadgeTypes=IoTEdgeCompatible",
            Linked::Catalogue,
        ),
        (
            "https://devicecatalog.azure.com/devices/",
            Linked::Catalogue,
        ),
        (
            "https://devicecatalog.azure.com/devices/3f52cdee",
            Linked::Device,
        ),
        (
            "https://catalog.azureiotsolutions.com/details?title=Box",
            Linked::Device,
        ),
        (
            "https://catalog.azureiotsolutions.com/alldevices",
            Linked::Catalogue,
        ),
        (
            "https://devicecatalog.azure.com.contoso.example/devices/1",
            Linked::Elsewhere,
        ),
        (
            "https://contoso.example/?devicecatalog.azure.com/devices/1",
            Linked::Elsewhere,
        ),
        ("devicecatalog.azure.com", Linked::Elsewhere),
        ("", Linked::Elsewhere),
    ] {
        assert_eq!(shipped_devices.linked(url), wanted, "{url}");
    }
    let mut copy = shipped(SHIPPED_CERTIFIED_DEVICES);
    copy["devices"] = json!([
        {"name": "Box", "url": "https://devicecatalog.azure.com/devices/1", "source": "a copy"}
    ]);
    let data = data.with(CERTIFIED_DEVICES, &copy.to_string()).unwrap();
    let devices = &data.certified_devices.content;
    let linked = devices.linked("https://devicecatalog.azure.com/devices/1/#specs");
    assert!(matches!(linked, Linked::Certified(device) if device.name == "Box"));
    let other = devices.linked("https://devicecatalog.azure.com/devices/2");
    assert_eq!(other, Linked::Unlisted);
}

proptest! {
    #[test]
    fn whatever_the_text_it_is_read_or_refused(text in "\\PC{0,200}") {
        for name in [TIER_1, CERTIFIED_DEVICES] {
            prop_assert!(Data::shipped().with(name, &text).is_err());
        }
    }

    #[test]
    fn whatever_the_link_it_leads_somewhere(
        url in "(https?://)?(devicecatalog\\.azure\\.com|catalog\\.azureiotsolutions\\.com)?\\PC{0,40}",
        day in "\\PC{0,12}",
    ) {
        let data = Data::shipped();
        let _ = data.certified_devices.content.linked(&url);
        prop_assert!(data.tier_1.content.table(Edition::Current, &day).is_some());
    }
}
