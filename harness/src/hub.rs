//! `edgeproof hub`: the edge runtime alone, for a module under development; no cloud, no engine.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use standin::edge::{EdgeConfig, EdgeRuntime, PORTS};
use standin::hub::Properties;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::cli::HubArgs;
use crate::exit::Refused;
use crate::{input, output};

mod line;

use line::Line;

/// Name of the hub that the module believes in; it can never be resolved (RFC 6761).
const HUB_HOST: &str = "edgeproof-hub.invalid";
/// The SDKs' own time limit of a direct method.
const METHOD_WITHIN: Duration = Duration::from_secs(30);

/// Serves one module until Ctrl-C.
///
/// # Errors
/// The offer cannot be used, a port is taken, or the directory cannot be written.
pub fn run(args: &HubArgs) -> anyhow::Result<ExitCode> {
    let desired = match &args.offer {
        Some(path) => desired(path)?,
        None => json!({}),
    };
    let tasks = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("start the runtime")?;
    let served = tasks.block_on(serve(args, desired));
    // A read of standard input that is under way cannot be called off; nobody waits for it.
    tasks.shutdown_background();
    served.map(|()| ExitCode::SUCCESS)
}

/// The default twin of an offer's plan.
fn desired(path: &Path) -> Result<Value, Refused> {
    let twin = input::offer(path)?.offer.plan.twin;
    if twin.trim().is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_str(&twin).map_err(|error| {
        Refused::BadInput(format!(
            "{}: /plan/twin is not JSON: {error}",
            path.display()
        ))
    })
}

async fn serve(args: &HubArgs, desired: Value) -> anyhow::Result<()> {
    fs::create_dir_all(&args.dir).with_context(|| format!("create {}", args.dir.display()))?;
    let directory =
        fs::canonicalize(&args.dir).with_context(|| format!("find {}", args.dir.display()))?;
    let socket = directory.join("workload.sock");
    let runtime = EdgeRuntime::start(EdgeConfig {
        hub_host: HUB_HOST.to_owned(),
        gateway_host: args.gateway.clone(),
        also_named: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        device: args.device.clone(),
        module: args.module.clone(),
        socket: socket.clone(),
        listen: args.listen,
        ports: PORTS,
        desired,
    })
    .await?;
    let mut events = runtime.subscribe();
    let generation = &runtime.credentials().generation_id;
    for (name, gateway, socket) in [
        (
            "module.env",
            args.gateway.as_str(),
            "/var/run/iotedge/workload.sock",
        ),
        (
            "process.env",
            "localhost",
            socket.to_str().unwrap_or_default(),
        ),
    ] {
        let path = directory.join(name);
        fs::write(&path, environment(args, gateway, socket, generation))
            .with_context(|| format!("write {}", path.display()))?;
    }
    output::note(&format!(
        "edgeHub for {}/{} on {}: MQTT on port {}, MQTT over WebSocket on port {}",
        args.device, args.module, args.listen, PORTS.mqtt, PORTS.web_socket
    ));
    output::note(&format!(
        "a container finds it as {}; its environment: {}",
        args.gateway,
        directory.join("module.env").display()
    ));
    output::note(&format!(
        "a process of this machine: {}",
        directory.join("process.env").display()
    ));
    let started = Instant::now();
    let print = |line: &Line| output::print(&line.print(args.format, started.elapsed()));
    let mut typed = BufReader::new(tokio::io::stdin()).lines();
    let mut listening = true;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => print(&Line::of(event))?,
                None => break,
            },
            text = typed.next_line(), if listening => match text {
                Ok(Some(text)) => {
                    if let Some(line) = obey(&runtime, text.trim()).await {
                        print(&line)?;
                    }
                }
                // Nobody types: the hub goes on.
                Ok(None) | Err(_) => listening = false,
            },
            stopped = tokio::signal::ctrl_c() => {
                stopped.context("wait for Ctrl-C")?;
                break;
            }
        }
    }
    runtime.shutdown().await;
    for name in ["module.env", "process.env"] {
        let _gone = fs::remove_file(directory.join(name));
    }
    // Only an empty directory goes: what else lies there is not ours.
    let _kept = fs::remove_dir(&directory);
    Ok(())
}

/// What a module of IoT Edge finds in its environment.
fn environment(args: &HubArgs, gateway: &str, socket: &str, generation: &str) -> String {
    [
        ("IOTEDGE_WORKLOADURI", format!("unix://{socket}").as_str()),
        ("IOTEDGE_AUTHSCHEME", "sasToken"),
        ("IOTEDGE_MODULEGENERATIONID", generation),
        ("IOTEDGE_IOTHUBHOSTNAME", HUB_HOST),
        ("IOTEDGE_GATEWAYHOSTNAME", gateway),
        ("IOTEDGE_DEVICEID", &args.device),
        ("IOTEDGE_MODULEID", &args.module),
        ("IOTEDGE_APIVERSION", "2022-08-03"),
    ]
    .map(|(name, value)| format!("{name}={value}\n"))
    .concat()
}

/// Does what was typed; a line to print, where there is something to say.
async fn obey(runtime: &EdgeRuntime, text: &str) -> Option<Line> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let hub = runtime.hub();
    let identity = runtime.identity();
    let done = match verb {
        "" => return None,
        "desired" => parsed(rest).and_then(|patch| {
            let version = hub.set_desired(identity, &patch);
            version
                .map(|version| json!({"version": version}))
                .map_err(|error| error.to_string())
        }),
        "method" => {
            let (name, payload) = rest.split_once(' ').unwrap_or((rest, "null"));
            match parsed(payload) {
                Ok(payload) => hub
                    .invoke(identity, name, &payload, METHOD_WITHIN)
                    .await
                    .map(|answer| json!({"status": answer.status, "payload": answer.payload}))
                    .map_err(|error| error.to_string()),
                Err(error) => Err(error),
            }
        }
        "input" => {
            let (name, body) = rest.split_once(' ').unwrap_or((rest, ""));
            let message = (&Properties::default(), body.as_bytes());
            hub.send_to_input(identity, name, identity, message)
                .map(|()| json!({"input": name, "bytes": body.len()}))
                .map_err(|error| error.to_string())
        }
        "twin" => hub
            .twin(identity)
            .map(|twin| json!({"desired": twin.desired, "reported": twin.reported}))
            .map_err(|error| error.to_string()),
        "drop" if hub.disconnect(identity) => Ok(json!({})),
        "drop" => Err("the module is not connected".to_owned()),
        other => Err(format!(
            "`{other}` is no command; there are desired, method, input, twin and drop"
        )),
    };
    Some(match done {
        Ok(what) => Line::new(verb, &what),
        Err(why) => Line::new("refused", &json!({"command": text, "why": why})),
    })
}

fn parsed(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}
