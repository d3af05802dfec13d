//! IEM-SDK-01: the SDK is optional; what is declared and what was seen of it is recorded.

use super::edge_use;
use super::packages_seen::{self, Images};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{Ecosystem, Package, is_nothing_looked};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-SDK-01",
    slug: "sdk-use-is-recorded",
    title: "Use of the SDK is recorded",
    force: Forces::always(Force::Info),
    stages: &[Stage::Image, Stage::Device],
    scopes: &[
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Registry,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Module IoT SDK",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Module IoT SDK",
        },
    ],
    statement: "The IoT module SDK is optional; whether the module uses it is recorded.",
    remedy: "Nothing to do; with the SDK a module can use routes, its twin and messages, and its instances are counted.",
    judge: Judge::By(judge),
};

const WANTED: &str = "a record of what is declared and seen; the SDK is optional";

/// What a module on the SDK is made with, by ecosystem. Source: the device SDKs' own pages in Azure/azure-iot-sdks, and the names
/// under which their packages are published; the crates are not Microsoft's.
const SDKS: [(Ecosystem, &str); 9] = [
    (Ecosystem::Pip, "azure-iot-device"),
    (Ecosystem::Pip, "azure-iothub-device-client"),
    (Ecosystem::Npm, "azure-iot-device"),
    (Ecosystem::Nuget, "microsoft.azure.devices.client"),
    (Ecosystem::Dpkg, "azure-iot-sdk-c-dev"),
    (Ecosystem::Cargo, "azure_iot_sdk"),
    (Ecosystem::Cargo, "azure-iot-sdk"),
    (Ecosystem::Cargo, "azure-iot-rs"),
    (Ecosystem::Cargo, "azure_iot_rs"),
];

/// What a run saw of the SDK, and what the images say that they are made of.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let registry = &record.observations.registry;
    let images = (!is_nothing_looked(registry)).then(|| packages_seen::images(registry));
    if record.run.scope == ScopeName::Registry {
        return match images {
            Some(images) => by_packages(record, &images?),
            None => Err(Unseen::new(
                Reason::InputMissing,
                "nobody looked into the images",
            )),
        };
    }
    let trace = edge_use::trace(record)?;
    let mut seen = trace.words;
    let packages = images.and_then(Result::ok).map(|images| sdks(&images));
    if let Some(packages) = packages.filter(|packages| !packages.is_empty()) {
        seen += &format!("; its images hold {}", packages.join(", "));
    }
    Ok(if record.offer.plan.uses_module_sdk {
        Outcome::met(
            format!("the offer declares the SDK; the module made {seen}"),
            WANTED,
        )
    } else if !trace.any {
        Outcome::not_applicable(
            format!("the offer declares no SDK; the module made {seen}"),
            WANTED,
        )
    } else {
        Outcome::met(
            format!("the offer declares no SDK, yet the module made {seen} (see IEM-TEL-03)"),
            WANTED,
        )
    })
}

/// What the packages alone say. An SDK that is linked into a program without a list leaves none.
fn by_packages(record: &Record, images: &Images<'_>) -> Result<Outcome, Unseen> {
    let declared = record.offer.plan.uses_module_sdk;
    let declares = if declared { "the SDK" } else { "no SDK" };
    let packages = sdks(images);
    if !packages.is_empty() {
        let yet = if declared { "and" } else { "yet" };
        let saw = format!(
            "the offer declares {declares}, {yet} its images hold {}",
            packages.join(", ")
        );
        return Ok(Outcome::met(saw, WANTED));
    }
    if let Some(gap) = &images.gap {
        return Err(gap.clone());
    }
    let saw = format!(
        "the offer declares {declares}, and none of {} packages in its images is one; what is linked into a program without a list is not seen",
        images.packages().len()
    );
    Ok(if declared {
        Outcome::met(saw, WANTED)
    } else {
        Outcome::not_applicable(saw, WANTED)
    })
}

/// The SDK's packages in the images, in words, each once.
fn sdks(images: &Images<'_>) -> Vec<String> {
    let is_sdk = |package: &&&Package| {
        SDKS.iter().any(|(ecosystem, name)| {
            package.ecosystem == *ecosystem && package.name.eq_ignore_ascii_case(name)
        })
    };
    let packages = images.packages();
    let sdks = packages.iter().filter(is_sdk);
    sdks.map(|package| packages_seen::in_words(package))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::Observed;
    use crate::sample;

    #[test]
    fn what_is_declared_and_seen_is_recorded() {
        let mut record = sample::record();
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::NotApplicable);
        record.offer.plan.uses_module_sdk = true;
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "the offer declares the SDK; the module made no request on its workload socket"
        );
    }

    #[test]
    fn the_sdk_that_connected_is_recorded_with_its_version() {
        let outcome = judge(&sample::sdk_record(|_| {})).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(
            outcome
                .saw
                .ends_with("logged in at edgeHub 3 times over MQTT (Python SDK 2.14.0)"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn a_socket_nobody_listened_on_is_unseen() {
        let mut record = sample::record();
        record.observations.workload = crate::observation::Observed::default();
        assert!(judge(&record).is_err());
    }

    fn by_images(declared: bool, packages: &[(Ecosystem, &str, &str)]) -> Outcome {
        let mut record = sample::with_repository(&["1.0.1"], |repository| {
            repository.contents[1].inventory = Observed::Seen(sample::inventory(packages, 0));
        });
        record.offer.plan.uses_module_sdk = declared;
        judge(&record).unwrap()
    }

    #[test]
    fn the_sdk_in_an_image_is_recorded_without_a_run() {
        let outcome = by_images(
            false,
            &[
                (Ecosystem::Nuget, "Microsoft.Azure.Devices.Client", "1.42.3"),
                (Ecosystem::Npm, "azure-iot-device-of-nobody", "1"),
            ],
        );
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert_eq!(
            outcome.saw,
            "the offer declares no SDK, yet its images hold nuget Microsoft.Azure.Devices.Client 1.42.3"
        );
    }

    #[test]
    fn images_without_one_are_recorded_by_what_is_declared() {
        assert_eq!(by_images(true, &[]).kind, OutcomeKind::Met);
        assert_eq!(by_images(false, &[]).kind, OutcomeKind::NotApplicable);
    }

    #[test]
    fn packages_stand_beside_what_a_run_saw() {
        let mut record = sample::sdk_record(|_| {});
        let packages = [(Ecosystem::Pip, "azure-iot-device", "2.14.0")];
        let looked = sample::with_repository(&["1.0.1"], |repository| {
            repository.contents[0].inventory = Observed::Seen(sample::inventory(&packages, 0));
        });
        record.observations.registry = looked.observations.registry;
        let outcome = judge(&record).unwrap();
        assert!(
            outcome
                .saw
                .ends_with("; its images hold pip azure-iot-device 2.14.0"),
            "{}",
            outcome.saw
        );
    }
}
