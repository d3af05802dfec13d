//! The offer as entered in Partner Center, with the plan's technical configuration.
//!
//! Reading an offer file, with every mistake reported together, is [`read`]'s work. What stands *inside* createOptions,
//! twin, routes or the description is not judged here: it is the requirements' business.

mod documents;
mod draft;
pub mod import;
mod locate;
mod read;
mod rewrite;
#[cfg(feature = "schema")]
mod schema;
mod walk;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::platform::Platform;

pub use draft::draft;
pub(crate) use draft::is_open;
pub use read::{Read, read};
pub use walk::Mistake;

/// Where the description stands in an offer file.
pub const DESCRIPTION: &str = "/listing/description";

/// The text of an offer file with another description; every other byte stays.
///
/// # Errors
/// Why it cannot be put there, naming [`DESCRIPTION`].
pub fn with_description(text: &str, description: &str) -> Result<String, String> {
    rewrite::with_description(text, description)
}

/// An IoT Edge module offer with the one plan that is certified.
///
/// Source: Microsoft Learn, "Create an IoT Edge module offer" and "Set IoT Edge module technical configuration".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::with_comment))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Offer {
    /// The publisher's id in Partner Center.
    pub publisher_id: String,
    /// The offer's id, unique within the publisher.
    pub offer_id: String,
    /// The plan's id; the programme also calls it SkuId.
    pub plan_id: String,
    /// `IoT Edge module`.
    pub offer_type: String,
    /// `Internet of Things/IoT Edge modules`, the category path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// What customers read.
    pub listing: Listing,
    /// The technical configuration.
    pub plan: Plan,
    /// Test values for the offer's `<PLACEHOLDER>` defaults; using one is a recorded deviation.
    #[serde(default, skip_serializing_if = "Overlay::is_empty")]
    pub overlay: Overlay,
    /// The partner's own statements, by requirement id. They never change a verdict.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attestations: BTreeMap<String, Attestation>,
    /// Exceptions the partner asks for. Only the lab grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiver_requests: Vec<WaiverRequest>,
}

impl Offer {
    /// The module's id where a customer leaves it as the marketplace proposes it: the offer's name without blanks and
    /// special characters.
    ///
    /// Source: Microsoft Learn, "Set plan technical configuration for an IoT Edge Module offer", default routes.
    #[must_use]
    pub fn default_module_name(&self) -> String {
        let name = self.listing.name.chars();
        name.filter(|c| c.is_alphanumeric()).collect()
    }

    /// Names of the environment variables whose default is a `<PLACEHOLDER>` that the overlay does not replace.
    #[must_use]
    pub fn placeholders(&self) -> Vec<String> {
        let open = |value: &str| value.starts_with('<') && value.ends_with('>');
        let replaced = &self.overlay.env;
        self.plan
            .env
            .iter()
            .filter(|(name, value)| open(value.trim()) && !replaced.contains_key(*name))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// The offer listing: what customers read in the marketplace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::with_comment))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listing {
    /// The offer's name.
    pub name: String,
    /// The search summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Basic HTML; its last paragraph states the minimum hardware requirements.
    pub description: String,
    /// Links under "Useful links".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub useful_links: Vec<Link>,
    /// Where customers find support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_url: Option<String>,
    /// Whom customers write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_email: Option<String>,
    /// The privacy policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privacy_policy_url: Option<String>,
    /// The terms of use, as a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_use_url: Option<String>,
    /// The terms of use, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_use: Option<String>,
    /// The third-party notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub third_party_notice_url: Option<String>,
    /// The module's documentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation_url: Option<String>,
}

/// A link with its title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::with_comment))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Link {
    /// The text shown.
    pub title: String,
    /// The target.
    pub url: String,
}

/// The plan's technical configuration: what a customer's device gets by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::with_chunks, transform = schema::with_comment))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// Every Tier 1 platform, or a declared subset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_option: Option<PlatformOption>,
    /// The platforms declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// Repository and default tag.
    pub image: PlanImage,
    /// Default createOptions as the JSON text that IoT Edge would store; an empty text means none.
    ///
    /// In the file it may be an object, a string that holds JSON, or `createOptions`, `createOptions01`, … `createOptions99` chunks.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::document"))]
    pub create_options: String,
    /// Default environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Default desired properties of the module twin, as JSON text; an empty text means none.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::document"))]
    pub twin: String,
    /// Default routes by name. A value may be an object with `route`, `priority`, `timeToLiveSecs`, as the runtime's schema 1.1 allows.
    #[serde(default)]
    pub routes: BTreeMap<String, Value>,
    /// Whether the module is built on the IoT module SDK.
    #[serde(default)]
    pub uses_module_sdk: bool,
    /// What the hardware paragraph speaks of.
    #[serde(default)]
    pub claim_scope: ClaimScope,
}

/// Repository and default tag of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::with_comment))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlanImage {
    /// Registry host and repository path, without a tag: `contoso.azurecr.io/air-quality`.
    pub repository: String,
    /// The default tag: `1.0.1`.
    pub tag: String,
}

impl PlanImage {
    /// `repository:tag`.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }
}

/// Which platforms the offer declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PlatformOption {
    /// Every Tier 1 platform of IoT Edge.
    #[serde(rename = "all-tier-1")]
    AllTier1,
    /// At least one of them.
    Subset,
}

/// What the "Minimum hardware requirements" paragraph speaks of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ClaimScope {
    /// The whole device: operating system, engine and IoT Edge runtime take their reserve first. The programme's meaning.
    #[default]
    Device,
    /// The module alone.
    Module,
}

/// What stands in a report where a test value was.
pub(crate) const HIDDEN: &str = "(hidden)";
/// A single line or the beginning of a value is hidden from this length on; a whole value always is.
const SHORTEST_PART: usize = 4;

/// Test values for placeholder defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::with_comment))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Overlay {
    /// Environment variables to replace, by name. Values never appear in a report.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

impl Overlay {
    /// Whether nothing is replaced.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.env.is_empty()
    }

    /// The same names with their values hidden: a report never holds a test value.
    #[must_use]
    pub fn hidden(&self) -> Overlay {
        let names = self.env.keys().cloned();
        Overlay {
            env: names.map(|name| (name, HIDDEN.to_owned())).collect(),
        }
    }

    /// `text` with every test value hidden, for what a module says of its own settings: whole values, single lines of
    /// values with several, and a value that the end of the text cuts off.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        let whole = self.env.values().map(String::as_str);
        let whole = whole.filter(|value| !value.is_empty());
        let lines = self.env.values().flat_map(|value| value.lines());
        let lines = lines.filter(|line| line.trim().len() >= SHORTEST_PART);
        let mut secrets: Vec<&str> = whole.chain(lines).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let mut hidden = text.to_owned();
        for secret in secrets {
            hidden = hidden.replace(secret, HIDDEN);
            let cut = (SHORTEST_PART..secret.len())
                .rev()
                .filter_map(|length| secret.get(..length))
                .find(|begun| hidden.trim_end_matches('…').ends_with(begun));
            if let Some(begun) = cut {
                let keep = hidden.trim_end_matches('…').len() - begun.len();
                hidden.truncate(keep);
                hidden.push_str(HIDDEN);
            }
        }
        hidden
    }
}

/// A statement of the partner about one requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::with_comment))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attestation {
    /// Who says it.
    pub by: String,
    /// The date, `2026-11-01`.
    pub on: String,
    /// What is said.
    pub statement: String,
}

/// An exception that the partner asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = schema::with_comment))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverRequest {
    /// The requirement's id.
    pub id: String,
    /// Why it cannot be met.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_value_is_hidden_whole_by_line_and_when_it_is_cut_off() {
        let value = |text: &str| text.to_owned();
        let overlay = Overlay {
            env: BTreeMap::from([
                (value("A"), value("secret")),
                (value("PIN"), value("471")),
                (value("B"), value("secret-and-more")),
                (value("PEM"), value("first line\nother line")),
            ]),
        };
        for (text, hidden) in [
            ("uses secret-and-more now", "uses (hidden) now"),
            ("uses secret now", "uses (hidden) now"),
            ("pin 471 is wrong", "pin (hidden) is wrong"),
            ("read: other line", "read: (hidden)"),
            ("cut here: secret-and-mo", "cut here: (hidden)"),
            ("nothing to hide", "nothing to hide"),
        ] {
            assert_eq!(overlay.hide(text), hidden);
        }
    }
}
