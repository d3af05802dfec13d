//! The oldest engine API that verdicts rest on, and whether a device's engine speaks it.

use crate::finding::{Reason, Unseen};
use crate::record::EngineFacts;

/// API 1.41, Docker Engine 20.10: the oldest engine that edgeproof is tested with.
///
/// Source: Docker documentation, "Docker Engine API", API version matrix.
const OLDEST: (u32, u32) = (1, 41);

/// Whether the engine is named and its API new enough.
///
/// # Errors
/// It is older, or does not say what it is.
pub(super) fn is_new_enough(engine: &EngineFacts) -> Result<(), Unseen> {
    if engine.name.is_empty() || engine.version.is_empty() {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            "the engine does not tell its name and version",
        ));
    }
    let Some(api) = version(&engine.api_version) else {
        return Err(Unseen::new(
            Reason::CannotMeasure,
            format!(
                "the engine's API version `{}` is not of the form 1.41",
                engine.api_version
            ),
        ));
    };
    if api < OLDEST {
        return Err(Unseen::new(
            Reason::Configuration,
            format!(
                "{} {} speaks API {}, at least {}.{} is wanted: update the engine",
                engine.name, engine.version, engine.api_version, OLDEST.0, OLDEST.1
            ),
        ));
    }
    Ok(())
}

/// `Docker Engine 24.0.9, API 1.43, overlay2 on extfs, cgroup 2 by systemd`.
pub(super) fn in_words(engine: &EngineFacts) -> String {
    let below = match &engine.backing_filesystem {
        Some(filesystem) => format!(" on {filesystem}"),
        None => String::new(),
    };
    format!(
        "{} {}, API {}, {}{below}, cgroup {} by {}",
        engine.name,
        engine.version,
        engine.api_version,
        engine.storage_driver,
        engine.cgroup_version,
        engine.cgroup_driver
    )
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version("1.100") > version("1.41"));
        assert!(version("1.9") < version("1.41"));
        assert_eq!(version("1"), None);
        assert_eq!(version("1.41-rc"), None);
    }
}
