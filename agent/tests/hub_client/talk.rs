//! Login, twin, methods and messages while all is well.

use agent::hub::{Content, FromHub, HubClient, Identity, REPORT_OUTPUT, report_parts};
use serde_json::json;
use standin::hub::{DisconnectReason, HubEvent, Identity as Registered, Mode};

use crate::bench::{
    Bench, PATIENCE, PRODUCT, connected, edge_identity, hear, ignore, message, module, settings,
};

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
async fn no_debug_text_of_settings_or_client_shows_the_key() {
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
    let bad = json!({"a.b": 1});
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
