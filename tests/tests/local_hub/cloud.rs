//! The lab's side of a conversation with a module on an official SDK, and what each SDK is known by.

use std::time::Duration;

use serde_json::{Value, json};
use standin::hub::{
    Credentials, DisconnectReason, Hearing, HubConfig, HubEvent, Identity, LocalHub, Login, Mode,
    OtherPorts, Properties, Transport,
};
use tokio::sync::mpsc;

use super::sdk::Program;

pub(crate) const HUB: &str = "edgeproof.local";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Cloud {
    pub(crate) hub: LocalHub,
    pub(crate) mode: Mode,
    pub(crate) events: mpsc::Receiver<HubEvent>,
    pub(crate) identity: Identity,
    pub(crate) credentials: Credentials,
}

impl Cloud {
    pub(crate) async fn start(
        address: &str,
        host_name: &str,
        identity: Identity,
        mode: Mode,
    ) -> Self {
        let hub = LocalHub::start(HubConfig {
            listen: format!("{address}:8883").parse().unwrap(),
            also: OtherPorts {
                web_socket: Some(format!("{address}:443").parse().unwrap()),
                amqp: Some(format!("{address}:5671").parse().unwrap()),
                ..OtherPorts::default()
            },
            host_name: host_name.to_owned(),
            names: vec![address.to_owned()],
            mode,
        })
        .await
        .unwrap();
        let events = hub.subscribe();
        let credentials = hub.register(&identity).unwrap();
        Self {
            hub,
            mode,
            events,
            identity,
            credentials,
        }
    }

    pub(crate) async fn until<T>(&mut self, pick: impl Fn(&HubEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the hub still runs");
                if let Some(found) = pick(&event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found)
            .await
            .expect("the event comes")
    }

    pub(crate) async fn login(&mut self) -> Login {
        self.until(|event| match event {
            HubEvent::Connected(login) => Some(login.clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn message(&mut self) -> (Option<String>, Properties, Value) {
        self.until(|event| match event {
            HubEvent::Message {
                output,
                properties,
                body,
                ..
            } => {
                let body = serde_json::from_slice(body).expect("the body is JSON");
                Some((output.clone(), properties.clone(), body))
            }
            _ => None,
        })
        .await
    }

    pub(crate) async fn ended(&mut self) -> DisconnectReason {
        self.until(|event| match event {
            HubEvent::Disconnected { reason, .. } => Some(*reason),
            _ => None,
        })
        .await
    }

    /// Until the module has subscribed to this. Over AMQP each link attaches in its own time, and no SDK tells its user when.
    pub(crate) async fn hears(&self, what: Hearing) {
        let heard = async {
            while !self.hub.hears(&self.identity, what) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, heard)
            .await
            .expect("it subscribes");
    }

    pub(crate) fn desired(&self, patch: &Value) -> u64 {
        self.hub.set_desired(&self.identity, patch).unwrap()
    }
}

/// What an official SDK is known by.
pub(crate) struct Sdk {
    pub(crate) name: &'static str,
    pub(crate) client_type: &'static str,
    pub(crate) api_version: &'static str,
    pub(crate) keep_alive: u64,
    /// The error of a reported property with a forbidden name.
    pub(crate) refusal: &'static str,
    /// Whether it subscribes anew after a lost connection, although its session was kept.
    pub(crate) subscribes_again: bool,
    /// Whether its protocol keeps a session over a lost connection.
    pub(crate) keeps_session: bool,
}

pub(crate) const PYTHON: Sdk = Sdk {
    name: "python",
    client_type: "azure-iot-device-iothub-py/2.14.0",
    api_version: "2019-10-01",
    keep_alive: 60,
    refusal: "ClientError",
    subscribes_again: false,
    keeps_session: true,
};

pub(crate) const NODE: Sdk = Sdk {
    name: "node",
    client_type: "azure-iot-device/1.18.4",
    api_version: "2021-04-12",
    keep_alive: 180,
    refusal: "Error",
    subscribes_again: true,
    keeps_session: true,
};

/// Node's SDK over AMQP, which has no sessions that outlive a connection.
pub(crate) const NODE_AMQP: Sdk = Sdk {
    keep_alive: 0,
    keeps_session: false,
    ..NODE
};

/// Plays the cloud for `module.py` or `module.js` from the first step to the last; what it came through.
pub(crate) async fn whole_conversation(
    mut cloud: Cloud,
    mut module: Program,
    sdk: &Sdk,
) -> Transport {
    cloud.desired(&json!({"mode": "fast"}));
    module.step("connected").await;
    let login = cloud.login().await;
    assert_eq!(login.identity, cloud.identity);
    let client_type = login.client_type.unwrap();
    assert!(client_type.starts_with(sdk.client_type), "{client_type}");
    assert!(client_type.ends_with("contoso.offer.plan"), "{client_type}");
    assert_eq!(
        (login.api_version.as_str(), login.keep_alive.as_secs()),
        (sdk.api_version, sdk.keep_alive)
    );
    assert_eq!(login.clean_session, !sdk.keeps_session);

    let twin = module.step("twin").await["twin"].clone();
    assert_eq!(
        twin,
        json!({"desired": {"mode": "fast", "$version": 2}, "reported": {"$version": 1}})
    );
    assert_eq!(module.step("reported").await["refused"], sdk.refusal);
    let twin = cloud.hub.twin(&cloud.identity).unwrap();
    assert_eq!(
        Value::Object(twin.reported),
        json!({"sdk": {"name": sdk.name}})
    );
    assert_eq!(twin.reported_version, 3);

    module.step("sent").await;
    let (output, properties, body) = cloud.message().await;
    assert_eq!(output.as_deref(), Some("report"));
    assert_eq!(body, json!({"text": "first"}));
    assert_eq!(
        properties.application["run"].as_deref(),
        Some("a b/c&d=e+f%")
    );
    assert_eq!(properties.application["\u{fc}ber"].as_deref(), Some(""));
    assert_eq!(
        properties.system["$.ct"].as_deref(),
        Some("application/json")
    );
    assert_eq!(properties.system["$.ce"].as_deref(), Some("utf-8"));
    assert_eq!(properties.system["$.mid"].as_deref(), Some("message-1"));

    module.step("listening").await;
    let version = cloud.desired(&json!({"mode": null, "interval": 5}));
    let patch = module.step("desired").await["patch"].clone();
    assert_eq!(
        patch,
        json!({"mode": null, "interval": 5, "$version": version})
    );
    let payload = json!({"n": [1, 2]});
    cloud.hears(Hearing::Methods).await;
    let result = cloud
        .hub
        .invoke(&cloud.identity, "startRun", &payload, PATIENCE)
        .await
        .unwrap();
    assert_eq!(
        (result.status, result.payload),
        (202, json!({"echo": payload}))
    );
    assert_eq!(module.step("answered").await["method"], "startRun");
    if cloud.mode == Mode::EdgeHub {
        let sender = Identity::module("device-1", "sensor");
        cloud.hears(Hearing::Inputs).await;
        cloud
            .hub
            .send_to_input(&cloud.identity, "in1", &sender, (&properties, b"21.5"))
            .unwrap();
        let step = module.step("input").await;
        assert_eq!(
            (&step["input"], &step["body"]),
            (&json!("in1"), &json!("21.5"))
        );
    }

    module.step("waiting").await;
    assert!(cloud.hub.disconnect(&cloud.identity));
    assert_eq!(cloud.ended().await, DisconnectReason::Requested);
    assert_eq!(cloud.login().await.session_present, sdk.keeps_session);
    let reconnected = module.step("reconnected").await;
    if sdk.name == "python" {
        assert_eq!(
            reconnected["states"].as_array().unwrap().last(),
            Some(&json!(true))
        );
    }
    let second = cloud.until(|event| match event {
        HubEvent::Message { body, .. } => Some(body.clone()),
        HubEvent::Subscribed { filter, .. } if !sdk.subscribes_again => {
            panic!("subscribed to {filter} again")
        }
        _ => None,
    });
    let second: Value = serde_json::from_slice(&second.await).unwrap();
    assert_eq!(second, json!({"text": "second"}));
    cloud.hears(Hearing::Desired).await;
    let version = cloud.desired(&json!({"interval": 6}));
    assert_eq!(
        module.step("desired").await["patch"],
        json!({"interval": 6, "$version": version})
    );
    module.step("done").await;
    assert_eq!(cloud.ended().await, DisconnectReason::Goodbye);
    login.transport
}
