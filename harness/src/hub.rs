//! `edgeproof hub`: the edge runtime alone, for a module under development; no cloud, no engine.

use std::fs;
use std::path::Path;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use serde_json::{Value, json};
use standin::edge::{EdgeConfig, EdgeRuntime, PORTS};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::HubArgs;
use crate::exit::Refused;
use crate::{input, output};

mod desk;
mod line;
mod typed;

use desk::Desk;
use line::Line;

/// Name of the hub that the module believes in; it can never be resolved (RFC 6761).
const HUB_HOST: &str = "edgeproof-hub.invalid";
/// Files with the module's environment, for a container and for a process of this machine.
const CONTAINER_ENVIRONMENT: &str = "module.env";
const PROCESS_ENVIRONMENT: &str = "process.env";
/// The module's workload socket.
const SOCKET: &str = "workload.sock";

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
        "edgeHub for {}/{} on {}: MQTT on port {}, AMQP on port {}, either over WebSocket on port {}",
        args.device, args.module, args.listen, PORTS.mqtt, PORTS.amqp, PORTS.web_socket
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
    output::note("`help` lists what can be typed");
    let desk = Desk::new(runtime);
    let mut met = runtime.hub().met();
    let mut told = *met.borrow_and_update();
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
            Ok(()) = met.changed() => {
                let now = *met.borrow_and_update();
                desk::met(told, now).iter().try_for_each(print)?;
                told = now;
            }
            () = reached(desk.ends()) => {
                if let Some(line) = desk.time_is_up().await {
                    print(&line)?;
                }
            }
            done = finished(&mut doing), if doing.is_some() => {
                doing = None;
                done.iter().try_for_each(print)?;
            }
            text = typed.next_line(), if listening && doing.is_none() => match text {
                Ok(Some(text)) => {
                    let desk = &desk;
                    doing = Some(Box::pin(async move { desk.obey(text.trim()).await }));
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
type Doing<'a> = Pin<Box<dyn Future<Output = Vec<Line>> + 'a>>;

async fn finished(doing: &mut Option<Doing<'_>>) -> Vec<Line> {
    match doing {
        Some(doing) => doing.await,
        None => std::future::pending().await,
    }
}

async fn reached(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
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
