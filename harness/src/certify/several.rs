//! One offer on several devices, one after another, and the dossier of their reports.

use std::process::ExitCode;

use conformance::report::{Report, RunVerdict};

use super::Interrupted;
use super::place::Place;
use crate::cli::{CertifyArgs, TextOrJson};
use crate::dossier::{assembled, write_all as write_dossier};
use crate::exit::{UNDECIDED, told};
use crate::output;
use crate::render::{self, write_all};

/// Certifies at each place, writes each report into a directory of its own, and the dossier above them.
///
/// A device that gives no report leaves the whole undecided at best; the others are certified all the same.
///
/// # Errors
/// No device gave a report, somebody interrupted, or a file cannot be written.
pub(super) fn run(
    args: &CertifyArgs,
    places: &[Place],
    certify: impl Fn(&Place) -> anyhow::Result<Report>,
) -> anyhow::Result<ExitCode> {
    let mut reports = Vec::new();
    let mut missing = Vec::new();
    for place in places {
        let name = place.name.clone().unwrap_or_default();
        if !args.quiet {
            output::note(&format!("device {name}"));
        }
        match certify(place) {
            Ok(report) => {
                write_all(&report, &args.out.join(&name))?;
                reports.push((name, report));
            }
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                output::note(&format!("device {name} gave no report: {}", told(&error)));
                missing.push((name, error));
            }
        }
    }
    if reports.is_empty()
        && let Some((name, error)) = missing.pop()
    {
        return Err(error.context(format!("no device gave a report, {name} the last")));
    }
    // A first look is on disk already; with one another in view the reports may say more.
    let merged = assembled(reports)?;
    write_dossier(&merged, &args.out)?;
    let whole = &merged.dossier;
    match args.format {
        TextOrJson::Json => output::print(&render::dossier::json(whole))?,
        TextOrJson::Text => {
            let text = render::dossier::text::render(whole);
            let page = args.out.join("dossier.html");
            output::print(&format!("{text}\nDossier: {}\n", page.display()))?;
        }
    }
    let code = whole.verdict.exit_code();
    let whole_fleet = missing.is_empty() || whole.verdict != RunVerdict::Conformant;
    Ok(ExitCode::from(if whole_fleet { code } else { UNDECIDED }))
}
