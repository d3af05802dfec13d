//! The table: each requirement flips on a repository that is wrong in just that way.

use std::fs;

use serde_json::Value;

use crate::image::Built;
use crate::shop::{Listed, PLATFORMS, Shop, verdicts, version};
use crate::stage::Stage;

/// A spoiled repository, and what of the good one's verdicts it changes.
struct Fixture {
    name: &'static str,
    shop: fn(&str) -> Shop,
    flips: &'static [(&'static str, &'static str)],
}

const FIXTURES: [Fixture; 22] = [
    Fixture {
        name: "latest-stayed-behind",
        shop: |name| changed(name, |shop| shop.lead(&["latest"], "1.0.0")),
        flips: &[("IEM-TAG-01", "fail")],
    },
    Fixture {
        name: "version-with-a-v",
        shop: |name| changed(name, |shop| shop.lead(&["v1.0.1"], "1.0.1")),
        flips: &[("IEM-TAG-02", "fail")],
    },
    Fixture {
        name: "newest-lacks-a-platform",
        shop: |name| {
            changed(name, |shop| {
                shop.tags
                    .insert("1.0.2".to_owned(), version("1.0.2", &PLATFORMS[..2]));
                shop.lead(&["latest", "1.0", "1"], "1.0.2");
            })
        },
        flips: &[("IEM-TAG-03", "fail")],
    },
    Fixture {
        name: "old-version-lacks-a-platform",
        shop: |name| {
            changed(name, |shop| {
                shop.tags
                    .insert("1.0.0".to_owned(), version("1.0.0", &PLATFORMS[..2]));
            })
        },
        flips: &[("IEM-TAG-03", "warn")],
    },
    Fixture {
        name: "version-moved",
        shop: |name| changed(name, |shop| shop.moved = Some("1.0.0")),
        flips: &[("IEM-TAG-04", "fail")],
    },
    Fixture {
        name: "rolling-tag-stayed-behind",
        shop: |name| changed(name, |shop| shop.lead(&["1.0"], "1.0.0")),
        flips: &[("IEM-TAG-05", "warn")],
    },
    Fixture {
        name: "version-without-a-list",
        shop: |name| {
            changed(name, |shop| {
                let single = Listed::Single(Built::new("linux/amd64", "1.0.0"));
                shop.tags.insert("1.0.0".to_owned(), single);
            })
        },
        flips: &[("IEM-TAG-06", "fail")],
    },
    // `latest` is the one tag that must move, so that IEM-TAG-07 cannot fail alone.
    Fixture {
        name: "nothing-moves",
        shop: |name| {
            changed(name, |shop| {
                for tag in ["latest", "1.0", "1"] {
                    shop.tags.remove(tag);
                }
            })
        },
        flips: &[
            ("IEM-TAG-01", "fail"),
            ("IEM-TAG-05", "not-applicable"),
            ("IEM-TAG-07", "fail"),
        ],
    },
    Fixture {
        name: "no-azure-registry",
        shop: |name| changed(name, |shop| shop.mirrored = false),
        flips: &[("IEM-REG-01", "fail")],
    },
    Fixture {
        name: "a-layer-is-missing",
        shop: |name| changed(name, |shop| shop.lost = Some("1.0.0")),
        flips: &[("IEM-REG-02", "fail")],
    },
    // What cannot be read cannot be compared either.
    Fixture {
        name: "not-published",
        shop: |name| {
            changed(name, |shop| {
                shop.arguments = words("--published REGISTRY/nobody/has-it")
            })
        },
        flips: &[("IEM-PUB-02", "inconclusive"), ("IEM-REG-03", "fail")],
    },
    Fixture {
        name: "another-was-tested",
        shop: |name| {
            changed(name, |shop| {
                let report = support::repository().join("tests/reports/conformant.json");
                shop.arguments = vec!["--tested".to_owned(), report.display().to_string()];
            })
        },
        flips: &[("IEM-PUB-02", "fail")],
    },
    Fixture {
        name: "not-all-of-tier-1",
        shop: |name| {
            let mut shop = Shop::with_platforms(name, &PLATFORMS[..2], "Linux x64 and arm32 OS");
            shop.offer["plan"]["platformOption"] = "all-tier-1".into();
            shop
        },
        flips: &[("IEM-PLAT-02", "fail"), ("IEM-PLAT-03", "not-applicable")],
    },
    // Of the tables that are shipped only that of 2018 has a platform that is in Tier 1 and does not count.
    Fixture {
        name: "nothing-of-tier-1",
        shop: |name| Shop::with_platforms(name, &["linux/arm/v6"], "Linux arm32v6 OS"),
        flips: &[("IEM-PLAT-03", "fail"), ("IEM-PLAT-04", "fail")],
    },
    Fixture {
        name: "program-for-another-platform",
        shop: |name| changed(name, |shop| spoil(shop, |image| image.program = "amd64")),
        flips: &[("IEM-PLAT-05", "fail")],
    },
    // Without an image under the default tag, what is judged of that image stays open.
    Fixture {
        name: "default-tag-leads-nowhere",
        shop: |name| {
            changed(name, |shop| {
                shop.offer["plan"]["image"]["tag"] = "9.9.9".into()
            })
        },
        flips: &[
            ("IEM-CFG-02", "fail"),
            ("IEM-CONT-01", "inconclusive"),
            ("IEM-LEG-04", "inconclusive"),
            ("IEM-PLAT-03", "inconclusive"),
            ("IEM-PLAT-04", "inconclusive"),
            ("IEM-PLAT-05", "inconclusive"),
            ("IEM-REG-04", "inconclusive"),
            ("IEM-SDK-01", "inconclusive"),
            ("IEM-SEC-04", "inconclusive"),
        ],
    },
    Fixture {
        name: "layer-is-not-what-the-config-says",
        shop: |name| changed(name, |shop| spoil(shop, |image| image.wrong_config = true)),
        flips: &[("IEM-CONT-01", "fail")],
    },
    Fixture {
        name: "no-notice-of-others-parts",
        shop: |name| changed(name, |shop| spoil(shop, |image| image.files.truncate(1))),
        flips: &[("IEM-LEG-04", "warn")],
    },
    Fixture {
        name: "sdk-that-nobody-declared",
        shop: |name| {
            changed(name, |shop| {
                spoil(shop, |image| {
                    let text = r#"{"name": "azure-iot-device", "version": "1.18.4"}"#;
                    let path = "app/node_modules/azure-iot-device/package.json";
                    image.files.push((path, text.to_owned()));
                })
            })
        },
        flips: &[("IEM-SDK-01", "pass")],
    },
    Fixture {
        name: "key-in-a-layer",
        shop: |name| {
            changed(name, |shop| {
                spoil(shop, |image| image.files.push(("app/key.pem", key())))
            })
        },
        flips: &[("IEM-SEC-04", "fail")],
    },
    Fixture {
        name: "key-among-the-tests",
        shop: |name| {
            changed(name, |shop| {
                spoil(shop, |image| image.files.push(("app/tests/key.pem", key())))
            })
        },
        flips: &[("IEM-SEC-04", "warn")],
    },
    Fixture {
        name: "password-in-the-image-s-environment",
        shop: |name| {
            changed(name, |shop| {
                spoil(shop, |image| image.env.push("DB_PASSWORD=hunter2"))
            })
        },
        flips: &[("IEM-SEC-04", "fail")],
    },
];

/// What looks like a private key and opens nothing; put together here so that no file of the project holds one.
fn key() -> String {
    let line = "aZ3kQ9xLm7Rb2WcY5dTfG8hJ".repeat(3);
    format!(
        "-----BEGIN {} KEY-----\n{line}\n-----END {} KEY-----\n",
        "PRIVATE", "PRIVATE"
    )
}

pub(crate) fn changed(name: &str, change: impl FnOnce(&mut Shop)) -> Shop {
    let mut shop = Shop::new(name);
    change(&mut shop);
    shop
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Changes the last platform's image of the newest version, and every tag that follows it.
pub(crate) fn spoil(shop: &mut Shop, change: fn(&mut Built)) {
    let Some(Listed::List(images)) = shop.tags.get_mut("1.0.1") else {
        panic!("the newest version is a list");
    };
    change(images.last_mut().unwrap());
    shop.lead(&["latest", "1.0", "1"], "1.0.1");
}

#[test]
fn a_repository_in_order_passes_and_each_spoiled_one_flips_just_its_own_findings() {
    let stage = Stage::start();
    let (exit, good) = Shop::new("in-order").inspected(&stage);
    let expected = verdicts(&good);
    assert_eq!(exit, 0, "{expected:#?}");
    assert_eq!(
        good["headline"],
        "conformant (registry scope, 19 of 63 assessed)"
    );
    let waits = |id: &str| ["IEM-REG-04", "IEM-SEC-04"].contains(&id);
    let other: Vec<&String> = expected
        .iter()
        .filter(|(id, verdict)| match verdict.as_str() {
            "pass" | "not-applicable" => false,
            "manual" => !waits(id),
            _ => true,
        })
        .map(|(id, _)| id)
        .collect();
    assert!(other.is_empty(), "{expected:#?}");
    assert_eq!(good["deviations"][0]["used"], stage.address.as_str());
    for fixture in FIXTURES {
        let (exit, spoiled) = (fixture.shop)(fixture.name).inspected(&stage);
        let seen: Vec<(String, String)> = verdicts(&spoiled)
            .into_iter()
            .filter(|(id, verdict)| expected[id] != *verdict)
            .collect();
        let seen: Vec<(&str, &str)> = seen
            .iter()
            .map(|(id, verdict)| (id.as_str(), verdict.as_str()))
            .collect();
        let told: Vec<String> = spoiled["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| seen.iter().any(|(id, _)| finding["id"] == *id))
            .map(|finding| {
                format!(
                    "{}: {} / {}",
                    finding["id"], finding["saw"], finding["remedy"]
                )
            })
            .collect();
        assert_eq!(seen, fixture.flips, "{}: {told:#?}", fixture.name);
        let text = spoiled.to_string();
        assert!(
            !text.contains("hunter2") && !text.contains("aZ3kQ9xL"),
            "{}",
            fixture.name
        );
        let fails = fixture.flips.iter().any(|(_, verdict)| *verdict == "fail");
        assert_eq!(exit, i32::from(fails), "{}", fixture.name);
    }
}

#[test]
fn a_platform_whose_support_has_ended_by_the_lab_s_table_warns_and_flips_nothing_else() {
    let stage = Stage::start();
    let shop = Shop::new("ended");
    let arguments = shop.open(&stage);
    let table = support::repository().join("agent/conformance/data/tier-1.json");
    let mut table: Value = serde_json::from_slice(&fs::read(table).unwrap()).unwrap();
    for of in table["tables"].as_array_mut().unwrap() {
        for row in of["rows"].as_array_mut().unwrap() {
            row["until"] = "2020-01".into();
        }
    }
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("tier-1.json"), table.to_string()).unwrap();
    let read = |more: &[&str]| {
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(["--format", "json"]);
        arguments.extend(more);
        let output = crate::stage::inspect(&arguments, stage.directory.path());
        verdicts(&serde_json::from_slice(&output.stdout).unwrap())
    };
    let mut expected = read(&[]);
    let told = expected.insert("IEM-PLAT-04".to_owned(), "warn".to_owned());
    assert_eq!(told.unwrap(), "pass");
    assert_eq!(read(&["--data", data.path().to_str().unwrap()]), expected);
}
