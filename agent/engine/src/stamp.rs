//! The labels that everything of edgeproof carries on an engine: which run, whose, and what for.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use crate::owner::Owner;

/// Label with the run's id.
pub const LABEL_RUN: &str = "edgeproof.run";
/// Label with the [`Owner`].
pub const LABEL_OWNER: &str = "edgeproof.owner";
/// Label with the [`Role`].
pub const LABEL_ROLE: &str = "edgeproof.role";

/// What edgeproof writes on everything it creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Id of the run.
    pub run: String,
    /// Who answers for it; when the owner is dead, it is swept away.
    pub owner: Owner,
    /// What it is for.
    pub role: Role,
}

/// What a thing of edgeproof is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The module under test.
    Candidate,
    /// The probe's own container.
    Probe,
    /// The lab's local hub, where it runs as a container.
    Hub,
    /// A container that shows whether a limit bites.
    Sacrifice,
    /// A container that does nothing, to see what the engine itself costs.
    Noop,
    /// The container whose name is the engine's lock.
    Lock,
    /// A private network.
    Network,
    /// A volume.
    Volume,
}

impl Role {
    /// Every role, for reading.
    const ALL: [Role; 8] = [
        Role::Candidate,
        Role::Probe,
        Role::Hub,
        Role::Sacrifice,
        Role::Noop,
        Role::Lock,
        Role::Network,
        Role::Volume,
    ];

    /// The word on the label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Role::Candidate => "candidate",
            Role::Probe => "probe",
            Role::Hub => "hub",
            Role::Sacrifice => "sacrifice",
            Role::Noop => "noop",
            Role::Lock => "lock",
            Role::Network => "network",
            Role::Volume => "volume",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        let known = Role::ALL.into_iter().find(|role| role.word() == text);
        known.ok_or_else(|| format!("`{text}` is no role"))
    }
}

impl Stamp {
    /// The same run and owner in another role.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Stamp {
        Stamp {
            role,
            ..self.clone()
        }
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> HashMap<String, String> {
        [
            (LABEL_RUN, self.run.clone()),
            (LABEL_OWNER, self.owner.to_string()),
            (LABEL_ROLE, self.role.to_string()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }

    /// Reads a stamp off an object's labels.
    ///
    /// # Errors
    /// In words, if a label is missing or unreadable.
    pub fn read(labels: &BTreeMap<String, String>) -> Result<Stamp, String> {
        let label = |key: &str| {
            labels
                .get(key)
                .ok_or_else(|| format!("label {key} is missing"))
        };
        Ok(Stamp {
            run: label(LABEL_RUN)?.clone(),
            owner: label(LABEL_OWNER)?
                .parse()
                .map_err(|error| format!("label {LABEL_OWNER}: {error}"))?,
            role: label(LABEL_ROLE)?
                .parse()
                .map_err(|error| format!("label {LABEL_ROLE}: {error}"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back_from_its_labels_in_every_role() {
        for role in Role::ALL {
            let stamp = Stamp {
                run: "r-1".to_owned(),
                owner: Owner::Container("ab".repeat(32)),
                role,
            };
            let labels = stamp.labels().into_iter().collect();
            assert_eq!(Stamp::read(&labels).unwrap(), stamp);
        }
    }

    #[test]
    fn a_missing_label_is_named() {
        let labels = [(LABEL_RUN.to_owned(), "r-1".to_owned())].into();
        assert_eq!(
            Stamp::read(&labels).unwrap_err(),
            "label edgeproof.owner is missing"
        );
    }
}
