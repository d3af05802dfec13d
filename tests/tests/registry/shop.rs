//! A partner's repository and offer, to be spoiled in one way before they are pushed.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::image::{Built, Pushed, push_list};
use crate::stage::{Stage, inspect};

pub(crate) const PLATFORMS: [&str; 3] = ["linux/amd64", "linux/arm/v7", "linux/arm64"];

/// What a tag is to lead to.
#[derive(Debug, Clone)]
pub(crate) enum Listed {
    /// A list of images.
    List(Vec<Built>),
    /// One image without a list.
    Single(Built),
}

/// A repository and its offer.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) repository: String,
    pub(crate) tags: BTreeMap<String, Listed>,
    pub(crate) offer: Value,
    pub(crate) arguments: Vec<String>,
    /// Whether the offer names the registry itself, or an Azure registry in whose place it is asked.
    pub(crate) mirrored: bool,
    /// A version that led elsewhere when the ledger saw it.
    pub(crate) moved: Option<&'static str>,
    /// A version whose layers get lost after they were pushed.
    pub(crate) lost: Option<&'static str>,
}

/// A version with an image for each platform.
pub(crate) fn version(version: &str, platforms: &[&'static str]) -> Listed {
    Listed::List(
        platforms
            .iter()
            .map(|platform| Built::new(platform, version))
            .collect(),
    )
}

impl Shop {
    /// Everything in order.
    pub(crate) fn new(repository: &str) -> Shop {
        Shop::with_platforms(repository, &PLATFORMS, "Linux x64, arm32 and arm64 OS")
    }

    /// Everything in order for these platforms, which the paragraph names so.
    pub(crate) fn with_platforms(
        repository: &str,
        platforms: &[&'static str],
        words: &str,
    ) -> Shop {
        let newest = version("1.0.1", platforms);
        let tags = [
            ("1.0.0", version("1.0.0", platforms)),
            ("1.0.1", newest.clone()),
            ("1.0", newest.clone()),
            ("1", newest.clone()),
            ("latest", newest),
        ];
        let offer = json!({
            "publisherId": "contoso", "offerId": "air-quality", "planId": "standard", "offerType": "IoT Edge module",
            "listing": {
                "name": "Air quality",
                "description": format!("<p>Reads the air.</p><p><u>Minimum hardware requirements:</u> {words}, 512 MB of RAM, 100 MB of storage</p>"),
            },
            "plan": {
                "platformOption": "subset", "platforms": platforms,
                "image": {"repository": format!("contoso.azurecr.io/{repository}"), "tag": "1.0.1"},
            },
        });
        Shop {
            repository: repository.to_owned(),
            tags: tags
                .into_iter()
                .map(|(tag, listed)| (tag.to_owned(), listed))
                .collect(),
            offer,
            arguments: Vec::new(),
            mirrored: true,
            moved: None,
            lost: None,
        }
    }

    /// Lets tags lead where another does.
    pub(crate) fn lead(&mut self, tags: &[&str], to: &str) {
        let target = self.tags[to].clone();
        for tag in tags {
            self.tags.insert((*tag).to_owned(), target.clone());
        }
    }

    /// Pushes everything and writes offer and ledger; answers the arguments of `inspect`.
    pub(crate) fn open(&self, stage: &Stage) -> Vec<String> {
        let mut ledger = String::new();
        for (tag, listed) in &self.tags {
            let (digest, layer) = self.push(stage, tag, listed);
            if self.lost == Some(tag) {
                stage.lose(&layer);
            }
            let before = if self.moved == Some(tag) {
                format!("sha256:{:064x}", 0)
            } else {
                digest
            };
            let line = json!({
                "repository": format!("{}/{}", stage.address, self.repository),
                "tag": tag, "digest": before, "on": "2026-11-01T12:00:00Z",
            });
            ledger.push_str(&format!("{line}\n"));
        }
        let mut offer = self.offer.clone();
        let mut arguments = Vec::new();
        if self.mirrored {
            arguments.extend(["--mirror".to_owned(), stage.address.clone()]);
        } else {
            offer["plan"]["image"]["repository"] =
                json!(format!("{}/{}", stage.address, self.repository));
        }
        let file = |name: &str, text: &str| -> PathBuf {
            let path = stage
                .directory
                .path()
                .join(format!("{}-{name}", self.repository));
            fs::write(&path, text).unwrap();
            path
        };
        let offer = file("offer.json", &offer.to_string());
        let ledger = file("tags.jsonl", &ledger);
        arguments.extend(["--ledger".to_owned(), ledger.display().to_string()]);
        arguments.extend(
            self.arguments
                .iter()
                .map(|one| one.replace("REGISTRY", &stage.address)),
        );
        if !self.arguments.iter().any(|one| one == "--clamav") {
            // What is installed here must not change a verdict.
            arguments.push("--no-clamav".to_owned());
        }
        arguments.insert(0, offer.display().to_string());
        arguments
    }

    fn push(&self, stage: &Stage, tag: &str, listed: &Listed) -> (String, String) {
        match listed {
            Listed::List(images) => {
                let images: Vec<Pushed> = images
                    .iter()
                    .map(|image| image.push(stage, &self.repository))
                    .collect();
                let layer = images[0].layer.clone();
                (push_list(stage, &self.repository, tag, &images), layer)
            }
            Listed::Single(image) => {
                let pushed = image.push(stage, &self.repository);
                let manifest = stage.manifest_bytes(&pushed.digest);
                let digest =
                    stage.manifest(&self.repository, tag, crate::image::MANIFEST, &manifest);
                (digest, pushed.layer)
            }
        }
    }

    /// Opens it and inspects it: exit code and what `--format json` says.
    pub(crate) fn inspected(&self, stage: &Stage) -> (i32, Value) {
        let mut arguments = self.open(stage);
        arguments.extend(["--format".to_owned(), "json".to_owned()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = inspect(&arguments, stage.directory.path());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let json = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {told}"));
        (output.status.code().unwrap(), json)
    }
}

/// The verdicts of the findings in scope, by id.
pub(crate) fn verdicts(inspection: &Value) -> BTreeMap<String, String> {
    let findings = inspection["findings"].as_array().unwrap();
    let in_scope = findings.iter().filter(|finding| finding["inScope"] == true);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    in_scope
        .map(|finding| (text(&finding["id"]), text(&finding["verdict"])))
        .collect()
}
