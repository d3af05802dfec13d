//! What the probes' messages come to: each wanted device's report out of its parts, and its summary. Pure.
//!
//! A message counts for the device and module that the hub says it came from, never for what is written in it. Messages may come
//! twice and in any order ([`docs/outbox.md`](../../../docs/outbox.md)).

use std::collections::BTreeMap;

use conformance::report::{SUMMARY_SCHEMA, Summary};

use crate::assembly::{Assembled, Assembly};
use crate::certify::deployment::MODULE;

/// A message of a device, as the hub hands it out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The device that sent it, as the hub knows it.
    pub device: String,
    /// The module on it; `None` for the device itself.
    pub module: Option<String>,
    /// Application properties.
    pub properties: BTreeMap<String, String>,
    /// What it carries.
    pub body: Vec<u8>,
}

/// What one message told.
#[derive(Debug, PartialEq)]
pub enum Told {
    /// Nothing of what is wanted.
    Nothing,
    /// What a device's report comes to.
    Summary(String, Box<Summary>),
    /// So many of a device's parts are there.
    Part {
        /// The device.
        device: String,
        /// Parts that are there.
        have: usize,
        /// Parts in all.
        of: usize,
    },
    /// A device's report is whole.
    Whole(String, Vec<u8>),
    /// All parts of a device's report are there and do not fit together; they are waited for again.
    Broken(String),
}

/// What is there of each wanted device.
#[derive(Debug)]
pub struct Heard {
    run: String,
    devices: BTreeMap<String, OfDevice>,
}

#[derive(Debug, Default)]
struct OfDevice {
    assembly: Assembly,
    summary: Option<Summary>,
    is_broken: bool,
}

impl Heard {
    /// Waits for the reports of a run from these devices.
    #[must_use]
    pub fn of(run: &str, devices: &[String]) -> Heard {
        let of_device = |device: &String| {
            let assembly = Assembly::of(run);
            let nothing = OfDevice {
                assembly,
                ..OfDevice::default()
            };
            (device.clone(), nothing)
        };
        Heard {
            run: run.to_owned(),
            devices: devices.iter().map(of_device).collect(),
        }
    }

    /// Takes one message in.
    pub fn take(&mut self, message: &Message) -> Told {
        let property = |name: &str| message.properties.get(name).map(String::as_str);
        let device = message.device.clone();
        let Some(own) = self.devices.get_mut(&device) else {
            return Told::Nothing;
        };
        if message.module.as_deref() != Some(MODULE) || property("run") != Some(self.run.as_str()) {
            return Told::Nothing;
        }
        if property("schema") == Some(SUMMARY_SCHEMA) {
            return match serde_json::from_slice::<Summary>(&message.body) {
                Ok(summary) if summary.run == self.run && own.summary.is_none() => {
                    own.summary = Some(summary.clone());
                    Told::Summary(device, Box::new(summary))
                }
                Ok(_) | Err(_) => Told::Nothing,
            };
        }
        match own.assembly.take(property, &message.body) {
            Assembled::Foreign => Told::Nothing,
            Assembled::Partial { have, of } => Told::Part { device, have, of },
            Assembled::Broken => {
                own.is_broken = true;
                Told::Broken(device)
            }
            Assembled::Whole(bytes) => Told::Whole(device, bytes),
        }
    }

    /// Why a device's report is not there, in words.
    #[must_use]
    pub fn lacks(&self, device: &str) -> String {
        let run = &self.run;
        let nothing = OfDevice::default();
        let own = self.devices.get(device).unwrap_or(&nothing);
        let summary = match &own.summary {
            Some(summary) if summary.left_out.iter().any(|place| place == "/") => format!(
                "; its summary says: {}, and that the probe had no room for the report",
                summary.headline
            ),
            Some(summary) => format!("; its summary says: {}", summary.headline),
            None => String::new(),
        };
        let broken = if own.is_broken {
            "; its parts came whole once and did not fit together"
        } else {
            ""
        };
        match own.assembly.missing() {
            Some((missing, of)) if !missing.is_empty() && missing.len() < of => {
                let missing: Vec<String> = missing.iter().map(usize::to_string).collect();
                let missing = missing.join(", ");
                format!(
                    "run {run}: missing of {of} parts of the report: {missing}{broken}{summary}"
                )
            }
            Some(_) | None => {
                format!("run {run}: no part of its report among the messages{broken}{summary}")
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use conformance::run_request::sha256_hex;

    /// A part of the report of run `monday`, as the probe sends it.
    pub(in super::super) fn part(
        device: &str,
        (part, parts): (&str, &str),
        whole: &[u8],
        body: &[u8],
    ) -> Message {
        let digest = sha256_hex(whole);
        let properties = [
            ("schema", "edgeproof.report/1"),
            ("run", "monday"),
            ("part", part),
            ("parts", parts),
            ("sha256", &digest),
        ];
        Message {
            device: device.to_owned(),
            module: Some(MODULE.to_owned()),
            properties: properties
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: body.to_vec(),
        }
    }

    fn heard() -> Heard {
        Heard::of("monday", &["a".to_owned(), "b".to_owned()])
    }

    #[test]
    fn each_device_s_report_is_made_of_its_own_parts_twice_or_not() {
        let mut heard = heard();
        let first = part("a", ("1", "2"), b"xy", b"x");
        let told = |have| Told::Part {
            device: "a".to_owned(),
            have,
            of: 2,
        };
        assert_eq!(heard.take(&first), told(1));
        assert_eq!(heard.take(&first), told(1));
        assert!(matches!(
            heard.take(&part("b", ("2", "2"), b"xy", b"y")),
            Told::Part { .. }
        ));
        assert_eq!(
            heard.lacks("a"),
            "run monday: missing of 2 parts of the report: 2"
        );
        assert_eq!(
            heard.take(&part("a", ("2", "2"), b"xy", b"y")),
            Told::Whole("a".to_owned(), b"xy".to_vec())
        );
    }

    #[test]
    fn what_another_module_device_or_run_says_is_not_heard() {
        let mut heard = heard();
        let sound = part("a", ("1", "1"), b"x", b"x");
        let mut other_module = sound.clone();
        other_module.module = Some("temperature".to_owned());
        let mut no_module = sound.clone();
        no_module.module = None;
        let mut other_run = sound.clone();
        other_run
            .properties
            .insert("run".to_owned(), "tuesday".to_owned());
        let other_device = part("c", ("1", "1"), b"x", b"x");
        for message in [other_module, no_module, other_run, other_device] {
            assert_eq!(heard.take(&message), Told::Nothing, "{message:?}");
        }
        assert_eq!(
            heard.lacks("a"),
            "run monday: no part of its report among the messages"
        );
    }

    #[test]
    fn a_summary_is_told_once_and_why_there_is_no_report() {
        let mut heard = heard();
        let report = include_bytes!("../../../tests/reports/conformant.json");
        let report: conformance::report::Report = serde_json::from_slice(report).unwrap();
        let mut summary = report.summary();
        summary.run = "monday".to_owned();
        summary.left_out = vec!["/".to_owned()];
        let mut message = part("a", ("1", "1"), b"", b"");
        message.properties = [("schema", SUMMARY_SCHEMA), ("run", "monday")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        message.body = serde_json::to_vec(&summary).unwrap();
        let told = Told::Summary("a".to_owned(), Box::new(summary.clone()));
        assert_eq!(heard.take(&message), told);
        assert_eq!(heard.take(&message), Told::Nothing);
        let lacks = heard.lacks("a");
        assert!(
            lacks.contains(&summary.headline) && lacks.contains("no room"),
            "{lacks}"
        );
        message.body = b"{}".to_vec();
        message.device = "b".to_owned();
        assert_eq!(heard.take(&message), Told::Nothing);
    }

    #[test]
    fn parts_that_do_not_fit_together_are_told_and_waited_for_again() {
        let mut heard = heard();
        assert_eq!(
            heard.take(&part("a", ("1", "1"), b"x", b"changed")),
            Told::Broken("a".to_owned())
        );
        assert!(heard.lacks("a").contains("did not fit together"));
        assert!(matches!(
            heard.take(&part("a", ("1", "1"), b"x", b"x")),
            Told::Whole(..)
        ));
    }
}
