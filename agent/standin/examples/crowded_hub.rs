//! IoT Hub in small for as many modules as are asked for, in a process of its own, so that what it costs can be seen from outside.
//!
//! `cargo run --release -p standin --features hub --example crowded_hub -- 1000` prints one line of JSON: the address, the trust
//! anchor (PEM), and how each module logs in, with a token for an hour. It ends when its standard input does.
#![allow(clippy::print_stdout, reason = "the result of a program")]

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::Sha256;
use standin::hub::{HubConfig, Identity, LocalHub, Mode, OtherPorts};

const HUB: &str = "edgeproof.local";
const VALID: Duration = Duration::from_secs(3600);

fn main() -> Result<(), Box<dyn Error>> {
    let modules = std::env::args().nth(1).ok_or("how many modules?")?;
    let modules: usize = modules.parse()?;
    // One thread, as in the probe.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(modules))
}

async fn serve(modules: usize) -> Result<(), Box<dyn Error>> {
    let hub = LocalHub::start(HubConfig {
        listen: "127.0.0.1:0".parse()?,
        also: OtherPorts::default(),
        host_name: HUB.to_owned(),
        names: vec!["localhost".to_owned()],
        mode: Mode::IotHub,
    })
    .await?;
    // As a lab does: somebody reads everything that happens.
    let mut events = hub.subscribe();
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let logins = (0..modules).map(|number| login(&hub, number));
    let logins: Vec<Value> = logins.collect::<Result<_, _>>()?;
    println!(
        "{}",
        json!({"address": hub.address().to_string(), "anchor": hub.trust_bundle_pem(), "logins": logins})
    );
    drop(logins);
    let told =
        tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    told.await??;
    hub.shutdown().await;
    Ok(())
}

/// Registers module `number` of one device, and makes what it logs in with.
fn login(hub: &LocalHub, number: usize) -> Result<Value, Box<dyn Error>> {
    let module = format!("m{number}");
    let credentials = hub.register(&Identity::module("crowd", &module))?;
    let escape = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let resource = escape(&format!("{HUB}/devices/crowd/modules/{module}"));
    let expiry = (SystemTime::now().duration_since(UNIX_EPOCH)? + VALID).as_secs();
    let mut mac = Hmac::<Sha256>::new_from_slice(&credentials.key)?;
    mac.update(format!("{resource}\n{expiry}").as_bytes());
    let signature = escape(&STANDARD.encode(mac.finalize().into_bytes()));
    Ok(json!({
        "client": format!("crowd/{module}"),
        "user": format!("{HUB}/crowd/{module}/?api-version=2021-04-12"),
        "password": format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}"),
    }))
}
