//! Reads an IoT Hub's messages from its Event Hubs-compatible endpoint, with Microsoft's own client.
//!
//! The same against Azure and a local hub. That client takes a connection string, signs with the policy's key and trusts what the
//! system trusts; it must not know what is in a message.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::Context as _;
use azure_messaging_eventhubs::models::{AmqpSimpleValue, AmqpValue, ReceivedEventData};
use azure_messaging_eventhubs::{
    ConnectionString, ConsumerClient, OpenReceiverOptions, StartLocation, StartPosition,
};
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::gather::News;
use super::messages::Message;
use crate::cli::ResultsArgs;
use crate::exit::Refused;

/// Environment variable from which that client's TLS takes the authorities to trust, in place of the system's.
const ANCHORS: &str = "SSL_CERT_FILE";

/// Messages that may wait to be looked at.
const WAITING: usize = 64;

/// Annotations in which IoT Hub says who sent a message ("Read device-to-cloud messages from the built-in endpoint").
const DEVICE: &str = "iothub-connection-device-id";
const MODULE: &str = "iothub-connection-module-id";

/// Where messages are read, and from when on.
pub struct Source {
    string: String,
    /// Host and port, where the connection string names a port; the client itself keeps to 5671.
    address: Option<String>,
    group: String,
    since: Option<SystemTime>,
}

impl std::fmt::Debug for Source {
    /// Leaves the connection string out: it holds a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("address", &self.address)
            .field("group", &self.group)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// The endpoint of a connection string, as the flags want it read.
    ///
    /// # Errors
    /// [`Refused::BadInput`] without the string, for it holds a key.
    pub fn new(args: &ResultsArgs, string: &str) -> anyhow::Result<Source> {
        let string = string.trim();
        let wrong = |why: &str| {
            Refused::BadInput(format!(
                "--events: {why}; wanted is Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…, which is not the hub's service connection string"
            ))
        };
        let read: ConnectionString = string
            .parse()
            .map_err(|_| wrong("no connection string of an Event Hubs-compatible endpoint"))?;
        if read.entity_path.is_none() {
            return Err(wrong("EntityPath=… is missing").into());
        }
        let bare = read.endpoint.split("://").nth(1).unwrap_or_default();
        let bare = bare.trim_end_matches('/');
        let address = bare.contains(':').then(|| format!("amqps://{bare}"));
        Ok(Source {
            string: string.to_owned(),
            address,
            group: args.consumer_group.clone(),
            since: args
                .since
                .and_then(|ago| SystemTime::now().checked_sub(ago)),
        })
    }
}

/// Makes `authority` the one that is trusted, which is only possible before the program runs: it starts itself anew.
///
/// # Errors
/// The program cannot be started.
pub fn trust(authority: Option<&Path>) -> anyhow::Result<()> {
    let Some(authority) = authority else {
        return Ok(());
    };
    if std::env::var_os(ANCHORS).is_some_and(|set| set == authority) {
        return Ok(());
    }
    let program = std::env::current_exe().context("find this program")?;
    let error = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(ANCHORS, authority)
        .exec();
    Err(error).context("start this program anew")
}

/// Begins to read; what is read comes out until nobody takes it any more.
#[must_use]
pub fn read(source: Source) -> mpsc::Receiver<News> {
    let (news, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        if let Err(error) = read_all(&source, &news).await {
            // Whoever has stopped listening needs no reason.
            let _gone = news.send(News::Failed(error)).await;
        }
    });
    receiver
}

async fn read_all(source: &Source, news: &mpsc::Sender<News>) -> anyhow::Result<()> {
    // Both of the TLS library's providers are in this build, so one must be chosen; a second choice is refused and harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = ConsumerClient::builder().with_consumer_group(source.group.clone());
    if let Some(address) = &source.address {
        builder = builder.with_custom_endpoint(address.clone());
    }
    let client = builder
        .open_with_connection_string(&source.string, None)
        .await
        .context("reach the Event Hubs-compatible endpoint")?;
    let hub = client
        .get_eventhub_properties()
        .await
        .context("ask for its partitions")?;
    let mut partitions = JoinSet::new();
    let mut behind = 0;
    let (caught_up, mut caught) = mpsc::channel(1);
    for id in hub.partition_ids {
        let facts = client
            .get_partition_properties(&id)
            .await
            .with_context(|| format!("ask for partition {id}"))?;
        let is_old = source.since.is_some_and(|since| {
            facts
                .last_enqueued_time_utc
                .is_some_and(|last| last <= since)
        });
        let last = (!facts.is_empty && !is_old).then_some(facts.last_enqueued_sequence_number);
        behind += usize::from(last.is_some());
        let start = source
            .since
            .map_or(StartLocation::Earliest, StartLocation::EnqueuedTime);
        let options = OpenReceiverOptions {
            start_position: Some(StartPosition {
                location: start,
                inclusive: false,
            }),
            ..OpenReceiverOptions::default()
        };
        let receiver = client
            .open_receiver_on_partition(id.clone(), Some(options))
            .await
            .with_context(|| format!("open partition {id}"))?;
        let (news, caught_up) = (news.clone(), caught_up.clone());
        partitions.spawn(async move {
            let mut last = last;
            let mut events = std::pin::pin!(receiver.stream_events());
            while let Some(event) = events.next().await {
                let event = event.with_context(|| format!("read partition {id}"))?;
                let number = event.sequence_number();
                if news.send(News::Message(message(&event))).await.is_err() {
                    return Ok(());
                }
                if last.is_some_and(|last| number.is_some_and(|number| number >= last)) {
                    last = None;
                    // It counts to the end of the loop below.
                    let _counted = caught_up.send(()).await;
                }
            }
            anyhow::bail!("partition {id} ended")
        });
    }
    drop(caught_up);
    let mut is_told = false;
    loop {
        if behind == 0 && !is_told {
            is_told = true;
            if news.send(News::CaughtUp).await.is_err() {
                return Ok(());
            }
        }
        tokio::select! {
            Some(()) = caught.recv() => behind -= 1,
            Some(ended) = partitions.join_next() => {
                ended.context("read a partition")??;
            }
            () = news.closed() => return Ok(()),
        }
    }
}

/// A message with what IoT Hub says of it; properties that are no text are not ours.
fn message(event: &ReceivedEventData) -> Message {
    let annotation = |name: &str| {
        if let Some(AmqpValue::String(text)) = event.system_properties().get(name) {
            Some(text.clone())
        } else {
            None
        }
    };
    let data = event.event_data();
    let mut properties = BTreeMap::new();
    for (name, value) in data.properties().into_iter().flatten() {
        if let AmqpSimpleValue::String(text) = value {
            properties.insert(name.clone(), text.clone());
        }
    }
    Message {
        device: annotation(DEVICE).unwrap_or_default(),
        module: annotation(MODULE),
        properties,
        body: data.body().unwrap_or_default().to_vec(),
    }
}
