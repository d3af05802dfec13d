//! The probe as an IoT Edge module: runs come from module twin and direct methods, reports go out through the outbox.

use std::cell::Cell;
use std::time::SystemTime;

use anyhow::Context;
use conformance::report::Report;
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use crate::control::desk::Control;
use crate::control::{self, Held, Runs};
use crate::deaths;
use crate::events::Events;
use crate::hub::{FromHub, HubClient, HubSettings, Identity, LONGEST_PAUSE, MQTT_PORT};
use crate::outbox::{Outbox, Sending};
use crate::probe::{Assignment, Probe};
use crate::settings::Settings;
use crate::stop_signal;

/// What the probe says of itself at the hub: what its own offer (`agent/offer.json`) is called there, and its version.
const PRODUCT: &str = concat!(
    "edgeproof.edgeproof-agent.standard edgeproof-agent/",
    env!("CARGO_PKG_VERSION")
);

/// Serves runs until SIGTERM or SIGINT.
///
/// # Errors
/// No identity, or the engine cannot be used; edgeAgent starts the module again.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let stop = stop_signal();
    if let Ok(plan) = std::env::var(deaths::VARIABLE) {
        deaths::arm(&settings.state, &plan)?;
    }
    let outbox = Outbox::open(&settings.state.join("runs"), settings.outbox)?;
    let (client, mut from_hub) = HubClient::connect(hub_settings()?);
    let sending = Sending::start(&outbox, &client);
    let served = serve(settings, &client, &outbox, &mut from_hub, stop).await;
    if let Err(error) = &served {
        report(
            &client,
            json!({"state": "failed", "phase": format!("{error:#}")}),
        )
        .await;
    }
    sending.close(client).await;
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
        product_info: PRODUCT.to_owned(),
        longest_pause: LONGEST_PAUSE,
        seed: getrandom::u64().map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?,
        now: SystemTime::now,
    })
}

/// The probe on its engine, with an outbox for its reports.
struct OnEngine<'a> {
    probe: &'a Probe,
    outbox: &'a Outbox,
    /// What the twin was told of the outbox.
    told: Cell<Held>,
}

impl OnEngine<'_> {
    fn holds(&self) -> Held {
        let totals = self.outbox.totals();
        Held {
            messages: totals.messages,
            bytes: totals.bytes,
        }
    }
}

impl Runs for OnEngine<'_> {
    async fn certify(&self, assignment: Assignment, events: &Events) -> anyhow::Result<Report> {
        Ok(self.probe.certify(assignment, events).await?)
    }

    async fn clean_up(&self, run: &str) -> usize {
        self.probe.clean_up(run).await
    }

    async fn deliver(&self, run: &str, report: &[u8]) -> anyhow::Result<()> {
        // A probe that ended between putting it there and writing that down is asked for it once more.
        if self.outbox.holds(run) {
            return Ok(());
        }
        let report: Report = serde_json::from_slice(report).context("read the report")?;
        self.outbox.put(&report)?;
        Ok(())
    }

    fn held(&self) -> Held {
        let now = self.holds();
        self.told.set(now);
        now
    }

    async fn held_changed(&self) {
        let told = self.told.get();
        let mut changes = self.outbox.watch();
        // The outbox outlives this: its end is nothing to wait for.
        let _ = changes.wait_for(|_| self.holds() != told).await;
    }
}

async fn serve(
    settings: &Settings,
    client: &HubClient,
    outbox: &Outbox,
    from_hub: &mut Receiver<FromHub>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let probe = &Probe::open(settings).await?;
    let mut control = Control::open(&settings.state)?;
    let runs = OnEngine {
        probe,
        outbox,
        told: Cell::default(),
    };
    control::serve(&mut control, &runs, client, from_hub, stop).await;
    Ok(())
}

/// Changes the reported property `conformance`; a refusal is logged.
async fn report(client: &HubClient, conformance: Value) {
    if let Err(error) = client.report(&json!({"conformance": conformance})).await {
        tracing::warn!(%error, "reported properties not taken");
    }
}
