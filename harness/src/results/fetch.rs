//! A report out of the answers to the direct method `report`: parts of base64, gzip within, the digest decides.

use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::run_request::sha256_hex;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use thiserror::Error;

use crate::certify::deployment::MODULE;
use crate::service::{Service, ServiceError, Who};

/// More parts than this make no report.
const MOST_PARTS: u64 = 1_000;
/// Longest report once unpacked, in bytes; a bound against decompression bombs.
const LONGEST: u64 = 256 * 1024 * 1024;
/// How long the module may take over one part.
const WITHIN: Duration = Duration::from_secs(30);
/// How often one part is asked for where the hub has passing trouble. The method changes nothing, so asking twice is harmless.
const ATTEMPTS: u32 = 3;
/// Between two of them.
const PAUSE: Duration = Duration::from_secs(2);

/// Why there is no report.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The module is not connected to the hub.
    #[error("the device is offline, so its report cannot be asked for")]
    Offline,
    /// The probe has none, in its words.
    #[error("the probe has no report of run {run}: {words}")]
    None {
        /// The run.
        run: String,
        /// What it answered.
        words: String,
    },
    /// What came is not the report that was sent.
    #[error("the report of run {run} did not come whole: {why}")]
    Broken {
        /// The run.
        run: String,
        /// What is wrong.
        why: String,
    },
    /// The hub said no, or cannot be reached.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Parts as they come, in order.
#[derive(Debug, Default)]
pub struct Parts {
    run: String,
    sha256: String,
    parts: u64,
    texts: Vec<String>,
}

impl Parts {
    /// Waits for the report of `run`.
    #[must_use]
    pub fn of(run: &str) -> Parts {
        Parts {
            run: run.to_owned(),
            ..Parts::default()
        }
    }

    /// The part to ask for; `None` when all are here.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        let have = self.texts.len() as u64;
        (self.texts.is_empty() || have < self.parts).then_some(have + 1)
    }

    /// Takes the answer for the part that was asked for.
    ///
    /// # Errors
    /// It is not that part, or not of the same report as the parts before.
    pub fn take(&mut self, answer: &Value) -> Result<(), String> {
        let text = |name: &str| answer[name].as_str().unwrap_or_default();
        if text("run") != self.run {
            return Err(format!("part of run `{}`", text("run")));
        }
        if text("encoding") != "gzip+base64" {
            return Err(format!("encoding `{}`, not gzip+base64", text("encoding")));
        }
        let parts = answer["parts"].as_u64().unwrap_or(0);
        if parts == 0 || parts > MOST_PARTS {
            return Err(format!("{parts} parts; 1 to {MOST_PARTS} are taken"));
        }
        if answer["part"].as_u64() != self.next() {
            return Err("not the part that was asked for".to_owned());
        }
        if self.texts.is_empty() {
            text("sha256").clone_into(&mut self.sha256);
            self.parts = parts;
        } else if (parts, text("sha256")) != (self.parts, self.sha256.as_str()) {
            return Err("the report changed between two parts".to_owned());
        }
        self.texts.push(text("content").to_owned());
        Ok(())
    }

    /// The report, if it is what was sent.
    ///
    /// # Errors
    /// It is not base64, not gzip, too long, or of another digest.
    pub fn whole(self) -> Result<Vec<u8>, String> {
        let packed = STANDARD
            .decode(self.texts.concat())
            .map_err(|error| format!("not base64: {error}"))?;
        let mut whole = Vec::new();
        GzDecoder::new(packed.as_slice())
            .take(LONGEST + 1)
            .read_to_end(&mut whole)
            .map_err(|error| format!("not gzip: {error}"))?;
        if whole.len() as u64 > LONGEST {
            return Err(format!("more than {LONGEST} bytes once unpacked"));
        }
        let digest = sha256_hex(&whole);
        if digest != self.sha256 {
            return Err(format!("its digest is {digest}, not {}", self.sha256));
        }
        Ok(whole)
    }
}

/// Asks a device for the report of a run, part by part.
///
/// # Errors
/// The device is offline, has no such report, or it did not come whole.
pub async fn report(hub: &Service, device: &str, run: &str) -> Result<Vec<u8>, FetchError> {
    let broken = |why| FetchError::Broken {
        run: run.to_owned(),
        why,
    };
    let mut parts = Parts::of(run);
    while let Some(part) = parts.next() {
        let answer = ask(hub, device, &json!({"run": run, "part": part})).await?;
        if answer.status != 200 {
            return Err(FetchError::None {
                run: run.to_owned(),
                words: format!("{} {}", answer.status, answer.payload),
            });
        }
        parts.take(&answer.payload).map_err(broken)?;
    }
    parts.whole().map_err(broken)
}

async fn ask(
    hub: &Service,
    device: &str,
    payload: &Value,
) -> Result<crate::service::MethodAnswer, FetchError> {
    let mut made = 0;
    loop {
        made += 1;
        let who = Who::Module(device, MODULE);
        match hub.method(who, "report", payload, WITHIN).await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_offline() => return Err(FetchError::Offline),
            Err(error) if error.is_passing() && made < ATTEMPTS => {
                tracing::info!(%error, device, "again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write as _;

    /// The answers that the shared contract has for a report, cut into parts of `length` characters.
    fn answers(run: &str, report: &[u8], length: usize) -> Vec<Value> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(report).unwrap();
        let text = STANDARD.encode(encoder.finish().unwrap());
        let parts: Vec<&[u8]> = text.as_bytes().chunks(length).collect();
        let of = parts.len();
        let answer = |(index, part): (usize, &&[u8])| {
            json!({"run": run, "part": index + 1, "parts": of, "sha256": sha256_hex(report),
                "encoding": "gzip+base64", "content": String::from_utf8_lossy(part)})
        };
        parts.iter().enumerate().map(answer).collect()
    }

    fn assembled(answers: &[Value]) -> Result<Vec<u8>, String> {
        let mut parts = Parts::of("r");
        for answer in answers {
            parts.take(answer)?;
        }
        assert_eq!(parts.next(), None);
        parts.whole()
    }

    #[test]
    fn parts_make_the_report_however_they_are_cut() {
        let report: Vec<u8> = (0..5000_u32)
            .flat_map(|n| n.to_string().into_bytes())
            .collect();
        for length in [37, 1000, 90_000] {
            let answers = answers("r", &report, length);
            assert_eq!(assembled(&answers).unwrap(), report, "{length}");
        }
    }

    #[test]
    fn parts_of_another_run_report_or_place_are_refused() {
        let sound = answers("r", b"{\"schema\":1}", 9);
        let check = |change: &dyn Fn(&mut Vec<Value>), expected: &str| {
            let mut changed = sound.clone();
            change(&mut changed);
            let mut parts = Parts::of("r");
            let taken = changed.iter().try_for_each(|answer| parts.take(answer));
            let told = taken.and_then(|()| parts.whole().map(|_| ())).unwrap_err();
            assert!(told.starts_with(expected), "{told}");
        };
        check(&|all| all[0]["run"] = json!("s"), "part of run `s`");
        check(&|all| all[1]["part"] = json!(1), "not the part");
        check(&|all| all[1]["sha256"] = json!("0"), "the report changed");
        check(&|all| all[0]["parts"] = json!(1_001), "1001 parts");
        check(&|all| all[0]["parts"] = json!(0), "0 parts");
        check(&|all| all[0]["encoding"] = json!("zstd"), "encoding `zstd`");
        check(&|all| all[0]["content"] = json!("*"), "not base64");
        check(&|all| all[0]["content"] = json!("AAAAAAAA"), "not");
        check(
            &|all| {
                for answer in all {
                    answer["sha256"] = json!("00");
                }
            },
            "its digest is",
        );
    }

    #[test]
    fn a_report_without_any_part_yet_asks_for_the_first() {
        assert_eq!(Parts::of("r").next(), Some(1));
    }
}
