//! A local hub and what it saw, and what the client said.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use agent::hub::{FromHub, HubSettings, Identity, LONGEST_PAUSE, LinkError};
use standin::hub::{
    Credentials, HubConfig, HubEvent, Identity as Registered, LocalHub, Mode, OtherPorts,
};
use standin::workload::WorkloadServer;
use tokio::sync::mpsc;
use tokio::time::timeout;

pub(crate) const HOST: &str = "hub.test";
pub(crate) const GATEWAY: &str = "127.0.0.1";
pub(crate) const PRODUCT: &str = "contoso.probe.standard edgeproof-agent/0.1";

/// How long anything here may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn module() -> Registered {
    Registered::module("d1", "probe")
}

pub(crate) struct Bench {
    pub(crate) hub: LocalHub,
    pub(crate) credentials: Credentials,
    pub(crate) seen: mpsc::Receiver<HubEvent>,
}

impl Bench {
    pub(crate) async fn new(mode: Mode) -> Bench {
        Bench::at("127.0.0.1:0".parse().unwrap(), mode).await
    }

    pub(crate) async fn at(listen: SocketAddr, mode: Mode) -> Bench {
        let config = HubConfig {
            listen,
            also: OtherPorts::default(),
            host_name: HOST.to_owned(),
            names: vec![GATEWAY.to_owned(), "localhost".to_owned()],
            mode,
        };
        let hub = LocalHub::start(config).await.unwrap();
        let credentials = hub.register(&module()).unwrap();
        let seen = hub.subscribe();
        Bench {
            hub,
            credentials,
            seen,
        }
    }

    /// Settings that use the connection string and the hub's own authority.
    pub(crate) fn settings(&self) -> HubSettings {
        let identity = Identity::from_connection_string(&self.credentials.connection_string);
        HubSettings {
            ca_pem: Some(self.hub.trust_bundle_pem().to_owned()),
            ..settings(identity.unwrap(), self.hub.address().port())
        }
    }

    /// The next event of the hub that `wanted` takes.
    pub(crate) async fn see<T>(&mut self, mut wanted: impl FnMut(HubEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                let event = self.seen.recv().await.expect("the hub's events ended");
                if let HubEvent::Violation { rule, detail, .. } = &event {
                    panic!("the client broke {rule:?}: {detail}");
                }
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search)
            .await
            .expect("the hub saw nothing of the kind")
    }

    pub(crate) async fn workload(&self, socket: &Path) -> WorkloadServer {
        let identity = self.hub.workload_identity(&module()).unwrap();
        standin::workload::serve(socket, identity).await.unwrap()
    }
}

pub(crate) fn settings(identity: Identity, port: u16) -> HubSettings {
    HubSettings {
        identity,
        ca_pem: None,
        port,
        product_info: PRODUCT.to_owned(),
        seed: 1,
        longest_pause: LONGEST_PAUSE,
        now: SystemTime::now,
    }
}

pub(crate) fn edge_identity(socket: &Path) -> Identity {
    let uri = format!("unix://{}", socket.display());
    let get = |name: &str| {
        let value = match name {
            "IOTEDGE_WORKLOADURI" => uri.as_str(),
            "IOTEDGE_IOTHUBHOSTNAME" => HOST,
            "IOTEDGE_GATEWAYHOSTNAME" => GATEWAY,
            "IOTEDGE_DEVICEID" => "d1",
            "IOTEDGE_MODULEID" => "probe",
            "IOTEDGE_MODULEGENERATIONID" => "1",
            "IOTEDGE_AUTHSCHEME" => "sasToken",
            "IOTEDGE_APIVERSION" => "2022-08-03",
            _ => return None,
        };
        Some(value.to_owned())
    };
    Identity::from_edge(&get).unwrap()
}

pub(crate) async fn hear<T>(
    events: &mut mpsc::Receiver<FromHub>,
    mut wanted: impl FnMut(FromHub) -> Option<T>,
) -> T {
    let search = async {
        loop {
            let event = events.recv().await.expect("the client's events ended");
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    };
    timeout(PATIENCE, search)
        .await
        .expect("the client heard nothing of the kind")
}

pub(crate) async fn connected(events: &mut mpsc::Receiver<FromHub>) {
    hear(events, |event| {
        matches!(event, FromHub::Connected).then_some(())
    })
    .await;
}

pub(crate) async fn why_not(events: &mut mpsc::Receiver<FromHub>) -> (LinkError, Duration) {
    hear(events, |event| {
        if let FromHub::Disconnected { why, retry_in } = event {
            return Some((why, retry_in));
        }
        None
    })
    .await
}

/// Keeps reading, so that the client is never held up by a test that only sends.
pub(crate) fn ignore(mut events: mpsc::Receiver<FromHub>) {
    tokio::spawn(async move { while events.recv().await.is_some() {} });
}

pub(crate) fn message(event: HubEvent) -> Option<(String, Vec<u8>)> {
    if let HubEvent::Message {
        output,
        body,
        qos: 1,
        ..
    } = event
    {
        return Some((output.unwrap_or_default(), body.to_vec()));
    }
    None
}
