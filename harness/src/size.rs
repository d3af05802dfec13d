//! `edgeproof size`: the smallest hardware that an offer can claim, found by starts under smaller and smaller limits.
//!
//! The search is the core's and the probe plays it; here it is asked for, told, and written into the offer file.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use conformance::hardware;
use conformance::offer::{self, ClaimScope, DESCRIPTION, Offer};
use conformance::record::{ProfileName, RunOptions, ScopeName, Task};
use conformance::report::Report;
use conformance::sizing::{Answer, answer};
use conformance::units::Bytes;

use crate::certify::elevation::Elevation;
use crate::certify::{Facts, Order, certify, place, runtime};
use crate::cli::{SizeArgs, TextOrJson};
use crate::exit::{Refused, UNDECIDED};
use crate::render::write::write_whole;
use crate::render::{sizing, write_all};
use crate::{input, output};

/// Sizes one offer at one place.
///
/// # Errors
/// Wrong usage, bad input, or trouble that leaves nothing found.
pub fn run(args: &SizeArgs) -> anyhow::Result<ExitCode> {
    let text = input::text(&args.offer)?;
    let read = input::offer(&args.offer)?;
    for warning in &read.warnings {
        tracing::warn!(pointer = warning.pointer, "{}", warning.message);
    }
    let scope = scope(args, &read.offer)?;
    if args.apply {
        // Said now rather than after minutes of measuring.
        let claim = hardware::read(&read.offer.listing.description);
        let mut claim = claim.map(|paragraph| paragraph.claim).unwrap_or_default();
        claim.ram_bytes = claim.ram_bytes.or(Some(Bytes::mib(1_024)));
        rewritten(args, &text, &read.offer, &claim)?;
    }
    let place = &place::one(&args.place)?;
    let order = Order {
        text: &text,
        offer: &read.offer,
        profile: ProfileName::Quick,
        options: RunOptions {
            slowdown: place.slowdown,
            ..options(args)
        },
        scope: ScopeName::Device,
        load: &args.load,
        quiet: args.quiet,
        elevation: Elevation::Allowed,
        facts: &Facts::shipped(),
    };
    let report = runtime()?.block_on(certify(place, order))?;
    write_all(&report, &args.out)?;
    let answered = answer(&report, scope);
    let found = answered
        .as_ref()
        .ok()
        .filter(|answer| answer.memory.seen().is_some());
    let applied = match found {
        Some(found) if args.apply => {
            apply(args, &text, &read.offer, found)?;
            Some(args.offer.as_path())
        }
        Some(_) | None => None,
    };
    tell(args, &report, &answered, applied)?;
    Ok(found.map_or(ExitCode::from(UNDECIDED), |_| ExitCode::SUCCESS))
}

fn options(args: &SizeArgs) -> RunOptions {
    RunOptions {
        // One start without limits is compared with all those under limits.
        starts: Some(1),
        window: args.window.map(Into::into),
        start_budget: args.start_budget.map(Into::into),
        reserve_bytes: args.reserve,
        wait: Some(args.wait.into()),
        allow_elevated: args.allow_elevated,
        hermetic: args.hermetic,
        image: args.image.clone(),
        task: Task::Size,
        ..RunOptions::default()
    }
}

/// What the claim speaks of; a claim that the offer would read otherwise is not written into it.
fn scope(args: &SizeArgs, offer: &Offer) -> Result<ClaimScope, Refused> {
    let own = offer.plan.claim_scope;
    let asked = args.scope_of_claim.map_or(own, Into::into);
    if args.apply && asked != own {
        return Err(Refused::Usage(
            "--apply: the offer's /plan/claimScope says otherwise than --scope-of-claim; change it first".to_owned(),
        ));
    }
    Ok(asked)
}

/// The offer file's text with this claim in its description.
fn rewritten(
    args: &SizeArgs,
    text: &str,
    offer: &Offer,
    claim: &hardware::Claim,
) -> Result<String, Refused> {
    let refused =
        |why: String| Refused::BadInput(format!("{}: --apply: {why}", args.offer.display()));
    let description = hardware::replace(&offer.listing.description, claim)
        .map_err(|why| refused(format!("{DESCRIPTION}: {why}")))?;
    offer::with_description(text, &description).map_err(refused)
}

/// Writes the claim into the offer file, whole or not at all, unless the file has changed meanwhile.
fn apply(args: &SizeArgs, text: &str, offer: &Offer, answer: &Answer) -> anyhow::Result<()> {
    let new = rewritten(args, text, offer, &answer.claim)?;
    let path: &Path = &args.offer;
    if input::text(path)? != text {
        let why = "it has changed since the search began; nothing was written";
        return Err(Refused::BadInput(format!("{}: --apply: {why}", path.display())).into());
    }
    // A link is followed: the file that it names is replaced, not the link.
    let file = path
        .canonicalize()
        .with_context(|| format!("find {}", path.display()))?;
    let permissions = fs::metadata(&file).map(|metadata| metadata.permissions());
    permissions
        .and_then(|permissions| {
            write_whole(&file, &new)?;
            fs::set_permissions(&file, permissions)
        })
        .with_context(|| format!("write {}", path.display()))
}

fn tell(
    args: &SizeArgs,
    report: &Report,
    answered: &Result<Answer, conformance::finding::Unseen>,
    applied: Option<&Path>,
) -> anyhow::Result<()> {
    match args.format {
        TextOrJson::Json => output::print(&sizing::json(report, answered, applied.is_some())),
        TextOrJson::Text => {
            let mut text = sizing::text(report, answered);
            if let Some(path) = applied {
                text.push_str(&format!("\nWritten into {}\n", path.display()));
            }
            let page = args.out.join("report.html");
            text.push_str(&format!("\nEvery start: {}\n", page.display()));
            output::print(&text)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    /// What the probe is told by this command line.
    fn told(more: &[&str]) -> RunOptions {
        let line = ["edgeproof", "size", "offer.json"];
        let Command::Size(args) = Cli::parse_from(line.iter().chain(more)).command else {
            panic!("it is another command")
        };
        options(&args)
    }

    #[test]
    fn a_search_is_hermetic_where_asked_and_otherwise_the_same() {
        let usual = told(&[]);
        assert!(!usual.hermetic);
        assert_eq!(usual.task, Task::Size);
        let hermetic = RunOptions {
            hermetic: true,
            ..usual
        };
        assert_eq!(told(&["--hermetic"]), hermetic);
    }
}
