//! How long and how deep a run goes: the profiles and their numbers.

use serde::{Deserialize, Serialize};

use super::{CADENCE_HZ, RunOptions};
use crate::care::CareRule;
use crate::units::Millis;

/// Most cold starts where the numbers of fewer do not decide.
const MOST_STARTS: u32 = 9;

/// Which profile was played, with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Its name.
    pub name: ProfileName,
    /// Cold starts with the defaults, and as many inside the envelope.
    pub starts: u32,
    /// Most starts of each kind, where the stop rule ([`crate::repeats`]) wants more. Absent in reports from before the
    /// rule: their numbers are judged without intervals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_starts: Option<u32>,
    /// How long each start is watched once healthy.
    pub settle: Millis,
    /// The steady window on the last start.
    pub window: Millis,
    /// How long a start may take to become healthy.
    pub start_budget: Millis,
    /// The platform's own rule, under which the steady window restarts a module that exits. Absent: an exit ends the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub care: Option<CareRule>,
}

impl Profile {
    /// Three cold starts watched for 10 s each, a steady window of 30 s, 90 s to become healthy.
    #[must_use]
    pub const fn quick() -> Profile {
        Profile {
            name: ProfileName::Quick,
            starts: 3,
            most_starts: Some(3),
            settle: Millis(10_000),
            window: Millis(30_000),
            start_budget: Millis(90_000),
            care: None,
        }
    }

    /// The same starts, up to nine where three do not decide, and ten minutes of intensive care under the platform's own rule.
    #[must_use]
    pub const fn standard() -> Profile {
        Profile {
            name: ProfileName::Standard,
            most_starts: Some(MOST_STARTS),
            window: CareRule::IOT_EDGE.intensive_care,
            care: Some(CareRule::IOT_EDGE),
            ..Profile::quick()
        }
    }

    /// As `standard`, for `duration`. Shorter than ten minutes of intensive care it is a custom profile.
    #[must_use]
    pub fn soak(duration: Millis) -> Profile {
        let long_enough = duration >= CareRule::IOT_EDGE.intensive_care;
        Profile {
            name: if long_enough {
                ProfileName::Soak
            } else {
                ProfileName::Custom
            },
            window: duration,
            ..Profile::standard()
        }
    }

    /// The profile of a name, under the options that belong to it: `soak` wants a duration.
    ///
    /// # Errors
    /// Why there is none, after a JSON pointer.
    pub fn named(name: ProfileName, options: &RunOptions) -> Result<Profile, String> {
        match (name, options.duration) {
            (ProfileName::Quick, None) => Ok(Profile::quick()),
            (ProfileName::Standard, None) => Ok(Profile::standard()),
            (ProfileName::Soak, Some(duration)) => Ok(Profile::soak(duration)),
            (ProfileName::Soak, None) => {
                Err("/options/duration: `soak` lasts as long as it says".to_owned())
            }
            (ProfileName::Quick | ProfileName::Standard, Some(_)) => {
                Err("/options/duration: only `soak` has one".to_owned())
            }
            (ProfileName::Custom, _) => Err(
                "/profile: `quick`, `standard` or `soak`; options make a custom one of it"
                    .to_owned(),
            ),
        }
    }

    /// The profile under these options: any changed number makes it a custom one, and so does reading more seldom.
    #[must_use]
    pub fn with_options(self, options: &RunOptions) -> Profile {
        let custom = options.starts.is_some()
            || options.window.is_some()
            || options.start_budget.is_some()
            || options.cadence() < CADENCE_HZ;
        let window = options.window.unwrap_or(self.window);
        Profile {
            name: if custom {
                ProfileName::Custom
            } else {
                self.name
            },
            starts: options.starts.unwrap_or(self.starts).max(1),
            // Who names a number of starts wants just that many.
            most_starts: options
                .starts
                .map(|starts| starts.max(1))
                .or(self.most_starts),
            settle: self.settle.min(window),
            window,
            start_budget: options
                .start_budget
                .unwrap_or_else(|| options.stretched(self.start_budget)),
            care: self.care,
        }
    }
}

/// The profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ProfileName {
    /// Minutes.
    Quick,
    /// With the platform's ten minutes of intensive care.
    Standard,
    /// As long as asked.
    Soak,
    /// Numbers of one's own: certifies nothing.
    Custom,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_window_makes_a_custom_profile() {
        let options = RunOptions {
            window: Some(Millis(2_000)),
            ..RunOptions::default()
        };
        for profile in [Profile::quick(), Profile::standard()] {
            let custom = profile.clone().with_options(&options);
            let wanted = Profile {
                name: ProfileName::Custom,
                settle: Millis(2_000),
                window: Millis(2_000),
                ..profile.clone()
            };
            assert_eq!(custom, wanted);
            assert_eq!(
                profile.clone().with_options(&RunOptions::default()),
                profile
            );
        }
    }

    #[test]
    fn a_number_of_starts_is_played_to_the_number() {
        let options = RunOptions {
            starts: Some(2),
            ..RunOptions::default()
        };
        let custom = Profile::standard().with_options(&options);
        assert_eq!((custom.starts, custom.most_starts), (2, Some(2)));
    }

    #[test]
    fn a_soak_lasts_as_long_as_asked_and_a_short_one_certifies_nothing() {
        let named = |name, duration: Option<u64>| {
            let options = RunOptions {
                duration: duration.map(Millis),
                ..RunOptions::default()
            };
            Profile::named(name, &options)
        };
        let day = named(ProfileName::Soak, Some(86_400_000)).unwrap();
        assert_eq!(
            (day.name, day.window),
            (ProfileName::Soak, Millis(86_400_000))
        );
        let short = named(ProfileName::Soak, Some(20_000)).unwrap();
        assert_eq!(short.name, ProfileName::Custom);
        assert!(short.care.is_some());
        assert!(named(ProfileName::Soak, None).is_err());
        assert!(named(ProfileName::Quick, Some(1)).is_err());
        assert!(named(ProfileName::Custom, None).is_err());
    }
}
