//! `edgeproof deploy`: puts the probe on devices through IoT Hub, as a layer or on one device, and takes it away again.
//!
//! Without `--apply` nothing is changed: what would be sent is printed. This file is the order of effects; what is sent is made in
//! [`content`], what the hub would refuse is found in [`mistakes`].

pub mod content;
pub mod mistakes;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use conformance::record::{RunOptions, ScopeName};
use conformance::run_request::RunRequest;
use serde_json::{Map, Value, json};

use crate::certify::deployment::{Fills, MANIFEST};
use crate::certify::runtime;
use crate::cli::{DeployArgs, ScopeArg};
use crate::exit::Refused;
use crate::render::write::write_whole;
use crate::service::{Match, Service, Who, access, request};
use crate::{input, output};
use content::Present;

/// Writes or applies a deployment, or takes it away.
///
/// # Errors
/// Wrong usage, bad input, or a hub that cannot be reached or refuses.
pub fn run(args: &DeployArgs) -> anyhow::Result<ExitCode> {
    let layer = match args.remove {
        true => Map::new(),
        false => layer(args)?,
    };
    refuse(mistakes_of(args, &layer))?;
    match &args.device {
        Some(device) => runtime()?.block_on(on_device(args, device, &layer))?,
        None if args.remove => runtime()?.block_on(remove(args))?,
        None => {
            let body =
                content::configuration(&args.id, &layer, &args.target_condition, args.priority);
            if args.apply {
                runtime()?.block_on(put(args, body))?;
            } else {
                would_send(args, &format!("PUT /configurations/{}", args.id), &body)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The probe, its route and its run.
fn layer(args: &DeployArgs) -> anyhow::Result<Map<String, Value>> {
    if args.apply && args.image.is_none() {
        return Err(Refused::Usage(
            "--apply needs --image: where the device pulls the probe's image from".to_owned(),
        )
        .into());
    }
    let run = wanted_run(args)?;
    let shipped = content::shipped_image(MANIFEST).context("deployment.json names no image")?;
    let fills = Fills {
        image: args.image.as_deref().unwrap_or(&shipped),
        socket: &args.socket,
        data_root: &args.data_root,
        state_volume: None,
    };
    content::layer(MANIFEST, &fills, run.as_ref())
}

/// The run that the probe is to start.
fn wanted_run(args: &DeployArgs) -> anyhow::Result<Option<RunRequest>> {
    let (Some(offer), Some(run)) = (&args.offer, &args.run) else {
        return Ok(None);
    };
    let text = input::text(offer)?;
    for warning in &input::offer(offer)?.warnings {
        tracing::warn!(pointer = warning.pointer, "{}", warning.message);
    }
    let scope = match args.scope {
        ScopeArg::Device => ScopeName::Device,
        ScopeArg::Full => ScopeName::Full,
    };
    let options = RunOptions {
        duration: args.duration.map(Into::into),
        ..RunOptions::default()
    };
    let request =
        RunRequest::new(run, args.profile.into(), scope, &text, options).map_err(|why| {
            Refused::BadInput(format!(
                "{}: {why}; hand it over by the direct methods `offer` and `start` instead",
                offer.display()
            ))
        })?;
    let mistakes = request.mistakes();
    if mistakes.is_empty() {
        Ok(Some(request))
    } else {
        Err(Refused::Usage(format!("the run: {}", mistakes.join("; "))).into())
    }
}

/// Everything that the hub would refuse.
fn mistakes_of(args: &DeployArgs, layer: &Map<String, Value>) -> Vec<String> {
    let flags = match &args.device {
        Some(device) => mistakes::device_id(device),
        None => mistakes::deployment_id(&args.id),
    };
    let paths = [("--socket", &args.socket), ("--data-root", &args.data_root)];
    let paths = paths.map(|(flag, path)| mistakes::device_path(flag, path));
    let image = args.image.as_deref().and_then(mistakes::image);
    let of_flags = [flags, image].into_iter().chain(paths).flatten();
    of_flags.chain(mistakes::content(layer)).collect()
}

fn refuse(mistakes: Vec<String>) -> Result<(), Refused> {
    if mistakes.is_empty() {
        return Ok(());
    }
    Err(Refused::Usage(format!(
        "this would be refused:\n  {}",
        mistakes.join("\n  ")
    )))
}

/// Prints or stores what would be sent, and says on standard error what it is.
fn would_send(args: &DeployArgs, call: &str, body: &Value) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(body).context("write the deployment")?;
    text.push('\n');
    match args.out.as_deref().filter(|out| *out != Path::new("-")) {
        None => output::print(&text)?,
        Some(out) => write_whole(out, &text).with_context(|| format!("write {}", out.display()))?,
    }
    output::note(&format!(
        "nothing was changed; with --apply this is the body of {call}"
    ));
    if args.image.is_none() && !args.remove {
        output::note(
            "--image was not given: the image stands as it is built, and no registry has it under that name",
        );
    }
    Ok(())
}

/// Creates the layered deployment, or changes condition and priority of the one that is there.
async fn put(args: &DeployArgs, body: Value) -> anyhow::Result<()> {
    let hub = access::open(&args.service)?;
    if args.target_condition.is_empty() {
        output::note("no --target-condition: this deployment reaches no device");
    } else if let Some(why) = hub.condition_error(&args.target_condition).await? {
        return Err(Refused::Usage(format!("--target-condition: the hub says: {why}")).into());
    }
    let there = hub.configuration(&args.id).await?;
    let state = match &there {
        None => Match::New,
        Some(there)
            if there.body["content"]["modulesContent"] == body["content"]["modulesContent"] =>
        {
            Match::Etag(&there.etag)
        }
        Some(_) => {
            return Err(Refused::Usage(format!(
                "the deployment {} is there with another content, which IoT Hub never changes: give another --id with a higher --priority, or --remove it first",
                args.id
            ))
            .into());
        }
    };
    hub.carry_out(&request::put_configuration(&args.id, body, state))
        .await?;
    let done = match state {
        Match::New => "created",
        Match::Any | Match::Etag(_) => "changed",
    };
    output::print(&format!(
        "deployment {} {done} on {}: priority {}, condition {}\n",
        args.id,
        hub.host(),
        args.priority,
        match args.target_condition.as_str() {
            "" => "none",
            some => some,
        }
    ))
}

/// Takes the layered deployment away.
async fn remove(args: &DeployArgs) -> anyhow::Result<()> {
    if !args.apply {
        let call = format!("DELETE /configurations/{}", args.id);
        output::note(&format!("nothing was changed; with --apply {call} is sent"));
        return Ok(());
    }
    let hub = access::open(&args.service)?;
    let done = match hub.configuration(&args.id).await? {
        None => "is not there",
        Some(there) => {
            hub.delete_configuration(&args.id, &there.etag).await?;
            "removed; the probe goes when the device's next deployment is delivered"
        }
    };
    output::print(&format!(
        "deployment {} on {}: {done}\n",
        args.id,
        hub.host()
    ))
}

/// Gives one device all that it has with the probe put in, or taken out.
async fn on_device(
    args: &DeployArgs,
    device: &str,
    layer: &Map<String, Value>,
) -> anyhow::Result<()> {
    let hub = access::open(&args.service)?;
    let (present, applied) = present(&hub, device).await?;
    let whole = match args.remove {
        true => content::without(&present),
        false => content::whole(&present, layer),
    };
    let whole = whole.map_err(|why| anyhow::anyhow!("device {device}: {why}"))?;
    refuse(mistakes::sizes(&whole))?;
    if !applied.is_empty() {
        output::note(&format!(
            "device {device} has the automatic deployment {}: when that is delivered again, it takes away what is applied here; a layered deployment stays",
            applied.join(", ")
        ));
    }
    let body = json!({"modulesContent": whole});
    if !args.apply {
        let call = format!("POST /devices/{device}/applyConfigurationContent");
        return would_send(args, &call, &body);
    }
    hub.carry_out(&request::apply_content(device, body)).await?;
    let done = match args.remove {
        true => "the probe and its route are taken out",
        false => "the probe and its route are put in",
    };
    output::print(&format!("device {device} on {}: {done}\n", hub.host()))
}

/// What a device has at present, and the automatic deployments that gave it.
async fn present(hub: &Service, device: &str) -> anyhow::Result<(Present, Vec<String>)> {
    let mut twins = Vec::new();
    for module in ["$edgeAgent", "$edgeHub"] {
        let twin = hub.twin(Who::Module(device, module)).await?;
        twins.push(twin.with_context(|| {
            format!(
                "the hub knows no {module} on device {device}: is it there, and an IoT Edge device?"
            )
        })?);
    }
    let [agent, edge_hub] = <[_; 2]>::try_from(twins).expect("two were asked for");
    let present = Present {
        agent: agent.desired,
        hub: edge_hub.desired,
    };
    Ok((present, agent.applied))
}
