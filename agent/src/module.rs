//! The probe as an IoT Edge module: runs come from module twin and direct methods, reports go out through the outbox.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use conformance::report::Report;
use serde_json::json;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use crate::alone::Alone;
use crate::clock::{self, Earliest};
use crate::control::desk::Control;
use crate::control::{self, Held, Runs};
use crate::deaths;
use crate::events::Events;
use crate::hub::{
    CERTIFICATE_SETTING, FromHub, HubClient, HubSettings, Identity, KEY_SETTING, LONGEST_PAUSE,
    MQTT_PORT,
};
use crate::outbox::{Outbox, Sending};
use crate::probe::{Assignment, Probe};
use crate::settings::Settings;
use crate::stop::Stop;

/// How long the hub may take to hear why the probe cannot work, before the next start tries again.
const TELL_WITHIN: Duration = Duration::from_secs(20);
/// How long an end may take that comes before anything had begun.
const AT_ONCE: Duration = Duration::from_millis(500);

/// What the probe says of itself at the hub: what its own offer (`agent/offer.json`) is called there, and its version.
const PRODUCT: &str = concat!(
    "edgeproof.edgeproof-agent.standard edgeproof-agent/",
    env!("CARGO_PKG_VERSION")
);

/// Serves runs until SIGTERM or SIGINT.
///
/// # Errors
/// No identity, another probe in the state directory, or state directory or engine cannot be used; edgeAgent starts the module
/// again.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut stop = Stop::listen().context("hear signals")?;
    let _alone = Alone::take(&settings.state)?;
    if let Ok(plan) = std::env::var(deaths::VARIABLE) {
        deaths::arm(&settings.state, &plan)?;
    }
    let hub = hub_settings()?;
    let earliest = Earliest::of(&settings.state);
    tokio::select! {
        // What is wrong with the clock was said; the hub and the report are told again.
        _ = clock::wait(&earliest, hub.now) => {}
        () = stop.asked() => return Ok(()),
    }
    let (client, mut from_hub) = HubClient::connect(hub);
    let outbox = match Outbox::open(&settings.state.join("runs"), settings.outbox) {
        Ok(outbox) => outbox,
        Err(error) => {
            let error = error.into();
            tell(&client, &error, &mut stop).await;
            return Err(error);
        }
    };
    let sending = Sending::start(&outbox, &client);
    let served = serve(settings, &client, &outbox, &mut from_hub, &mut stop).await;
    if let Err(error) = &served {
        tell(&client, error, &mut stop).await;
    }
    let within = match served {
        Ok(Served::NotYet) => AT_ONCE,
        Ok(Served::UntilStopped) | Err(_) => stop.left(),
    };
    sending.close_within(client, within).await;
    served.map(|_| ())
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
            let file = |name| environment(name).map(PathBuf::from);
            let files = (file(CERTIFICATE_SETTING), file(KEY_SETTING));
            let identity = Identity::from_connection_string_and_files(&text, files)?;
            match identity.check_files(SystemTime::now()) {
                // The clock may be set yet; each attempt at a link looks again.
                Err(error) if error.is_of_clock => {
                    tracing::warn!(%error, "no link to the hub until this is mended")
                }
                checked => checked?,
            }
            (identity, pem)
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

/// How far the probe came before it was asked to end.
#[derive(Debug, Clone, Copy)]
enum Served {
    /// The engine had not answered yet.
    NotYet,
    /// It served runs.
    UntilStopped,
}

async fn serve(
    settings: &Settings,
    client: &HubClient,
    outbox: &Outbox,
    from_hub: &mut Receiver<FromHub>,
    stop: &mut Stop,
) -> anyhow::Result<Served> {
    let probe = &tokio::select! {
        opened = Probe::open(settings) => opened?,
        () = stop.asked() => return Ok(Served::NotYet),
    };
    let mut control = Control::open(&settings.state)?;
    let runs = OnEngine {
        probe,
        outbox,
        told: Cell::default(),
    };
    control::serve(&mut control, &runs, client, from_hub, stop.asked()).await;
    Ok(Served::UntilStopped)
}

/// Tells the twin why the probe cannot work, unless the hub takes too long to hear it or somebody wants an end.
async fn tell(client: &HubClient, error: &anyhow::Error, stop: &mut Stop) {
    let words = json!({"conformance": {"state": "failed", "phase": format!("{error:#}")}});
    let told = tokio::select! {
        told = timeout(TELL_WITHIN, client.report(&words)) => told,
        () = stop.asked() => return,
    };
    match told {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "reported properties not taken"),
        Err(_) => tracing::warn!("the hub was not told why"),
    }
}
