//! The probe as an IoT Edge module: runs come from the module twin, reports go out as messages.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use conformance::report::Report;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::control::desk::Control;
use crate::control::{self, Runs};
use crate::events::Events;
use crate::hub::{
    Content, FromHub, HubClient, HubSettings, Identity, MQTT_PORT, REPORT_OUTPUT, report_parts,
};
use crate::probe::{Assignment, Probe};
use crate::settings::Settings;
use crate::stop_signal;

/// How long the hub may take to acknowledge what is under way when the probe ends: an engine kills ten seconds after SIGTERM.
const GOODBYE: Duration = Duration::from_secs(5);

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
    match timeout(GOODBYE, client.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(unsent)) => tracing::warn!(%unsent, "closed early"),
        Err(_) => tracing::warn!("the hub did not say goodbye in time"),
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

/// The probe on its engine, with a hub to report to.
struct OnEngine<'a> {
    probe: &'a Probe,
    client: &'a HubClient,
}

impl Runs for OnEngine<'_> {
    async fn certify(&self, assignment: Assignment, events: &Events) -> anyhow::Result<Report> {
        Ok(self.probe.certify(assignment, events).await?)
    }

    async fn clean_up(&self, run: &str) -> usize {
        self.probe.clean_up(run).await
    }

    async fn deliver(&self, run: &str, report: &[u8]) -> anyhow::Result<()> {
        deliver(self.client, run, report).await
    }
}

async fn serve(
    settings: &Settings,
    client: &HubClient,
    from_hub: &mut Receiver<FromHub>,
) -> anyhow::Result<()> {
    let probe = &Probe::open(settings).await?;
    let mut control = Control::open(&settings.state)?;
    let runs = OnEngine { probe, client };
    control::serve(&mut control, &runs, client, from_hub, stop_signal()).await;
    Ok(())
}

/// Sends the report and waits until the hub has it; what the twin says of it is not said here.
///
/// # Errors
/// The client was closed before.
pub async fn deliver(client: &HubClient, run: &str, bytes: &[u8]) -> anyhow::Result<()> {
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
    Ok(())
}

/// Changes the reported property `conformance`; a refusal is logged.
async fn report(client: &HubClient, conformance: Value) {
    if let Err(error) = client.report(&json!({"conformance": conformance})).await {
        tracing::warn!(%error, "reported properties not taken");
    }
}
