//! `edgeproof dossier`: merges the stored reports of several devices into one verdict.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use conformance::dossier::{Merged, Mistake, assemble_with_reports, is_device_name};
use conformance::report::Report;

use crate::cli::{DossierArgs, DossierFormat};
use crate::exit::Refused;
use crate::input;
use crate::output;
use crate::render::text::plain;
use crate::render::{self, WriteError, words};

/// Merges the reports; the exit code is the dossier's.
///
/// # Errors
/// Reports that cannot be read or do not belong together, every mistake told; or a file that cannot be written.
pub fn run(args: &DossierArgs) -> anyhow::Result<ExitCode> {
    let merged = assembled(read(&args.reports)?)?;
    if let Some(out) = &args.out {
        write_all(&merged, out)?;
    }
    let dossier = &merged.dossier;
    output::print(&match args.format {
        DossierFormat::Text => render::dossier::text::render(dossier),
        DossierFormat::Json => render::dossier::json(dossier),
        DossierFormat::Markdown => render::dossier::markdown::render(dossier),
    })?;
    Ok(ExitCode::from(dossier.verdict.exit_code()))
}

/// One dossier of several devices' reports, each with the device's name; and those reports, judged with one another in view.
///
/// # Errors
/// [`Refused::BadInput`] with every reason why they do not belong together.
pub fn assembled(reports: Vec<(String, Report)>) -> Result<Merged, Refused> {
    assemble_with_reports(reports).map_err(|mistakes| Refused::BadInput(told(&mistakes)))
}

/// Writes the dossier's faces into `out`, and each device's report into the directory that the dossier's page links.
///
/// # Errors
/// The directory or file that could not be written.
pub fn write_all(merged: &Merged, out: &Path) -> Result<(), WriteError> {
    for (device, report) in &merged.reports {
        render::write_all(report, &out.join(device))?;
    }
    render::dossier::write_all(&merged.dossier, out).map(|_| ())
}

/// One block per mistake: place, what is wrong, and the mend.
fn told(mistakes: &[Mistake]) -> String {
    let mut told = format!(
        "{}: these reports do not make one dossier\n",
        words::number(mistakes.len(), "mistake")
    );
    for mistake in mistakes {
        let place = [mistake.device.as_str(), mistake.pointer.as_str()].join(" ");
        let place = match place.trim() {
            "" => "all reports",
            place => place,
        };
        let _ = write!(
            told,
            "\n  {}\n    {}\n    mend: {}\n",
            plain(place),
            plain(&mistake.message),
            plain(&mistake.mend)
        );
    }
    told
}

/// Every report with its device's name.
///
/// # Errors
/// [`Refused::BadInput`] with every file that is no report this version reads.
fn read(arguments: &[String]) -> Result<Vec<(String, Report)>, Refused> {
    let mut reports = Vec::new();
    let mut refused = Vec::new();
    for argument in arguments {
        let (device, path) = device_and_path(argument);
        match input::report(&path) {
            Ok(report) => reports.push((device, report)),
            Err(why) => refused.push(why.to_string()),
        }
    }
    if refused.is_empty() {
        Ok(reports)
    } else {
        Err(Refused::BadInput(refused.join("\n")))
    }
}

/// `pi4=a/report.json` names the device; else it is called like the directory that the report lies in.
fn device_and_path(argument: &str) -> (String, PathBuf) {
    if let Some((device, path)) = argument.split_once('=')
        && is_device_name(device)
    {
        return (device.to_owned(), PathBuf::from(path));
    }
    let path = PathBuf::from(argument);
    let device = directory_of(&path).unwrap_or_default();
    (device, path)
}

/// The name of the directory that a file lies in, also where the path does not spell it.
fn directory_of(path: &Path) -> Option<String> {
    let whole = path
        .canonicalize()
        .or_else(|_| std::path::absolute(path))
        .ok()?;
    let name = whole.parent()?.file_name()?;
    Some(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_named_or_called_like_its_directory() {
        let names = |argument: &str| device_and_path(argument).0;
        assert_eq!(names("pi4=a/report.json"), "pi4");
        assert_eq!(names("out/arm32/report.json"), "arm32");
        assert_eq!(names("out/a=b/report.json"), "a=b");
        let path = device_and_path("pi4=a=b/report.json").1;
        assert_eq!(path, Path::new("a=b/report.json"));
    }

    #[test]
    fn nothing_to_merge_is_bad_input() {
        let refused = assembled(Vec::new()).unwrap_err();
        assert!(refused.to_string().starts_with("1 mistake: "), "{refused}");
    }
}
