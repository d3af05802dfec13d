//! A device on the crate `azure_iot_sdk`, for the test of the local hub: `foreign_device HOST DEVICE KEY`.
//!
//! It runs as a process of its own because that crate takes its trust anchors from `SSL_CERT_FILE`
//! alone. Each step is one JSON line.
#![allow(clippy::print_stdout, reason = "its output is what the test reads")]

use anyhow::{Context, anyhow};
use azure_iot_sdk::{
    DeviceKeyTokenSource, DirectMethodResponse, IoTHubClient, Message, MessageType,
};
use serde_json::{Value, json};

fn say(line: &Value) {
    println!("{line}");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, device, key] = &arguments[..] else {
        return Err(anyhow!("wanted: HOST DEVICE KEY"));
    };
    let token =
        DeviceKeyTokenSource::new(host, device, key).map_err(|error| anyhow!("{error:?}"))?;
    let mut client = IoTHubClient::new(host, device.clone(), token)
        .await
        .map_err(|error| anyhow!("failed to connect: {error}"))?;
    say(&json!({"step": "connected"}));
    let mut inbox = client.get_receiver().await;
    let message = Message::builder()
        .set_body(b"{\"n\":1}".to_vec())
        .set_message_id("m-1".to_owned())
        .add_message_property("kind".to_owned(), "foreign".to_owned())
        .build();
    client
        .send_message(message)
        .await
        .map_err(|error| anyhow!("failed to send: {error}"))?;
    client
        .send_property_update("1", "{\"sdk\":\"rust\"}")
        .await
        .map_err(|error| anyhow!("failed to report: {error}"))?;
    say(&json!({"step": "sent"}));
    loop {
        match inbox.recv().await.context("the inbox ended")? {
            MessageType::DesiredPropertyUpdate(update) => {
                let patch: Value = serde_json::from_slice(&update.body)?;
                say(&json!({"step": "desired", "patch": patch}));
            }
            MessageType::DirectMethod(call) => {
                let answer = Some("{\"ok\":true}".to_owned());
                let response = DirectMethodResponse::new(call.request_id, 200, answer);
                client
                    .respond_to_direct_method(response)
                    .await
                    .map_err(|error| anyhow!("failed to answer: {error}"))?;
                say(&json!({"step": "answered", "method": call.method_name}));
            }
            MessageType::C2DMessage(_) => say(&json!({"step": "message"})),
            MessageType::ErrorReceive(error) => {
                say(&json!({"step": "lost", "error": error.to_string()}));
                return Ok(());
            }
        }
    }
}
