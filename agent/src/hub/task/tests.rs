//! The whole task over in-memory links, in paused time: what happens when links end.

use super::super::identity::Identity;
use super::super::link::Token;
use super::super::peer::{Acknowledge, Script, Seen, serve};
use super::super::session::Login;
use super::super::{Content, HubClient, HubError, channels};
use super::*;
use mqtt_protocol_core::mqtt::result_code::ConnectReturnCode;
use serde_json::json;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::SystemTime;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

const GOOD: Script = Script {
    code: ConnectReturnCode::Accepted,
    session_present: false,
    acknowledge: Acknowledge::All,
};

const REFUSING: Script = Script {
    code: ConnectReturnCode::NotAuthorized,
    ..GOOD
};

/// A client whose every link is served as `script(number)` says, the first being number 1.
struct Bench {
    client: HubClient,
    events: mpsc::Receiver<FromHub>,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

fn start(
    life: Duration,
    mut script: impl FnMut(usize) -> Option<Script> + Send + 'static,
) -> Bench {
    let key = "HostName=h;DeviceId=d;ModuleId=m;SharedAccessKey=AAECAw==";
    let identity = Identity::from_connection_string(key).unwrap();
    let (client, desk, results, events) = channels(&identity);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let log = Arc::clone(&seen);
    let mut number = 0;
    let dial = move || {
        number += 1;
        let opened = script(number).map(|script| open(script, life, &log));
        async move {
            match opened {
                Some(opened) => Ok(opened),
                None => std::future::pending().await,
            }
        }
    };
    let task = tokio::spawn(Task::new(Session::new(results), desk, 1).run(dial));
    Bench {
        client,
        events,
        seen,
        task,
    }
}

fn open(script: Script, life: Duration, seen: &Arc<Mutex<Seen>>) -> Opened<DuplexStream> {
    let (near, far) = tokio::io::duplex(1024);
    tokio::spawn(serve(far, script, Arc::clone(seen)));
    Opened {
        stream: near,
        login: Login {
            client_id: "d/m".into(),
            user_name: "h/d/m/".into(),
            password: Some("p".into()),
            clock: "now".into(),
            certificate: None,
        },
        // A wall clock that stands with the paused one: nobody sets it.
        credentials: Credentials::Token(Token::new((Instant::now(), wall()), wall, life)),
    }
}

/// A clock that goes with tokio's, which stands still unless a test waits.
fn wall() -> SystemTime {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let began = BEGAN.get_or_init(Instant::now);
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + began.elapsed()
}

/// The life of a token that never matters to a test.
const LONG: Duration = Duration::from_secs(1_000_000);

/// Sends a message; fails the test when that takes a (virtual) day.
async fn send(client: &HubClient, number: usize) -> Result<(), HubError> {
    let body = format!("message {number} {}", "x".repeat(700)).into_bytes();
    let sent = client.send("report", &[], Content::JSON, body);
    timeout(Duration::from_secs(86_400), sent)
        .await
        .expect("a message is still not acknowledged after a day")
}

/// Reads events for the rest of the test, so that the client is never held up by its listener.
fn listen(mut events: mpsc::Receiver<FromHub>) -> JoinHandle<()> {
    tokio::spawn(async move { while events.recv().await.is_some() {} })
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_named_and_tried_again_with_growing_pauses() {
    let mut bench = start(LONG, |_| Some(REFUSING));
    let begin = Instant::now();
    let mut last = Duration::ZERO;
    while begin.elapsed() < Duration::from_secs(600) {
        let Some(FromHub::Disconnected { why, retry_in }) = bench.events.recv().await else {
            panic!("a refused client says anything but that");
        };
        assert!(
            matches!(why, LinkError::Credentials { code: 5, .. }),
            "{why}"
        );
        last = retry_in;
    }
    let attempts = bench.seen.lock().unwrap().connects;
    assert!(
        (10..40).contains(&attempts),
        "{attempts} attempts in ten minutes"
    );
    assert!(last >= Duration::from_secs(30), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn it_recovers_when_the_hub_accepts_again() {
    let bench = start(LONG, |n| Some(if n < 4 { REFUSING } else { GOOD }));
    listen(bench.events);
    send(&bench.client, 1).await.unwrap();
    assert_eq!(bench.seen.lock().unwrap().connects, 4);
}

/// Sends 60 messages over links that are cut after some; returns what the hub has seen.
async fn send_over_cut_links(session_present: bool) -> Arc<Mutex<Seen>> {
    let bench = start(LONG, move |number| {
        Some(Script {
            session_present: session_present && number > 1,
            acknowledge: match number {
                1..=12 => Acknowledge::CutAfter(1 + number % 5),
                _ => Acknowledge::All,
            },
            ..GOOD
        })
    });
    listen(bench.events);
    let mut senders = Vec::new();
    for number in 0..60 {
        let client = bench.client.clone();
        senders.push(tokio::spawn(async move { send(&client, number).await }));
    }
    for sender in senders {
        sender.await.unwrap().unwrap();
    }
    bench.client.close().await.unwrap();
    bench.seen
}

fn distinct(seen: &Mutex<Seen>) -> usize {
    let messages = &seen.lock().unwrap().messages;
    let bodies: std::collections::HashSet<_> = messages.iter().map(|m| &m.0).collect();
    bodies.len()
}

#[tokio::test(start_paused = true)]
async fn cut_links_lose_no_message_when_the_hub_forgets_the_session() {
    let seen = send_over_cut_links(false).await;
    assert_eq!(distinct(&seen), 60);
    let seen = seen.lock().unwrap();
    assert!(seen.connects == 13 && seen.messages.len() > 60);
    assert!(seen.messages.iter().all(|m| !m.1));
}

#[tokio::test(start_paused = true)]
async fn cut_links_lose_no_message_when_the_hub_keeps_the_session() {
    let seen = send_over_cut_links(true).await;
    assert_eq!(distinct(&seen), 60);
    assert!(seen.lock().unwrap().messages.iter().any(|m| m.1));
}

#[tokio::test(start_paused = true)]
async fn reported_properties_survive_a_lost_hub() {
    let bench = start(LONG, |n| Some(if n < 3 { REFUSING } else { GOOD }));
    listen(bench.events);
    assert_eq!(
        bench.client.report(&json!({"state": "idle"})).await,
        Ok(Some(2))
    );
    assert_eq!(bench.seen.lock().unwrap().reports, [br#"{"state":"idle"}"#]);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_by_a_clean_reconnect_without_a_pause() {
    let mut bench = start(Duration::from_secs(3060), |_| Some(GOOD));
    let begin = Instant::now();
    loop {
        if let Some(FromHub::Disconnected { why, retry_in }) = bench.events.recv().await {
            assert!(matches!(why, LinkError::Renewal { what: "token" }), "{why}");
            assert_eq!(retry_in, Duration::ZERO);
            break;
        }
    }
    assert!(begin.elapsed() >= Duration::from_secs(3060));
    assert!(begin.elapsed() < Duration::from_secs(3061));
    assert!(matches!(
        bench.events.recv().await,
        Some(FromHub::Connected)
    ));
    let seen = bench.seen.lock().unwrap();
    assert_eq!((seen.connects, seen.disconnects), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_acknowledges_nothing_holds_the_senders_back() {
    let silent = Script {
        acknowledge: Acknowledge::None,
        ..GOOD
    };
    let bench = start(LONG, move |_| Some(silent));
    listen(bench.events);
    for number in 0..50 {
        let client = bench.client.clone();
        tokio::spawn(async move { send(&client, number).await });
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(
        bench.seen.lock().unwrap().messages.len(),
        super::super::outbox::WINDOW
    );
    assert_eq!(bench.client.messages.capacity(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_and_a_report_too_large_for_a_hub_are_refused_at_once() {
    let bench = start(LONG, |_| None);
    let body = vec![0; super::super::MAX_MESSAGE_BYTES];
    let result = bench.client.send("o", &[], Content::JSON, body).await;
    assert!(
        matches!(result, Err(HubError::TooLarge { .. })),
        "{result:?}"
    );
    let large: serde_json::Map<_, _> = (0..20)
        .map(|n| (format!("p{n}"), json!("x".repeat(2000))))
        .collect();
    let result = bench.client.report(&large.into()).await;
    assert!(
        matches!(result, Err(HubError::TooLarge { .. })),
        "{result:?}"
    );
    let result = bench.client.report(&json!({"a.b": 1})).await;
    assert!(
        matches!(result, Err(HubError::Invalid { .. })),
        "{result:?}"
    );
    let named = [("$.on".to_owned(), "x".to_owned())];
    let result = bench
        .client
        .send("o", &named, Content::JSON, Vec::new())
        .await;
    assert!(
        matches!(result, Err(HubError::Invalid { .. })),
        "{result:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn closing_sends_what_waits_and_says_goodbye() {
    let bench = start(LONG, |_| Some(GOOD));
    listen(bench.events);
    let sender = bench.client.clone();
    let waiting = tokio::spawn(async move { send(&sender, 1).await });
    tokio::task::yield_now().await;
    bench.client.close().await.unwrap();
    bench.task.await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(()));
    assert_eq!(bench.seen.lock().unwrap().disconnects, 1);
}

#[tokio::test(start_paused = true)]
async fn closing_without_a_hub_ends_in_time_and_says_what_is_left() {
    let bench = start(LONG, |_| None);
    let sender = bench.client.clone();
    let waiting = tokio::spawn(async move { send(&sender, 1).await });
    tokio::task::yield_now().await;
    let begin = Instant::now();
    let unsent = Unsent {
        messages: 1,
        reports: 0,
    };
    assert_eq!(bench.client.close().await, Err(unsent));
    assert!(begin.elapsed() <= CLOSE_PATIENCE + Duration::from_secs(1));
    assert_eq!(waiting.await.unwrap(), Err(HubError::Closed));
    bench.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn dropping_the_last_handle_ends_the_task() {
    let bench = start(LONG, |_| Some(GOOD));
    listen(bench.events);
    drop(bench.client);
    bench.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_listen_does_not_keep_messages_back() {
    let bench = start(LONG, |_| Some(GOOD));
    drop(bench.events);
    for number in 0..20 {
        send(&bench.client, number).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn while_a_token_is_renewed_a_new_message_waits_for_the_new_link() {
    let bench = start(Duration::from_secs(100), |number| {
        let acknowledge = match number {
            1 => Acknowledge::None,
            _ => Acknowledge::All,
        };
        Some(Script {
            acknowledge,
            ..GOOD
        })
    });
    listen(bench.events);
    let client = bench.client.clone();
    let first = tokio::spawn(async move { send(&client, 1).await });
    // Within the time that the first message has for its acknowledgement on the old link.
    tokio::time::sleep(Duration::from_secs(100) + QUIET_PATIENCE / 2).await;
    send(&bench.client, 2).await.unwrap();
    first.await.unwrap().unwrap();
    let seen = bench.seen.lock().unwrap();
    let order: Vec<_> = seen.messages.iter().map(|m| m.0[8] as char).collect();
    assert_eq!((order, seen.connects), (vec!['1', '1', '2'], 2));
}
