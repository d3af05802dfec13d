//! Who gets in, and what the hub says to those who do not.

use std::time::Duration;

use standin::hub::{HubEvent, Rule};

use crate::client::{self, Bench, publish, token, unix_now};
use crate::{EVENTS, rule};

/// Logs in with a change and wants CONNACK 5 under `wanted`.
async fn refused(change: impl FnOnce(&mut client::LoginBytes, &Bench), wanted: Rule) {
    let mut bench = Bench::module().await;
    let mut login = bench.login();
    change(&mut login, &bench);
    let mut client = bench.dial().await;
    client.send(&login.bytes()).await;
    assert_eq!(
        client.packet().await,
        Some(vec![0x20, 2, 0, 5]),
        "{wanted:?}"
    );
    assert_eq!(client.packet().await, None);
    assert_eq!(rule(&mut bench).await, wanted);
}

#[tokio::test]
async fn a_login_is_reported_with_what_the_client_said_of_itself() {
    let mut bench = Bench::module().await;
    let _client = bench.connected().await;
    let login = bench
        .until(|event| match event {
            HubEvent::Connected(login) => Some(login.clone()),
            _ => None,
        })
        .await;
    assert_eq!(login.identity.to_string(), "d1/m1");
    assert_eq!(
        login.client_type.as_deref(),
        Some("contoso.offer.plan bare")
    );
    assert_eq!(login.api_version, "2021-04-12");
    assert_eq!(login.tls_version, "TLSv1_3");
    assert_eq!(login.server_name.as_deref(), Some("localhost"));
    assert_eq!(login.keep_alive, Duration::from_secs(60));
    assert!((3590..=3600).contains(&(login.token_expiry.unwrap() - unix_now())));
}

#[tokio::test]
async fn logins_without_a_good_token_get_connack_five() {
    let resource = "edgeproof.local/devices/d1/modules/m1";
    refused(|l, _| l.password.clear(), Rule::NoPassword).await;
    refused(
        |l, _| l.password = token(resource, &[0; 32], unix_now() + 60),
        Rule::Token,
    )
    .await;
    refused(
        |l, bench| l.password = token(resource, &bench.credentials.key, unix_now() - 60),
        Rule::TokenExpired,
    )
    .await;
    refused(
        |l, bench| {
            l.password = token(
                "edgeproof.local/devices/d1",
                &bench.credentials.key,
                unix_now() + 60,
            )
        },
        Rule::Token,
    )
    .await;
}

#[tokio::test]
async fn logins_under_a_wrong_name_get_connack_five() {
    refused(|l, _| l.client_id = "d1".to_owned(), Rule::ClientId).await;
    refused(|l, _| l.client_id = "d1/M1".to_owned(), Rule::ClientId).await;
    refused(|l, _| l.user_name = "d1/m1".to_owned(), Rule::UserName).await;
    refused(
        |l, _| l.user_name = "other/d1/m1/?api-version=2021-04-12".to_owned(),
        Rule::UserName,
    )
    .await;
    refused(
        |l, _| l.user_name = "edgeproof.local/d1/m1/?api-version=x".to_owned(),
        Rule::ApiVersion,
    )
    .await;
    let stranger = |l: &mut client::LoginBytes, _: &Bench| {
        l.client_id = "d1/m2".to_owned();
        l.user_name = "edgeproof.local/d1/m2/?api-version=2021-04-12".to_owned();
    };
    refused(stranger, Rule::UnknownIdentity).await;
}

#[tokio::test]
async fn the_first_packet_must_be_connect() {
    let mut bench = Bench::module().await;
    let mut client = bench.dial().await;
    client.send(&publish(0, EVENTS, b"x")).await;
    assert_eq!(client.packet().await, None);
    assert_eq!(rule(&mut bench).await, Rule::ConnectFirst);
}

#[tokio::test]
async fn a_second_connect_closes() {
    let mut bench = Bench::module().await;
    let mut client = bench.connected().await;
    client.send(&bench.login().bytes()).await;
    assert_eq!(client.packet().await, None);
    assert_eq!(rule(&mut bench).await, Rule::Malformed);
}

#[tokio::test]
async fn mqtt_five_gets_connack_one() {
    let mut bench = Bench::module().await;
    let mut bytes = bench.login().bytes();
    let level = bytes.windows(4).position(|w| w == b"MQTT").unwrap() + 4;
    bytes[level] = 5;
    let mut client = bench.dial().await;
    client.send(&bytes).await;
    assert_eq!(client.packet().await, Some(vec![0x20, 2, 0, 1]));
    assert_eq!(client.packet().await, None);
    assert_eq!(rule(&mut bench).await, Rule::Malformed);
}
