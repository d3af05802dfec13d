//! The probe as an IoT Edge module: runs come from the module twin, reports go out as messages.

use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use conformance::offer;
use conformance::report::Report;
use conformance::run_request::{RunRequest, sha256_hex};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::events::{Events, Progress, RunEvent};
use crate::hub::{
    Content, FromHub, HubClient, HubSettings, Identity, MQTT_PORT, REPORT_OUTPUT, report_parts,
};
use crate::journal::{Journal, write_whole};
use crate::probe::{Assignment, Probe};
use crate::settings::Settings;
use crate::stop_signal;

/// Progress reaches the twin at most this often; IoT Hub counts every update.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Serves runs until SIGTERM or SIGINT.
///
/// # Errors
/// No identity, or the engine cannot be used; edgeAgent starts the module again.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let (client, mut from_hub) = HubClient::connect(hub_settings()?);
    let served = serve(settings, &client, &mut from_hub).await;
    if let Err(error) = &served {
        report(
            &client,
            json!({"state": "failed", "phase": format!("{error:#}")}),
        )
        .await;
    }
    if let Err(unsent) = client.close().await {
        tracing::warn!(%unsent, "closed early");
    }
    served
}

/// Who the probe is: the edge environment, or a connection string with its trust anchor, as the SDKs read them.
fn hub_settings() -> anyhow::Result<HubSettings> {
    let environment = |name: &str| std::env::var(name).ok();
    let (identity, ca_pem) = match environment("EdgeHubConnectionString") {
        Some(text) => {
            let anchor = environment("EdgeModuleCACertificateFile");
            let pem = anchor
                .map(|path| std::fs::read_to_string(&path).with_context(|| format!("read {path}")))
                .transpose()?;
            (Identity::from_connection_string(&text)?, pem)
        }
        None => (Identity::from_edge(&environment)?, None),
    };
    Ok(HubSettings {
        identity,
        ca_pem,
        port: MQTT_PORT,
        product_info: concat!("edgeproof-agent/", env!("CARGO_PKG_VERSION")).to_owned(),
        seed: getrandom::u64().map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?,
        now: SystemTime::now,
    })
}

async fn serve(
    settings: &Settings,
    client: &HubClient,
    from_hub: &mut Receiver<FromHub>,
) -> anyhow::Result<()> {
    let probe = Probe::open(settings).await?;
    let mut inbox = Inbox::default();
    loop {
        let Some(wanted) = inbox.next_run() else {
            tokio::select! {
                event = from_hub.recv() => match event {
                    Some(event) => inbox.take(event),
                    None => return Ok(()),
                },
                () = stop_signal() => return Ok(()),
            }
            continue;
        };
        let run = wanted["id"].as_str().unwrap_or_default().to_owned();
        let working = async {
            if let Err(error) = carry_out(&probe, client, wanted).await {
                tracing::error!(error = %format!("{error:#}"), run, "run failed");
                report(
                    client,
                    json!({"run": run, "state": "failed", "phase": format!("{error:#}")}),
                )
                .await;
            }
        };
        tokio::pin!(working);
        loop {
            tokio::select! {
                () = &mut working => break,
                event = from_hub.recv() => match event {
                    Some(event) => inbox.take(event),
                    None => break,
                },
                // Only here, so that nothing else can end the run before it is cleaned up.
                () = stop_signal() => {
                    let removed = probe.clean_up(&run).await;
                    tracing::info!(removed, run, "interrupted; nothing of the run is left on the engine");
                    return Ok(());
                }
            }
        }
    }
}

/// Desired properties as they come, and the run they ask for.
#[derive(Debug, Default)]
struct Inbox {
    desired: Value,
    taken: Option<String>,
}

impl Inbox {
    fn take(&mut self, event: FromHub) {
        match event {
            FromHub::Connected => tracing::info!("connected to the hub"),
            FromHub::Disconnected { why, retry_in } => {
                tracing::warn!(%why, ?retry_in, "no link to the hub")
            }
            FromHub::Twin { desired, .. } => self.desired = desired,
            FromHub::Desired { patch, .. } => merge(&mut self.desired, patch),
            FromHub::Method { name, reply, .. } => {
                let unknown = json!({"message": format!("no method `{name}`")});
                if let Err(error) = reply.send(404, &unknown) {
                    tracing::warn!(%error, name, "method not answered");
                }
            }
        }
    }

    /// The run asked for, unless it was taken on before.
    fn next_run(&mut self) -> Option<Value> {
        let wanted = self
            .desired
            .pointer("/conformance/run")
            .filter(|run| run.is_object())?;
        let id = wanted["id"].as_str().unwrap_or_default();
        if self.taken.as_deref() == Some(id) {
            return None;
        }
        self.taken = Some(id.to_owned());
        Some(wanted.clone())
    }
}

/// JSON merge patch. Source: RFC 7386.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (name, value) in patch {
            if value.is_null() {
                target.shift_remove(&name);
            } else {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}

/// One run from request to acknowledged report.
async fn carry_out(probe: &Probe, client: &HubClient, wanted: Value) -> anyhow::Result<()> {
    let request: RunRequest =
        serde_json::from_value(wanted).context("read the desired property conformance.run")?;
    let mistakes = request.mistakes();
    anyhow::ensure!(
        mistakes.is_empty(),
        "the desired property conformance.run has mistakes: {}",
        mistakes.join("; ")
    );
    let directory = probe.runs().join(&request.id);
    let (stored, asked) = (
        directory.join("report.json"),
        directory.join("request.sha256"),
    );
    let digest = sha256_hex(&serde_json::to_vec(&request)?);
    if let Ok(bytes) = std::fs::read(&stored) {
        anyhow::ensure!(
            std::fs::read_to_string(&asked).is_ok_and(|before| before == digest),
            "run id `{}` was used before, for another offer or other options; give this run an id of its own",
            request.id
        );
        tracing::info!(run = request.id, "known run: its report is sent again");
        return deliver(client, &request.id, &bytes).await;
    }
    let text = request
        .offer_text()
        .map_err(|mistake| anyhow::anyhow!("conformance.run: {mistake}"))?;
    let read = offer::read(&text).map_err(|mistakes| {
        let list: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the offer has mistakes: {}", list.join("; "))
    })?;
    let judged = certify(probe, client, &request, read.offer).await?;
    let bytes = serde_json::to_vec(&judged)?;
    write_whole(&asked, digest.as_bytes())?;
    write_whole(&stored, &bytes)?;
    deliver(client, &request.id, &bytes).await
}

/// Certifies while the twin follows; nothing of the run is on the engine when this returns.
async fn certify(
    probe: &Probe,
    client: &HubClient,
    request: &RunRequest,
    offer: offer::Offer,
) -> anyhow::Result<Report> {
    let journal = Journal::create(probe.runs(), &request.id)?;
    let events = Events::new(Instant::now(), Some(journal));
    events.emit(RunEvent::Started {
        run: request.id.clone(),
        offer_sha256: request.offer_sha256.clone(),
    });
    let assignment = Assignment {
        run: request.id.clone(),
        profile: request.profile().map_err(anyhow::Error::msg)?,
        scope: request.scope,
        offer,
        options: request.options.clone(),
        started: jiff::Timestamp::now().to_string(),
    };
    let certified = tokio::select! {
        certified = probe.certify(assignment, &events) => certified,
        never = follow(client, events.watch()) => match never {},
    };
    let removed = probe.clean_up(&request.id).await;
    events.emit(RunEvent::CleanedUp { removed });
    if let Err(error) = &certified {
        let why = error.to_string();
        events.emit(RunEvent::Failed { why });
    }
    Ok(certified?)
}

/// Sends the report, then says so in the twin: the final state is always the last word.
async fn deliver(client: &HubClient, run: &str, bytes: &[u8]) -> anyhow::Result<()> {
    for part in report_parts(run, bytes) {
        client
            .send(
                REPORT_OUTPUT,
                &part.properties(),
                Content::JSON,
                part.body.clone(),
            )
            .await
            .context("send the report")?;
    }
    let judged: Report = serde_json::from_slice(bytes)?;
    let last = json!({"run": run, "state": "done", "phase": Value::Null, "progress": 100, "verdict": judged.verdict.word(), "headline": judged.headline(), "counts": judged.counts});
    report(client, last).await;
    Ok(())
}

/// Keeps the twin's progress current, at most once a second.
async fn follow(
    client: &HubClient,
    mut progress: watch::Receiver<Progress>,
) -> std::convert::Infallible {
    loop {
        let now = progress.borrow_and_update().clone();
        report(client, json!({"run": now.run, "state": now.state, "phase": now.phase, "progress": now.percent, "verdict": Value::Null, "headline": Value::Null, "counts": Value::Null})).await;
        sleep(PROGRESS_EVERY).await;
        if progress.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Changes the reported property `conformance`; a refusal is logged, for the report goes by message.
async fn report(client: &HubClient, conformance: Value) {
    if let Err(error) = client.report(&json!({"conformance": conformance})).await {
        tracing::warn!(%error, "reported properties not taken");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_taken_on_once() {
        let mut inbox = Inbox {
            desired: json!({"conformance": {"run": {"id": "a"}}}),
            taken: None,
        };
        assert_eq!(inbox.next_run(), Some(json!({"id": "a"})));
        assert_eq!(inbox.next_run(), None);
        merge(
            &mut inbox.desired,
            json!({"conformance": {"run": {"id": "b"}}}),
        );
        assert_eq!(inbox.next_run().unwrap()["id"], "b");
    }

    #[test]
    fn a_patch_merges_and_null_removes() {
        let mut target = json!({"a": {"b": 1, "c": 2}});
        merge(&mut target, json!({"a": {"b": null, "d": 3}}));
        assert_eq!(target, json!({"a": {"c": 2, "d": 3}}));
    }
}
