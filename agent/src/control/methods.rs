//! The direct methods: what each is given, and what it answers. Every refusal says why.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::run_request::sha256_hex;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::book::{Ending, MOST_QUEUED, Source, Standing, Taken};
use super::desk::{Control, Order};
use super::document::{self, shortened};
use super::is_run_id;
use super::offers::{OfferPart, Refused};
use super::request;
use super::store::Closed;

/// Largest payload, as JSON text. Source: Microsoft Learn, "Understand and invoke direct methods from IoT Hub".
const PAYLOAD_BYTES: usize = 128 * 1024;
/// Characters of a report in one answer; divisible by four, so that each part can be decoded by itself.
const PART_CHARS: usize = 90_000;

type Answer = (u16, Value);
type Method = fn(&mut Control, &Value) -> Answer;

/// Every method, by name.
const METHODS: [(&str, Method); 6] = [
    ("ping", ping),
    ("status", status),
    ("start", start),
    ("cancel", cancel),
    ("report", report),
    ("offer", offer),
];

/// A report as it leaves in parts: made once, because a lab asks for one part after the other.
#[derive(Debug)]
pub(super) struct Packed {
    run: String,
    sha256: String,
    content: String,
}

/// Status and JSON for the caller.
pub(super) fn answer(control: &mut Control, name: &str, payload: &Value) -> Answer {
    let Some((_, method)) = METHODS.iter().find(|(known, _)| *known == name) else {
        let known = METHODS.map(|(known, _)| known).join(", ");
        let name = shortened(&[name.to_owned()]).concat();
        return refusal(404, format!("no method `{name}`; there are {known}"));
    };
    let length = payload.to_string().len();
    if length > PAYLOAD_BYTES {
        return mistaken(&[format!(": {length} bytes; at most {PAYLOAD_BYTES}")]);
    }
    method(control, payload)
}

fn ping(control: &mut Control, _: &Value) -> Answer {
    let agent = concat!("edgeproof-agent/", env!("CARGO_PKG_VERSION"));
    let now = jiff::Timestamp::now().to_string();
    let state = document::state(control);
    (200, json!({"agent": agent, "state": state, "now": now}))
}

fn status(control: &mut Control, _: &Value) -> Answer {
    (200, document::status(control))
}

fn start(control: &mut Control, payload: &Value) -> Answer {
    let read = request::read(payload, &|sha256| control.offers.text(sha256));
    let accepted = match read {
        Ok(accepted) => accepted,
        Err(mistakes) => return mistaken(&mistakes),
    };
    let run = &accepted.request.id;
    match control.accept(&accepted, Source::Method) {
        Ok(Taken::Queued { position, .. }) => (202, json!({"run": run, "position": position})),
        Ok(Taken::Known) => (200, json!({"run": run, "known": true})),
        Ok(Taken::OtherContent) => refusal(409, other_content(run)),
        Ok(Taken::Full) => refusal(429, full()),
        Err(error) => refusal(500, format!("the run cannot be kept: {error}")),
    }
}

/// Said of an id that is taken.
pub(super) fn other_content(run: &str) -> String {
    format!(
        "run id `{run}` was used before, for another offer or other options; give this run an id of its own"
    )
}

/// Said of a queue without room.
pub(super) fn full() -> String {
    format!("{MOST_QUEUED} runs wait already; cancel one, or wait until one has begun")
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRun {
    run: String,
    #[serde(default = "first")]
    part: usize,
}

const fn first() -> usize {
    1
}

impl OfRun {
    fn read(payload: &Value) -> Result<OfRun, Answer> {
        let of_run = OfRun::deserialize(payload).map_err(|error| {
            mistaken(&[format!(": {error}; a JSON object with `run` is wanted")])
        })?;
        if is_run_id(&of_run.run) {
            return Ok(of_run);
        }
        let wanted = "/run: 1 to 64 lower-case letters, digits or hyphens";
        Err(mistaken(&[wanted.to_owned()]))
    }
}

fn cancel(control: &mut Control, payload: &Value) -> Answer {
    let run = match OfRun::read(payload) {
        Ok(of_run) => of_run.run,
        Err(answer) => return answer,
    };
    match control.book.standing(&run) {
        None => refusal(404, format!("no run `{run}` is known")),
        Some(Standing::Ended(ending)) => {
            refusal(409, format!("run `{run}` has ended: {}", ending.word()))
        }
        Some(Standing::Running) => {
            control.order(Order::Cancel);
            (200, json!({"run": run, "was": "running"}))
        }
        Some(Standing::Queued) => {
            control.cancel_queued(&run);
            (200, json!({"run": run, "was": "queued"}))
        }
    }
}

impl Control {
    fn cancel_queued(&mut self, run: &str) {
        let Some(ticket) = self.book.cancel_queued(run) else {
            return;
        };
        let closed = Closed {
            ending: Ending::Canceled,
            source: ticket.source,
            digest: ticket.digest,
            offer_sha256: String::new(),
            why: Some("canceled before it began".to_owned()),
            judged: None,
            delivered: false,
        };
        self.write_end(run, &closed);
    }
}

fn report(control: &mut Control, payload: &Value) -> Answer {
    let OfRun { run, part } = match OfRun::read(payload) {
        Ok(of_run) => of_run,
        Err(answer) => return answer,
    };
    if control
        .packed
        .as_ref()
        .is_none_or(|packed| packed.run != run)
    {
        let Some(report) = control.store.report(&run) else {
            let state = match control.book.standing(&run) {
                None => "unknown",
                Some(Standing::Queued) => "queued",
                Some(Standing::Running) => "running",
                Some(Standing::Ended(ending)) => ending.word(),
            };
            let message = format!("there is no report of run `{run}`");
            return (404, json!({"message": message, "state": state}));
        };
        match packed(&run, &report) {
            Ok(packed) => control.packed = Some(packed),
            Err(error) => return refusal(500, format!("the report cannot be packed: {error}")),
        }
    }
    let Some(packed) = &control.packed else {
        return refusal(500, "the report cannot be packed".to_owned());
    };
    let parts = packed.content.len().div_ceil(PART_CHARS).max(1);
    if !(1..=parts).contains(&part) {
        return mistaken(&[format!("/part: 1 to {parts}")]);
    }
    let from = (part - 1) * PART_CHARS;
    let to = packed.content.len().min(from + PART_CHARS);
    let answer = json!({
        "run": run,
        "part": part,
        "parts": parts,
        "sha256": packed.sha256,
        "encoding": "gzip+base64",
        "content": packed.content[from..to],
    });
    (200, answer)
}

fn packed(run: &str, report: &[u8]) -> std::io::Result<Packed> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(report)?;
    Ok(Packed {
        run: run.to_owned(),
        sha256: sha256_hex(report),
        content: STANDARD.encode(encoder.finish()?),
    })
}

fn offer(control: &mut Control, payload: &Value) -> Answer {
    let part = match OfferPart::deserialize(payload) {
        Ok(part) => part,
        Err(error) => return mistaken(&[format!(": {error}")]),
    };
    match control.offers.take(part) {
        Ok(have) if have.complete => (
            200,
            json!({"have": have.have, "of": have.of, "complete": true}),
        ),
        Ok(have) => (200, json!({"have": have.have, "of": have.of})),
        Err(Refused::Mistakes(mistakes)) => mistaken(&mistakes),
        Err(Refused::Disk(why)) => refusal(500, format!("the offer cannot be kept: {why}")),
    }
}

fn refusal(status: u16, message: String) -> Answer {
    (status, json!({ "message": message }))
}

fn mistaken(mistakes: &[String]) -> Answer {
    (400, json!({ "mistakes": shortened(mistakes) }))
}
