//! `edgeproof deploy`: puts the probe on devices through IoT Hub, as a layer or on one device, and takes it away again.
//!
//! Without `--apply` nothing is changed: what would be sent is printed. This file is the order of effects; what is sent is made in
//! [`content`], what the hub would refuse is found in [`mistakes`], [`large`] hands over what no twin has room for, and [`calls`] writes
//! down how somebody else does.

pub mod calls;
pub mod content;
pub mod large;
pub mod mistakes;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use conformance::offer_calls::request_and_calls;
use conformance::record::{RunOptions, ScopeName};
use serde_json::{Map, Value, json};

use crate::certify::deployment::{Fills, MANIFEST};
use crate::certify::uninterrupted;
use crate::cli::{DeployArgs, ScopeArg, TextOrJson};
use crate::exit::{Refused, UNDECIDED};
use crate::handover::Large;
use crate::render::text::plain;
use crate::render::write::write_whole;
use crate::service::{Match, Service, Who, access, request};
use crate::{input, output};
use content::Present;

/// What was done.
struct Done {
    hub: Service,
    /// `deployment` or `device`, and its id.
    what: (&'static str, String),
    /// In one word, for programs.
    word: &'static str,
    /// For people, after the above.
    words: String,
}

/// Writes or applies a deployment, or takes it away.
///
/// # Errors
/// Wrong usage, bad input, or a hub that cannot be reached or refuses.
pub fn run(args: &DeployArgs) -> anyhow::Result<ExitCode> {
    let wanted = wanted_run(args)?;
    if let (Some(directory), Some(wanted)) = (&args.calls, &wanted) {
        return written_down(directory, wanted);
    }
    let layer = match args.remove {
        true => Map::new(),
        false => layer(args, wanted.as_ref())?,
    };
    let large = wanted.filter(Large::is_large);
    refuse(mistakes_of(args, &layer, large.as_ref()))?;
    uninterrupted(async {
        let done = match &args.device {
            Some(device) => on_device(args, device, &layer).await?,
            None if args.remove => remove(args).await?,
            None => layered(args, &layer).await?,
        };
        match (done, large) {
            (Some(done), large) => told(args, done, large).await,
            (None, Some(large)) => {
                output::note(&format!(
                    "no twin has room for the offer: with --apply it is handed to each device by the direct method `offer`, in {} parts, and the run by `start`",
                    large.calls.len()
                ));
                Ok(ExitCode::SUCCESS)
            }
            (None, None) => Ok(ExitCode::SUCCESS),
        }
    })
}

/// Writes the run down as calls, and names each with its method.
fn written_down(directory: &Path, run: &Large) -> anyhow::Result<ExitCode> {
    for (method, file) in calls::write(directory, run)? {
        output::print(&format!(
            "{method} {}\n",
            plain(&file.display().to_string())
        ))?;
    }
    output::note(
        "nothing was sent; each file is the payload of one call of the method before it, in this order",
    );
    Ok(ExitCode::SUCCESS)
}

/// Says what was done, and does what is left: the run that no twin has room for.
async fn told(args: &DeployArgs, done: Done, large: Option<Large>) -> anyhow::Result<ExitCode> {
    let (kind, id) = &done.what;
    let is_text = args.format == TextOrJson::Text;
    if is_text {
        let host = done.hub.host();
        output::print(&format!("{kind} {id} on {host}: {}\n", done.words))?;
    }
    let outcomes = match large {
        Some(large) => Some(handed(args, &done.hub, large).await?),
        None => None,
    };
    if is_text {
        output::print(
            &outcomes
                .as_ref()
                .map(large::Outcomes::text)
                .unwrap_or_default(),
        )?;
    } else {
        let mut whole = json!({"hub": done.hub.host(), *kind: id, "done": done.word});
        if let Some(outcomes) = &outcomes {
            whole["runs"] = outcomes.json();
        }
        output::print(&serde_json::to_string_pretty(&whole)?)?;
    }
    Ok(match outcomes {
        Some(outcomes) if !outcomes.is_whole() => ExitCode::from(UNDECIDED),
        Some(_) | None => ExitCode::SUCCESS,
    })
}

/// Hands a run to every device that the deployment reaches.
async fn handed(args: &DeployArgs, hub: &Service, large: Large) -> anyhow::Result<large::Outcomes> {
    let devices = match &args.device {
        Some(device) => vec![device.clone()],
        None => {
            let condition = large::reached_by(&args.target_condition);
            hub.devices_where(&condition).await?
        }
    };
    ensure!(
        !devices.is_empty(),
        "the deployment stands, and no edge device meets its condition: nobody was given the run"
    );
    let wanted = large::Wanted {
        devices,
        within: args.wait,
        quiet: args.quiet,
    };
    large::to_all(hub, large, wanted).await
}

/// The probe, its route and its run.
fn layer(args: &DeployArgs, wanted: Option<&Large>) -> anyhow::Result<Map<String, Value>> {
    if args.apply && args.image.is_none() {
        return Err(Refused::Usage(
            "--apply needs --image: where the device pulls the probe's image from".to_owned(),
        )
        .into());
    }
    let shipped = content::shipped_image(MANIFEST).context("deployment.json names no image")?;
    let fills = Fills {
        image: args.image.as_deref().unwrap_or(&shipped),
        socket: &args.socket,
        data_root: &args.data_root,
        state_volume: None,
    };
    let in_twin = wanted.filter(|wanted| !wanted.is_large());
    content::layer(MANIFEST, &fills, in_twin.map(|wanted| &wanted.request))
}

/// The run that the probe is to start, and its offer where no twin has room for it.
fn wanted_run(args: &DeployArgs) -> anyhow::Result<Option<Large>> {
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
    let (request, calls) = request_and_calls(run, args.profile.into(), scope, &text, options)
        .map_err(|why| Refused::BadInput(format!("{}: {why}", offer.display())))?;
    let wanted = Large { request, calls };
    let mistakes = wanted.mistakes();
    if mistakes.is_empty() {
        Ok(Some(wanted))
    } else {
        Err(Refused::Usage(format!("the run: {}", mistakes.join("; "))).into())
    }
}

/// Everything that the hub would refuse.
fn mistakes_of(
    args: &DeployArgs,
    layer: &Map<String, Value>,
    large: Option<&Large>,
) -> Vec<String> {
    let flags = match &args.device {
        Some(device) => mistakes::device_id(device),
        None => mistakes::deployment_id(&args.id),
    };
    let paths = [("--socket", &args.socket), ("--data-root", &args.data_root)];
    let paths = paths.map(|(flag, path)| mistakes::device_path(flag, path));
    let image = args.image.as_deref().and_then(mistakes::image);
    let reaches_nobody = args.device.is_none() && args.target_condition.is_empty();
    let nobody = large.filter(|_| reaches_nobody).map(|_| {
        "--run: no twin has room for the offer, so it is handed to each device: say which, by --device or --target-condition".to_owned()
    });
    let of_flags = [flags, image, nobody].into_iter().chain(paths).flatten();
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
async fn layered(args: &DeployArgs, layer: &Map<String, Value>) -> anyhow::Result<Option<Done>> {
    let body = content::configuration(&args.id, layer, &args.target_condition, args.priority);
    if !args.apply {
        would_send(args, &format!("PUT /configurations/{}", args.id), &body)?;
        return Ok(None);
    }
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
    let word = match state {
        Match::New => "created",
        Match::Any | Match::Etag(_) => "changed",
    };
    let condition = match args.target_condition.as_str() {
        "" => "none",
        some => some,
    };
    Ok(Some(Done {
        hub,
        what: ("deployment", args.id.clone()),
        word,
        words: format!("{word}; priority {}, condition {condition}", args.priority),
    }))
}

/// Takes the layered deployment away.
async fn remove(args: &DeployArgs) -> anyhow::Result<Option<Done>> {
    if !args.apply {
        let call = format!("DELETE /configurations/{}", args.id);
        output::note(&format!("nothing was changed; with --apply {call} is sent"));
        return Ok(None);
    }
    let hub = access::open(&args.service)?;
    let (word, words) = match hub.configuration(&args.id).await? {
        None => ("absent", "is not there"),
        Some(there) => {
            hub.delete_configuration(&args.id, &there.etag).await?;
            (
                "removed",
                "removed; the probe goes when the device's next deployment is delivered",
            )
        }
    };
    Ok(Some(Done {
        hub,
        what: ("deployment", args.id.clone()),
        word,
        words: words.to_owned(),
    }))
}

/// Gives one device all that it has with the probe put in, or taken out.
async fn on_device(
    args: &DeployArgs,
    device: &str,
    layer: &Map<String, Value>,
) -> anyhow::Result<Option<Done>> {
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
        would_send(args, &call, &body)?;
        return Ok(None);
    }
    hub.carry_out(&request::apply_content(device, body)).await?;
    let (word, words) = match args.remove {
        true => ("removed", "the probe and its route are taken out"),
        false => ("applied", "the probe and its route are put in"),
    };
    Ok(Some(Done {
        hub,
        what: ("device", device.to_owned()),
        word,
        words: words.to_owned(),
    }))
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
