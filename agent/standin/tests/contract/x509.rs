//! Logins with a certificate: which is taken, which is refused, and how identities are registered for it.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use standin::hub::{Certificates, DisconnectReason, HubEvent, Identity, Mode, Rule, Thumbprint};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::client::{Bench, Client, anchor};
use crate::service::client::{ask, bench};
use crate::{end, rule};

/// A certificate with its key, and who signed it.
struct Card {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Card {
    fn self_signed(name: &str) -> Card {
        let key = KeyPair::generate().unwrap();
        let chain = vec![named(name).self_signed(&key).unwrap().der().clone()];
        Card { chain, key }
    }

    fn thumbprint(&self, algorithm: &'static ring::digest::Algorithm) -> String {
        let digest = ring::digest::digest(algorithm, &self.chain[0]);
        let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }

    fn sha1(&self) -> String {
        self.thumbprint(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY)
    }

    fn sha256(&self) -> String {
        self.thumbprint(&ring::digest::SHA256)
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// An authority, as PEM and as what signs.
fn authority() -> (String, Issuer<'static, KeyPair>) {
    let mut params = named("lab");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    (pem, Issuer::new(params, key))
}

fn signed(name: &str, issuer: &Issuer<'static, KeyPair>) -> Card {
    let key = KeyPair::generate().unwrap();
    let chain = vec![named(name).signed_by(&key, issuer).unwrap().der().clone()];
    Card { chain, key }
}

/// TLS to the hub with a certificate that the hub asks for.
async fn dial(bench: &Bench, card: &Card) -> Client {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(anchor(bench.hub.trust_bundle_pem())).unwrap();
    let key = PrivateKeyDer::Pkcs8(card.key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(card.chain.clone(), key)
        .unwrap();
    let tcp = TcpStream::connect(bench.hub.address()).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    Client::over(connector.connect(name, tcp).await.unwrap())
}

/// A login without a password; what the hub answers.
async fn login(bench: &Bench, card: &Card) -> (Client, Option<Vec<u8>>) {
    let mut client = dial(bench, card).await;
    let mut login = bench.login();
    login.password.clear();
    client.send(&login.bytes()).await;
    let answer = client.packet().await;
    (client, answer)
}

const IN: Option<&[u8]> = Some(&[0x20, 2, 0, 0]);
const REFUSED: Option<&[u8]> = Some(&[0x20, 2, 0, 5]);

async fn refused(bench: &mut Bench, card: &Card, wanted: Rule) {
    let (_, answer) = login(bench, card).await;
    assert_eq!(answer.as_deref(), REFUSED);
    assert_eq!(rule(bench).await, wanted);
}

async fn put(bench: &Bench, identity: &Identity, authentication: Value) -> Value {
    let (path, mut body) = match identity {
        Identity::Device { device } => (format!("/devices/{device}"), json!({"deviceId": device})),
        Identity::Module { device, module } => (
            format!("/devices/{device}/modules/{module}"),
            json!({"deviceId": device, "moduleId": module}),
        ),
    };
    body["authentication"] = authentication;
    let reply = ask(&bench.hub, &format!("PUT {path}"), "If-Match: *\r\n", &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["authentication"].clone()
}

#[tokio::test]
async fn either_thumbprint_of_either_digest_logs_in_and_no_other_certificate_does() {
    let mut bench = bench().await;
    let (first, second, other) = (
        Card::self_signed("any"),
        Card::self_signed("any"),
        Card::self_signed("any"),
    );
    let prints = json!({"primaryThumbprint": first.sha1().to_uppercase(), "secondaryThumbprint": second.sha256()});
    let module = bench.identity.clone();
    let told = put(
        &bench,
        &module,
        json!({"type": "selfSigned", "x509Thumbprint": prints}),
    )
    .await;
    assert_eq!(told["x509Thumbprint"], prints);
    assert_eq!(
        (&told["type"], &told["symmetricKey"]["primaryKey"]),
        (&json!("selfSigned"), &Value::Null)
    );
    for card in [&first, &second] {
        let (_client, answer) = login(&bench, card).await;
        assert_eq!(answer.as_deref(), IN);
        let shown = bench
            .until(|event| match event {
                HubEvent::Connected(login) => Some((login.certificate.clone(), login.token_expiry)),
                _ => None,
            })
            .await;
        assert_eq!(shown, (Some(card.sha256().to_uppercase()), None));
    }
    refused(&mut bench, &other, Rule::Certificate).await;
    // No certificate, and a token: the key is worth nothing any more.
    let mut bare = bench.dial().await;
    bare.send(&bench.login().bytes()).await;
    assert_eq!(bare.packet().await.as_deref(), REFUSED);
    assert_eq!(rule(&mut bench).await, Rule::Token);
    let mut bare = bench.dial().await;
    let mut nothing = bench.login();
    nothing.password.clear();
    bare.send(&nothing.bytes()).await;
    assert_eq!(bare.packet().await.as_deref(), REFUSED);
    assert_eq!(rule(&mut bench).await, Rule::NoPassword);
}

#[tokio::test]
async fn a_thumbprint_that_is_taken_away_ends_the_connection_and_one_that_stays_does_not() {
    let mut bench = bench().await;
    let (first, second) = (Card::self_signed("a"), Card::self_signed("b"));
    let module = bench.identity.clone();
    let prints = |one: &Card, two: &Card| {
        let prints = json!({"primaryThumbprint": one.sha1(), "secondaryThumbprint": two.sha1()});
        json!({"type": "selfSigned", "x509Thumbprint": prints})
    };
    put(&bench, &module, prints(&first, &first)).await;
    let (client, answer) = login(&bench, &first).await;
    assert_eq!(answer.as_deref(), IN);
    put(&bench, &module, prints(&second, &first)).await;
    assert!(bench.hub.is_connected(&module));
    put(&bench, &module, prints(&second, &second)).await;
    assert_eq!(end(&mut bench).await, DisconnectReason::Requested);
    drop(client);
    refused(&mut bench, &first, Rule::Certificate).await;
    // Back to keys.
    let told = put(&bench, &module, json!({"type": "sas"})).await;
    assert!(told["symmetricKey"]["primaryKey"].is_string());
    refused(&mut bench, &second, Rule::NoPassword).await;
    let _client = bench.connected().await;
}

#[tokio::test]
async fn an_authoritys_certificate_needs_the_devices_id_and_an_authority_of_the_hub() {
    let (pem, issuer) = authority();
    let (_, stranger) = authority();
    for identity in [Identity::device("d1"), Identity::module("d1", "m1")] {
        let mut bench = bench().await;
        if matches!(identity, Identity::Device { .. }) {
            bench = Bench::of(bench.hub, identity.clone());
        }
        let told = put(&bench, &identity, json!({"type": "certificateAuthority"})).await;
        assert_eq!(told["x509Thumbprint"]["primaryThumbprint"], Value::Null);
        let own = signed("d1", &issuer);
        refused(&mut bench, &own, Rule::Certificate).await;
        bench.hub.trust_authority(&pem).unwrap();
        let (_client, answer) = login(&bench, &own).await;
        assert_eq!(answer.as_deref(), IN, "{identity}");
        refused(&mut bench, &signed("m1", &issuer), Rule::Certificate).await;
        refused(&mut bench, &signed("d1", &stranger), Rule::Certificate).await;
        refused(&mut bench, &Card::self_signed("d1"), Rule::Certificate).await;
        assert!(bench.hub.trust_authority("no PEM").is_err());
    }
}

#[tokio::test]
async fn edge_hub_asks_too_takes_tokens_from_those_who_show_none_and_no_certificate() {
    let mut bench = Bench::new(Mode::EdgeHub, Identity::module("d1", "m1")).await;
    let card = Card::self_signed("d1");
    let own = Thumbprint::parse(&card.sha1());
    let own = Certificates::SelfSigned {
        primary: own,
        secondary: None,
    };
    let _client = bench.connected().await;
    refused(&mut bench, &card, Rule::Certificate).await;
    let string = bench
        .hub
        .register_with_certificate(&bench.identity, own)
        .unwrap();
    assert!(
        string.ends_with(";DeviceId=d1;ModuleId=m1;x509=true"),
        "{string}"
    );
    refused(&mut bench, &card, Rule::Certificate).await;
}

#[tokio::test]
async fn every_mistake_of_an_authentication_is_told_with_its_place() {
    let bench = bench().await;
    let key = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [9; 32]);
    for (authentication, places) in [
        (
            json!({"type": "selfSigned"}),
            vec!["/authentication/x509Thumbprint:"],
        ),
        (json!({"type": "none"}), vec!["/authentication/type"]),
        (
            json!({
                "type": "selfSigned",
                "symmetricKey": {"primaryKey": key},
                "x509Thumbprint": {"primaryThumbprint": "AA:BB", "secondaryThumbprint": "x"},
            }),
            vec![
                "/authentication/symmetricKey",
                "primaryThumbprint",
                "secondaryThumbprint",
            ],
        ),
        (
            json!({"type": "sas", "x509Thumbprint": {"primaryThumbprint": "a".repeat(40)}}),
            vec!["/authentication/x509Thumbprint"],
        ),
    ] {
        let body = json!({"deviceId": "d9", "authentication": authentication});
        let reply = ask(&bench.hub, "PUT /devices/d9", "", &body).await;
        assert_eq!((reply.status, reply.error()), (400, "ArgumentInvalid"));
        let message = reply.body["Message"].as_str().unwrap();
        for place in places {
            assert!(message.contains(place), "{message}");
        }
    }
}
