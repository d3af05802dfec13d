//! Reading the plan of an offer file: platforms, image, documents, routes and flags.

use serde_json::Value;

use super::super::walk::{Blank, Object, Walk};
use super::super::{ClaimScope, Plan, PlanImage, PlatformOption, documents};
use super::{choice, each, flag, members, texts};
use crate::image::Reference;
use crate::platform::Platform;

pub(super) fn plan(walk: &mut Walk<'_>, value: &Value) -> Option<Plan> {
    let object = walk.object(value, "/plan")?;
    unknown_in_plan(walk, &object);
    let platform_option = choice(
        walk,
        &object,
        "platformOption",
        &[
            ("all-tier-1", PlatformOption::AllTier1),
            ("subset", PlatformOption::Subset),
        ],
    );
    let platforms = each(walk, &object, "platforms", platform);
    let image = walk
        .required(&object, "image")
        .and_then(|value| image(walk, value));
    let create_options = documents::create_options(walk, &object);
    let env = texts(walk, &object, "env");
    let twin = documents::twin(walk, &object);
    let routes = members(walk, &object, "routes").map(|routes| {
        let entries = routes.members.iter();
        entries
            .map(|(name, route)| (name.clone(), route.clone()))
            .collect()
    });
    let uses_module_sdk = flag(walk, &object, "usesModuleSdk");
    let claim_scope = choice(
        walk,
        &object,
        "claimScope",
        &[
            ("device", ClaimScope::Device),
            ("module", ClaimScope::Module),
        ],
    );
    Some(Plan {
        platform_option,
        platforms,
        image: image?,
        create_options: create_options?,
        env: env?,
        twin: twin?,
        routes: routes.unwrap_or_default(),
        uses_module_sdk,
        claim_scope: claim_scope.unwrap_or_default(),
    })
}

fn unknown_in_plan(walk: &mut Walk<'_>, object: &Object<'_>) {
    let chunks = object.members.keys();
    let mut known: Vec<&str> = chunks
        .map(String::as_str)
        .filter(|name| {
            documents::chunk_number(name)
                .is_some_and(|number| number > 0 || *name != "createOptions")
        })
        .collect();
    known.extend([
        "platformOption",
        "platforms",
        "image",
        "createOptions",
        "env",
        "twin",
        "routes",
        "usesModuleSdk",
        "claimScope",
    ]);
    walk.unknown(object, &known);
}

fn platform(walk: &mut Walk<'_>, value: &Value, pointer: &str) -> Option<Platform> {
    let text = walk.string(value, pointer)?;
    match text.parse() {
        Ok(platform) => Some(platform),
        Err(message) => {
            walk.mistake(
                pointer,
                message,
                "write it as an image manifest does: linux/amd64, linux/arm64 or linux/arm/v7",
            );
            None
        }
    }
}

fn image(walk: &mut Walk<'_>, value: &Value) -> Option<PlanImage> {
    let object = walk.object(value, "/plan/image")?;
    walk.unknown(&object, &["repository", "tag"]);
    let repository = walk
        .text(&object, "repository", Blank::Refused)
        .filter(|repository| is_repository(walk, repository));
    // An empty tag is the requirements' business: the programme has one about it.
    let tag = walk.text(&object, "tag", Blank::Allowed);
    Some(PlanImage {
        repository: repository?,
        tag: tag?,
    })
}

fn is_repository(walk: &mut Walk<'_>, repository: &str) -> bool {
    let message = match repository.parse::<Reference>() {
        Err(message) => message,
        Ok(read) if read.tag.is_some() => "the repository carries a tag".to_owned(),
        Ok(read) if read.digest.is_some() => "the repository carries a digest".to_owned(),
        Ok(_) => return true,
    };
    walk.mistake(
        "/plan/image/repository",
        message,
        "write registry host and path alone, such as contoso.azurecr.io/air-quality, and the tag in `tag`",
    );
    false
}
