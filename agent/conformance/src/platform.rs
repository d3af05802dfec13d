//! Operating system and architecture, in the words of image manifests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A platform as an image manifest names it: `linux/amd64`, `linux/arm64`, `linux/arm/v7`.
///
/// Source: OCI image specification, "Image Index", property `platform`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", schemars(with = "String"))]
pub struct Platform {
    /// `linux` or `windows`.
    pub os: String,
    /// `amd64`, `arm64`, `arm`, `386`, …
    pub architecture: String,
    /// `v7` for 32-bit ARM; `None` where the architecture has no variants in use (`arm64/v8` is read as `arm64`).
    pub variant: Option<String>,
}

impl Platform {
    /// The architecture with its variant, as the hardware claim names it: `amd64`, `arm64`, `arm/v7`.
    #[must_use]
    pub fn architecture_with_variant(&self) -> String {
        match &self.variant {
            Some(variant) => format!("{}/{variant}", self.architecture),
            None => self.architecture.clone(),
        }
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Platform, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (*os, *architecture, None),
            [os, architecture, variant] => (*os, *architecture, Some(*variant)),
            _ => {
                return Err(format!(
                    "`{text}` is not os/architecture or os/architecture/variant"
                ));
            }
        };
        if [Some(os), Some(architecture), variant]
            .into_iter()
            .flatten()
            .any(|part| {
                part.is_empty()
                    || !part
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            })
        {
            return Err(format!(
                "`{text}` has a part that is empty or not lower-case letters and digits"
            ));
        }
        let variant = variant
            .filter(|v| !(architecture == "arm64" && *v == "v8"))
            .or((architecture == "arm" && variant.is_none()).then_some("v7"));
        Ok(Platform {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: variant.map(str::to_owned),
        })
    }
}

impl TryFrom<String> for Platform {
    type Error = String;
    fn try_from(text: String) -> Result<Platform, String> {
        text.parse()
    }
}

impl From<Platform> for String {
    fn from(platform: Platform) -> String {
        platform.to_string()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture_with_variant())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_read_and_write_in_manifest_words() {
        for (text, written) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/arm/v7", "linux/arm/v7"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm64/v8", "linux/arm64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), written);
        }
    }

    #[test]
    fn a_text_that_is_no_platform_is_refused() {
        for text in [
            "",
            "linux",
            "linux/",
            "Linux/amd64",
            "linux/arm/v7/x",
            "linux//v7",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
