//! A wall clock that is wrong and is set, before and while there is a link. The hub's own is right.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use agent::hub::{Content, FromHub, HubClient, HubSettings, LinkError};
use standin::hub::{HubEvent, Mode};
use tokio::time::timeout;

use crate::bench::{Bench, connected, hear, why_not};

/// Two hours, in seconds: more than a token lives.
const FAR: i64 = 7_200;
/// Fourteen years, after which the certificate of a local hub has expired.
const YEARS: i64 = 14 * 366 * 86_400;

/// The real time, so many seconds off.
fn off(seconds: &AtomicI64) -> SystemTime {
    let off = seconds.load(Ordering::Relaxed);
    let far = Duration::from_secs(off.unsigned_abs());
    if off < 0 {
        SystemTime::now() - far
    } else {
        SystemTime::now() + far
    }
}

/// What the hub took the token of a login to be worth, in seconds from now.
async fn token_of_next_login(bench: &mut Bench) -> i64 {
    let expiry = bench
        .see(|event| {
            if let HubEvent::Connected(login) = event {
                return login.token_expiry;
            }
            None
        })
        .await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap().as_secs()).unwrap();
    i64::try_from(expiry).unwrap() - now
}

fn near(seconds: i64, wanted: i64) -> bool {
    (seconds - wanted).abs() < 60
}

#[tokio::test]
async fn a_token_of_a_clock_that_is_behind_is_refused_with_that_clock_and_the_next_after_it_was_set_is_taken()
 {
    static OFF: AtomicI64 = AtomicI64::new(-FAR);
    let mut bench = Bench::new(Mode::IotHub).await;
    let (_client, mut events) = HubClient::connect(HubSettings {
        now: || off(&OFF),
        longest_pause: Duration::from_millis(50),
        ..bench.settings()
    });
    let (why, _) = why_not(&mut events).await;
    let LinkError::Credentials { clock, .. } = &why else {
        panic!("{why}")
    };
    assert!(why.to_string().contains(clock), "{why}");
    OFF.store(0, Ordering::Relaxed);
    // The refusals are the hub's to tell, and no breach of this client's that matters here.
    connected(&mut events).await;
    bench.seen = bench.hub.subscribe();
    assert!(bench.hub.is_connected(&crate::bench::module()));
}

#[tokio::test]
async fn a_clock_that_is_set_forward_while_there_is_a_link_leads_to_a_new_token() {
    static OFF: AtomicI64 = AtomicI64::new(-1_800);
    let mut bench = Bench::new(Mode::IotHub).await;
    let (client, mut events) = HubClient::connect(HubSettings {
        now: || off(&OFF),
        ..bench.settings()
    });
    connected(&mut events).await;
    let first = token_of_next_login(&mut bench).await;
    assert!(near(first, 1_800), "{first}");
    OFF.store(0, Ordering::Relaxed);
    // Whatever wakes the client: it looks at the clock at least once a minute.
    let sent = client.send("report", &[], Content::JSON, b"{}".to_vec());
    sent.await.unwrap();
    let (why, pause) = why_not(&mut events).await;
    assert!(matches!(why, LinkError::Renewal { what: "token" }), "{why}");
    assert_eq!(pause, Duration::ZERO);
    let second = token_of_next_login(&mut bench).await;
    assert!(near(second, 3_600), "{second}");
}

#[tokio::test]
async fn a_clock_that_is_set_back_costs_no_link() {
    static OFF: AtomicI64 = AtomicI64::new(0);
    let bench = Bench::new(Mode::IotHub).await;
    let (client, mut events) = HubClient::connect(HubSettings {
        now: || off(&OFF),
        ..bench.settings()
    });
    connected(&mut events).await;
    OFF.store(-FAR, Ordering::Relaxed);
    for _ in 0..3 {
        let sent = client.send("report", &[], Content::JSON, b"{}".to_vec());
        sent.await.unwrap();
    }
    let ended = timeout(
        Duration::from_millis(500),
        hear(&mut events, |event| {
            matches!(event, FromHub::Disconnected { .. }).then_some(())
        }),
    );
    assert!(ended.await.is_err(), "the link was given up");
}

#[tokio::test]
async fn a_certificate_is_looked_at_by_the_same_clock() {
    static OFF: AtomicI64 = AtomicI64::new(YEARS);
    let bench = Bench::new(Mode::IotHub).await;
    let (_client, mut events) = HubClient::connect(HubSettings {
        now: || off(&OFF),
        longest_pause: Duration::from_millis(50),
        ..bench.settings()
    });
    let text = why_not(&mut events).await.0.to_string();
    assert!(
        text.contains("this device's clock is wrong: it says 20"),
        "{text}"
    );
    OFF.store(0, Ordering::Relaxed);
    connected(&mut events).await;
}
