//! Which messages a route's source takes in (`CustomMessageSource.cs`, `BaseMessageSource.cs`).

use super::functions::upper;

/// A route's source, ready to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path without the stars and slashes at its end, with one slash: what a message's source has to begin with.
    prefix: String,
}

/// Which messages a source can take in at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Every message, or every message of modules and devices.
    All,
    /// The messages of every module.
    EveryModule,
    /// Those of one module, or of one of its outputs.
    Module {
        /// The module's id.
        module: String,
        /// The output's name.
        output: Option<String>,
    },
    /// Changes of twins.
    TwinChanges,
    /// None, because of this.
    Nothing(&'static str),
}

impl Source {
    /// From the path of a route.
    #[must_use]
    pub fn of(path: &str) -> Source {
        let path = path.trim().trim_end_matches('*');
        Source {
            prefix: with_slash(path),
        }
    }

    /// Whether a message from `source` is taken in; case does not count.
    #[must_use]
    pub fn matches(&self, source: &str) -> bool {
        let source = with_slash(source);
        let mut characters = source.chars().map(upper);
        self.prefix
            .chars()
            .map(upper)
            .all(|wanted| characters.next() == Some(wanted))
    }

    /// What it can take in, whatever modules there are.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let segments: Vec<&str> = self.prefix.trim_matches('/').split('/').collect();
        let is = |at: usize, word: &str| {
            segments
                .get(at)
                .is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        if segments == [""] {
            return Reach::All;
        }
        if is(0, "twinChangeNotifications") && segments.len() == 1 {
            return Reach::TwinChanges;
        }
        if !is(0, "messages") {
            return Reach::Nothing("a message's path begins with /messages");
        }
        if segments.len() == 1 {
            return Reach::All;
        }
        if !is(1, "modules") {
            return Reach::Nothing("after /messages a path goes on with /modules");
        }
        if segments.iter().any(|segment| segment.contains('*')) {
            return Reach::Nothing("a star means something at the end of a path alone");
        }
        let Some(module) = segments.get(2) else {
            return Reach::EveryModule;
        };
        if segments.len() > 3 && !is(3, "outputs") {
            return Reach::Nothing("after the module's id a path goes on with /outputs");
        }
        Reach::Module {
            module: (*module).to_owned(),
            // A slash may stand in an output's name.
            output: segments
                .get(4..)
                .filter(|rest| !rest.is_empty())
                .map(|rest| rest.join("/")),
        }
    }
}

fn with_slash(path: &str) -> String {
    format!("{}/", path.trim().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_beginning_up_to_a_segments_end() {
        let output = "/messages/modules/Sensor/outputs/temp1";
        for (path, expected) in [
            ("/*", true),
            ("/messages/*", true),
            ("/messages", true),
            ("/MESSAGES/modules/sensor/*", true),
            ("/messages/modules/sensor/outputs/temp1", true),
            ("/messages/modules/sensor/outputs/temp1/*", true),
            ("/messages/modules/sensor/outputs/temp*", false),
            ("/messages/modules/sens", false),
            ("/messages/modules/*/outputs/*", false),
            ("/twinChangeNotifications", false),
        ] {
            assert_eq!(Source::of(path).matches(output), expected, "{path}");
        }
        assert!(Source::of("/messages/*").matches("/messages"));
        assert!(!Source::of("/messages/*").matches("/twinChangeNotifications"));
    }

    #[test]
    fn a_source_says_whose_messages_it_can_take_in() {
        let module = |output: Option<&str>| Reach::Module {
            module: "m".to_owned(),
            output: output.map(str::to_owned),
        };
        for (path, expected) in [
            ("/*", Reach::All),
            ("/Messages/*", Reach::All),
            ("/messages/modules/*", Reach::EveryModule),
            ("/messages/modules/m/*", module(None)),
            ("/messages/modules/m/outputs/*", module(None)),
            ("/messages/modules/m/outputs/a/b", module(Some("a/b"))),
            ("/twinChangeNotifications/*", Reach::TwinChanges),
        ] {
            assert_eq!(Source::of(path).reach(), expected, "{path}");
        }
        for path in [
            "/message/*",
            "/messages/module/m/*",
            "/messages/modules/m/output/o",
            "/messages/modules/*/outputs/*",
            "/twinChangeNotifications/m",
        ] {
            let reach = Source::of(path).reach();
            assert!(matches!(reach, Reach::Nothing(_)), "{path}: {reach:?}");
        }
    }
}
