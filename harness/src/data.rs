//! The lab's own dated data, given with `--data DIR`: they take the place of those that are shipped.

use std::path::Path;
use std::sync::Arc;

use conformance::data::{CERTIFIED_DEVICES, Data, TIER_1};

use crate::exit::Refused;
use crate::input;

/// The data of a directory, `tier-1.json` and `certified-devices.json`; what it lacks is as shipped. The shipped ones where no
/// directory is given.
///
/// # Errors
/// [`Refused::BadInput`] with every mistake in every file, or that the directory holds neither.
pub fn of(directory: Option<&Path>) -> Result<Arc<Data>, Refused> {
    let mut data = Data::shipped();
    let Some(directory) = directory else {
        return Ok(data);
    };
    let names = [TIER_1, CERTIFIED_DEVICES];
    let mut mistakes = Vec::new();
    let mut found = false;
    for name in names {
        let file = directory.join(format!("{name}.json"));
        if !file.exists() {
            continue;
        }
        found = true;
        match data.with(name, &input::text(&file)?) {
            Ok(with) => data = Arc::new(with),
            Err(wrong) => mistakes.extend(
                wrong
                    .into_iter()
                    .map(|mistake| format!("{}{mistake}", place(&file))),
            ),
        }
    }
    if !found {
        mistakes.push(format!(
            "{}holds neither {TIER_1}.json nor {CERTIFIED_DEVICES}.json",
            place(directory)
        ));
    }
    if mistakes.is_empty() {
        Ok(data)
    } else {
        Err(Refused::BadInput(format!(
            "mistakes in the data\n  {}",
            mistakes.join("\n  ")
        )))
    }
}

fn place(path: &Path) -> String {
    format!("{}: ", path.display())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn refused(directory: &Path) -> String {
        of(Some(directory)).unwrap_err().to_string()
    }

    #[test]
    fn files_that_are_there_replace_the_shipped_ones_and_the_rest_stays() {
        assert_eq!(of(None).unwrap(), Data::shipped());
        let place = tempfile::tempdir().unwrap();
        let mut devices = Data::shipped().certified_devices.content.clone();
        devices.dated = "2023-11".to_owned();
        let text = serde_json::to_string(&devices).unwrap();
        fs::write(place.path().join("certified-devices.json"), text).unwrap();
        let data = of(Some(place.path())).unwrap();
        assert_eq!(data.certified_devices.file.dated, "2023-11");
        assert!(data.certified_devices.file.text.is_some());
        assert_eq!(data.tier_1, Data::shipped().tier_1);
    }

    #[test]
    fn every_mistake_of_every_file_is_told_and_so_is_an_empty_directory() {
        let place = tempfile::tempdir().unwrap();
        assert!(refused(place.path()).contains("holds neither"));
        fs::write(place.path().join("tier-1.json"), "{}").unwrap();
        fs::write(place.path().join("certified-devices.json"), "[").unwrap();
        let told = refused(place.path());
        assert!(
            told.contains("tier-1.json: not tier-1: missing field"),
            "{told}"
        );
        assert!(
            told.contains("certified-devices.json: not certified-devices"),
            "{told}"
        );
    }
}
