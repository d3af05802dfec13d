//! `edgeproof hub`: the edge runtime alone, for a module under development; no cloud, no engine.

use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Value, json};
use standin::edge::{EdgeConfig, EdgeRuntime, PORTS};
use standin::hub::Properties;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::HubArgs;
use crate::exit::Refused;
use crate::{input, output};

mod line;

use line::Line;

/// Name of the hub that the module believes in; it can never be resolved (RFC 6761).
const HUB_HOST: &str = "edgeproof-hub.invalid";
/// Files with the module's environment, for a container and for a process of this machine.
const CONTAINER_ENVIRONMENT: &str = "module.env";
const PROCESS_ENVIRONMENT: &str = "process.env";
/// The module's workload socket.
const SOCKET: &str = "workload.sock";
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

/// Serves in a directory of its own, and takes away what it left there, however it ends.
async fn serve(args: &HubArgs, desired: Value) -> anyhow::Result<()> {
    fs::create_dir_all(&args.dir).with_context(|| format!("create {}", args.dir.display()))?;
    let directory =
        fs::canonicalize(&args.dir).with_context(|| format!("find {}", args.dir.display()))?;
    let started = EdgeRuntime::start(EdgeConfig {
        hub_host: HUB_HOST.to_owned(),
        gateway_host: args.gateway.clone(),
        also_named: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        device: args.device.clone(),
        module: args.module.clone(),
        socket: directory.join(SOCKET),
        listen: args.listen,
        ports: PORTS,
        desired,
    })
    .await;
    let served = match started {
        Ok(runtime) => {
            let served = follow(&directory, args, &runtime).await;
            runtime.shutdown().await;
            for name in [CONTAINER_ENVIRONMENT, PROCESS_ENVIRONMENT] {
                let _gone = fs::remove_file(directory.join(name));
            }
            served
        }
        // Whatever else lies there may be that of a hub which has the ports.
        Err(error) => Err(error.into()),
    };
    // Only an empty directory goes: what else lies there is not ours.
    let _kept = fs::remove_dir(&directory);
    served
}

/// Tells the module's environment, prints events and obeys, until Ctrl-C or SIGTERM.
async fn follow(directory: &Path, args: &HubArgs, runtime: &EdgeRuntime) -> anyhow::Result<()> {
    let socket = directory.join(SOCKET);
    let mut events = runtime.subscribe();
    let generation = &runtime.credentials().generation_id;
    for (name, gateway, socket) in [
        (
            CONTAINER_ENVIRONMENT,
            args.gateway.as_str(),
            "/var/run/iotedge/workload.sock",
        ),
        (
            PROCESS_ENVIRONMENT,
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
        directory.join(CONTAINER_ENVIRONMENT).display()
    ));
    output::note(&format!(
        "a process of this machine: {}",
        directory.join(PROCESS_ENVIRONMENT).display()
    ));
    let started = Instant::now();
    let print = |line: &Line| output::print(&line.print(args.format, started.elapsed()));
    let mut typed = BufReader::new(tokio::io::stdin()).lines();
    let mut listening = true;
    // A method may take long to be answered; events go on meanwhile.
    let mut doing: Option<Doing<'_>> = None;
    let mut terminate = signal(SignalKind::terminate()).context("wait for SIGTERM")?;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => print(&Line::of(event))?,
                None => break,
            },
            done = finished(&mut doing), if doing.is_some() => {
                doing = None;
                if let Some(line) = done {
                    print(&line)?;
                }
            }
            text = typed.next_line(), if listening && doing.is_none() => match text {
                Ok(Some(text)) => {
                    doing = Some(Box::pin(async move { obey(runtime, text.trim()).await }));
                }
                // Nobody types: the hub goes on.
                Ok(None) | Err(_) => listening = false,
            },
            stopped = tokio::signal::ctrl_c() => {
                stopped.context("wait for Ctrl-C")?;
                break;
            }
            _ = terminate.recv() => break,
        }
    }
    Ok(())
}

/// What was typed, being done.
type Doing<'a> = Pin<Box<dyn Future<Output = Option<Line>> + Send + 'a>>;

async fn finished(doing: &mut Option<Doing<'_>>) -> Option<Line> {
    match doing {
        Some(doing) => doing.await,
        None => std::future::pending().await,
    }
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
