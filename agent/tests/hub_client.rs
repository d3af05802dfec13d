//! The probe's hub client against the local hub, over real sockets and real TLS.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is how a test fails")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use agent::hub::{
    Content, FromHub, HubClient, HubSettings, Identity, LinkError, REPORT_OUTPUT, report_parts,
};
use serde_json::{Value, json};
use standin::hub::{
    Credentials, DisconnectReason, HubConfig, HubEvent, Identity as Registered, LocalHub, Mode,
};
use standin::workload::{WorkloadIdentity, WorkloadServer};
use tokio::sync::mpsc;
use tokio::time::timeout;

const HOST: &str = "hub.test";
const GATEWAY: &str = "127.0.0.1";
const PRODUCT: &str = "contoso.probe.standard edgeproof-agent/0.1";

/// How long anything here may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

fn module() -> Registered {
    Registered::module("d1", "probe")
}

struct Bench {
    hub: LocalHub,
    credentials: Credentials,
    seen: mpsc::Receiver<HubEvent>,
}

impl Bench {
    async fn new(mode: Mode) -> Bench {
        Bench::at("127.0.0.1:0".parse().unwrap(), mode).await
    }

    async fn at(listen: SocketAddr, mode: Mode) -> Bench {
        let config = HubConfig {
            listen,
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
    fn settings(&self) -> HubSettings {
        let identity = Identity::from_connection_string(&self.credentials.connection_string);
        HubSettings {
            ca_pem: Some(self.hub.trust_bundle_pem().to_owned()),
            ..settings(identity.unwrap(), self.hub.address().port())
        }
    }

    /// The next event of the hub that `wanted` takes.
    async fn see<T>(&mut self, mut wanted: impl FnMut(HubEvent) -> Option<T>) -> T {
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

    async fn workload(&self, socket: &std::path::Path) -> WorkloadServer {
        let identity = WorkloadIdentity {
            module: "probe".to_owned(),
            key: self.credentials.key,
            trust_bundle_pem: self.hub.trust_bundle_pem().to_owned(),
        };
        standin::workload::serve(socket, identity).await.unwrap()
    }
}

fn settings(identity: Identity, port: u16) -> HubSettings {
    HubSettings {
        identity,
        ca_pem: None,
        port,
        product_info: PRODUCT.to_owned(),
        seed: 1,
        now: SystemTime::now,
    }
}

fn edge_identity(socket: &std::path::Path) -> Identity {
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

async fn hear<T>(
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

async fn connected(events: &mut mpsc::Receiver<FromHub>) {
    hear(events, |event| {
        matches!(event, FromHub::Connected).then_some(())
    })
    .await;
}

async fn why_not(events: &mut mpsc::Receiver<FromHub>) -> (LinkError, Duration) {
    hear(events, |event| {
        if let FromHub::Disconnected { why, retry_in } = event {
            return Some((why, retry_in));
        }
        None
    })
    .await
}

/// Keeps reading, so that the client is never held up by a test that only sends.
fn ignore(mut events: mpsc::Receiver<FromHub>) {
    tokio::spawn(async move { while events.recv().await.is_some() {} });
}

fn message(event: HubEvent) -> Option<(String, Vec<u8>)> {
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

#[tokio::test]
async fn a_module_logs_in_with_its_connection_string_and_says_what_it_is() {
    let mut bench = Bench::new(Mode::IotHub).await;
    let (client, mut events) = HubClient::connect(bench.settings());
    connected(&mut events).await;
    let login = bench
        .see(|event| {
            if let HubEvent::Connected(login) = event {
                return Some(login);
            }
            None
        })
        .await;
    assert_eq!(login.identity, module());
    assert_eq!(login.client_type.as_deref(), Some(PRODUCT));
    assert!(!login.clean_session);
    assert_eq!(login.tls_version, "TLSv1_3");
    client.close().await.unwrap();
    let reason = bench
        .see(|event| {
            if let HubEvent::Disconnected { reason, .. } = event {
                return Some(reason);
            }
            None
        })
        .await;
    assert_eq!(reason, DisconnectReason::Goodbye);
}

#[tokio::test]
async fn a_device_logs_in_and_its_messages_name_no_output() {
    let mut bench = Bench::new(Mode::IotHub).await;
    let credentials = bench.hub.register(&Registered::device("d2")).unwrap();
    let mut settings = bench.settings();
    settings.identity = Identity::from_connection_string(&credentials.connection_string).unwrap();
    let (client, events) = HubClient::connect(settings);
    ignore(events);
    client
        .send("report", &[], Content::JSON, b"{}".to_vec())
        .await
        .unwrap();
    assert_eq!(bench.see(message).await, (String::new(), b"{}".to_vec()));
}

#[tokio::test]
async fn an_edge_module_signs_and_trusts_through_the_workload_socket() {
    let mut bench = Bench::new(Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let workload = bench.workload(&socket).await;
    let settings = settings(edge_identity(&socket), bench.hub.address().port());
    let (client, events) = HubClient::connect(settings);
    ignore(events);
    // edgeHub does not tell the version of reported properties.
    assert_eq!(client.report(&json!({"state": "idle"})).await, Ok(None));
    client
        .send("report", &[], Content::JSON, b"{}".to_vec())
        .await
        .unwrap();
    assert_eq!(bench.see(message).await.0, "report");
    let asked: Vec<_> = workload
        .requests()
        .into_iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(asked, [200, 200]);
}

#[tokio::test]
async fn the_twin_its_changes_and_what_we_report_travel_both_ways() {
    let bench = Bench::new(Mode::IotHub).await;
    bench
        .hub
        .set_desired(&module(), &json!({"run": {"id": "r1"}}))
        .unwrap();
    let (client, mut events) = HubClient::connect(bench.settings());
    let (desired, version) = hear(&mut events, |event| {
        if let FromHub::Twin {
            desired, version, ..
        } = event
        {
            return Some((desired, version));
        }
        None
    })
    .await;
    assert_eq!((&desired["run"]["id"], version), (&json!("r1"), 2));
    assert_eq!(desired["$version"], json!(2));

    bench
        .hub
        .set_desired(&module(), &json!({"run": {"id": "r2"}}))
        .unwrap();
    let (patch, version) = hear(&mut events, |event| {
        if let FromHub::Desired { patch, version } = event {
            return Some((patch, version));
        }
        None
    })
    .await;
    assert_eq!((&patch["run"]["id"], version), (&json!("r2"), 3));

    let first = client
        .report(&json!({"phase": "start", "old": 1}))
        .await
        .unwrap()
        .unwrap();
    let second = client
        .report(&json!({"phase": "done", "old": null}))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(second, first + 1);
    let reported = bench.hub.twin(&module()).unwrap().reported;
    assert_eq!(reported["phase"], json!("done"));
    assert!(reported.get("old").is_none());
}

#[tokio::test]
async fn a_direct_method_is_called_and_answered() {
    let bench = Bench::new(Mode::IotHub).await;
    let (_client, mut events) = HubClient::connect(bench.settings());
    // The twin comes after the subscriptions.
    hear(&mut events, |event| {
        matches!(event, FromHub::Twin { .. }).then_some(())
    })
    .await;
    let answering = tokio::spawn(async move {
        let (name, payload, reply) = hear(&mut events, |event| {
            if let FromHub::Method {
                name,
                payload,
                reply,
            } = event
            {
                return Some((name, payload, reply));
            }
            None
        })
        .await;
        reply.send(202, &json!({"heard": payload})).unwrap();
        name
    });
    let payload = json!({"run": "r1"});
    let result = bench
        .hub
        .invoke(&module(), "start", &payload, PATIENCE)
        .await
        .unwrap();
    assert_eq!(
        (result.status, result.payload),
        (202, json!({"heard": payload}))
    );
    assert_eq!(answering.await.unwrap(), "start");
}

#[tokio::test]
async fn a_large_report_arrives_in_parts_that_join_to_it() {
    let mut bench = Bench::new(Mode::IotHub).await;
    let (client, events) = HubClient::connect(bench.settings());
    ignore(events);
    let report = json!({"series": vec![12.5; 120_000]})
        .to_string()
        .into_bytes();
    let parts = report_parts("r 1", &report);
    assert_eq!(parts.len(), 4);
    let sending = tokio::spawn(async move {
        for part in parts {
            let properties = part.properties();
            client
                .send(REPORT_OUTPUT, &properties, Content::JSON, part.body)
                .await
                .unwrap();
        }
    });
    let mut joined = Vec::new();
    for number in 1..=4 {
        let (output, properties, body) = bench
            .see(|event| {
                if let HubEvent::Message {
                    output,
                    properties,
                    body,
                    ..
                } = event
                {
                    return Some((output, properties, body));
                }
                None
            })
            .await;
        assert_eq!(output.as_deref(), Some("report"));
        let of = |name: &str| properties.application[name].clone().unwrap();
        assert_eq!(
            (of("run"), of("part"), of("parts")),
            ("r 1".into(), number.to_string(), "4".into())
        );
        assert_eq!(of("sha256").len(), 64);
        joined.extend(body);
    }
    assert!(joined == report);
    sending.await.unwrap();
}

#[tokio::test]
async fn links_cut_while_sending_lose_nothing() {
    let mut bench = Bench::new(Mode::IotHub).await;
    let (client, events) = HubClient::connect(bench.settings());
    ignore(events);
    let sending = tokio::spawn(async move {
        let mut all = Vec::new();
        for number in 0..40 {
            let client = client.clone();
            let mut body = format!("{number} ").into_bytes();
            body.resize(20_000, b'x');
            all.push(tokio::spawn(async move {
                client.send("report", &[], Content::JSON, body).await
            }));
        }
        for one in all {
            one.await.unwrap().unwrap();
        }
        client.close().await
    });
    let mut arrived = BTreeSet::new();
    let mut cuts = 0;
    while arrived.len() < 40 {
        let (_, body) = bench.see(message).await;
        let text = String::from_utf8(body).unwrap();
        let number: u32 = text.split(' ').next().unwrap().parse().unwrap();
        arrived.insert(number);
        if cuts < 3 && arrived.len() > 10 * (cuts + 1) && bench.hub.disconnect(&module()) {
            cuts += 1;
        }
    }
    assert_eq!(cuts, 3);
    timeout(PATIENCE, sending).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_restarted_hub_gets_what_was_sent_while_it_was_gone() {
    let mut first = Bench::new(Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let workload = first.workload(&socket).await;
    let address = first.hub.address();
    let (client, mut events) = HubClient::connect(settings(edge_identity(&socket), address.port()));
    connected(&mut events).await;
    client
        .send("report", &[], Content::JSON, b"before".to_vec())
        .await
        .unwrap();
    first.see(message).await;

    drop(workload);
    first.hub.shutdown().await;
    let (why, _) = why_not(&mut events).await;
    assert!(
        matches!(why, LinkError::ClosedByHub | LinkError::Io { .. }),
        "{why}"
    );
    let sender = client.clone();
    let waiting = tokio::spawn(async move {
        sender
            .send("report", &[], Content::JSON, b"meanwhile".to_vec())
            .await
    });

    // A new authority and a new key, as after a new Edge CA: both are fetched with each link.
    let mut second = Bench::at(address, Mode::EdgeHub).await;
    let _workload = second.workload(&socket).await;
    ignore(events);
    timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(second.see(message).await.1, b"meanwhile");
    assert_eq!(client.report(&json!({"a": 1})).await, Ok(None));
}

#[tokio::test]
async fn a_wrong_key_is_named_and_each_pause_has_a_length() {
    let bench = Bench::new(Mode::IotHub).await;
    let good = &bench.credentials.connection_string;
    let (head, _) = good.split_once("SharedAccessKey=").unwrap();
    let wrong = format!("{head}SharedAccessKey=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let identity = Identity::from_connection_string(&wrong).unwrap();
    let settings = HubSettings {
        identity,
        ..bench.settings()
    };
    let (_client, mut events) = HubClient::connect(settings);
    for _ in 0..2 {
        let (why, retry_in) = why_not(&mut events).await;
        assert!(
            matches!(why, LinkError::Credentials { code: 5, .. }),
            "{why}"
        );
        assert!(why.to_string().contains("wrong key"), "{why}");
        assert!(retry_in >= Duration::from_millis(500), "{retry_in:?}");
    }
}

#[tokio::test]
async fn a_board_without_a_clock_reads_that_its_clock_is_not_set() {
    let bench = Bench::new(Mode::IotHub).await;
    let settings = HubSettings {
        now: || SystemTime::UNIX_EPOCH + Duration::from_secs(100),
        ..bench.settings()
    };
    let (_client, mut events) = HubClient::connect(settings);
    let text = why_not(&mut events).await.0.to_string();
    assert!(
        text.contains("1970-01-01T00:01:40Z") && text.contains("clock is not set"),
        "{text}"
    );
}

#[tokio::test]
async fn a_hub_of_another_authority_is_not_trusted() {
    let bench = Bench::new(Mode::IotHub).await;
    let other = Bench::new(Mode::IotHub).await;
    let mut settings = bench.settings();
    settings.ca_pem = Some(other.hub.trust_bundle_pem().to_owned());
    let (_client, mut events) = HubClient::connect(settings);
    let (why, _) = why_not(&mut events).await;
    assert!(matches!(why, LinkError::Tls { .. }), "{why}");
}

#[tokio::test]
async fn nobody_listening_is_named_with_host_and_port() {
    let bench = Bench::new(Mode::IotHub).await;
    let settings = bench.settings();
    let port = settings.port;
    bench.hub.shutdown().await;
    let (_client, mut events) = HubClient::connect(settings);
    let text = why_not(&mut events).await.0.to_string();
    assert!(
        text.starts_with(&format!("connect to 127.0.0.1:{port}: ")),
        "{text}"
    );
}

#[tokio::test]
async fn a_refused_signature_is_told_in_the_runtimes_words() {
    let bench = Bench::new(Mode::EdgeHub).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("workload.sock");
    let _recorder = standin::workload::record(&socket).await.unwrap();
    let settings = settings(edge_identity(&socket), bench.hub.address().port());
    let (_client, mut events) = HubClient::connect(settings);
    let text = why_not(&mut events).await.0.to_string();
    assert!(
        text.contains("/modules/probe/genid/1/sign: status 404"),
        "{text}"
    );
}

#[tokio::test]
async fn a_token_goes_to_the_hub_and_nowhere_else() {
    let bench = Bench::new(Mode::IotHub).await;
    let settings = bench.settings();
    let key = bench
        .credentials
        .connection_string
        .rsplit_once("SharedAccessKey=")
        .unwrap()
        .1;
    let shown = format!("{settings:?}");
    assert!(!shown.contains(key), "{shown}");
    let (client, _events) = HubClient::connect(settings);
    assert!(!format!("{client:?}").contains(key));
}

#[tokio::test]
async fn what_the_hub_refuses_is_refused_before_it_is_sent() {
    let bench = Bench::new(Mode::IotHub).await;
    let (client, events) = HubClient::connect(bench.settings());
    ignore(events);
    let bad: Value = json!({"a.b": 1});
    assert!(client.report(&bad).await.is_err());
    let large = vec![0; 262_144];
    assert!(
        client
            .send("report", &[], Content::JSON, large)
            .await
            .is_err()
    );
    // The largest that fits travels.
    let fits = vec![b'x'; 262_000];
    client
        .send("report", &[], Content::JSON, fits)
        .await
        .unwrap();
}
