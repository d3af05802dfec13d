//! `edgeproof offer`: an offer file to fill in, or one made from an IoT Edge solution.
//!
//! Both are the core's; here files are read and written, and what is open or left out is told on standard error.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use conformance::offer::import::{Choices, SolutionFile, Told, import};
use conformance::offer::{Mistake, draft, read};

use crate::cli::{OfferArgs, OfferCommand, OfferImportArgs, OfferOutArgs};
use crate::exit::Refused;
use crate::render::words::number;
use crate::render::write::write_whole;
use crate::{input, output};

/// Runs one of the commands.
///
/// # Errors
/// Files that cannot be used, or an offer file that cannot be written.
pub fn run(args: &OfferArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        OfferCommand::Init(args) => {
            let text = draft();
            let open = read(&text).map(|read| read.warnings).unwrap_or_default();
            hand_out(&args.to, &text, &open)
        }
        OfferCommand::Import(args) => import_solution(args),
    }
}

fn import_solution(args: &OfferImportArgs) -> anyhow::Result<ExitCode> {
    refuse_to_overwrite(&args.to)?;
    let paths: Vec<String> = args.files.iter().map(|path| name_of(path)).collect();
    let texts = texts(&args.files)?;
    let files: Vec<SolutionFile<'_>> = paths
        .iter()
        .zip(&texts)
        .map(|(path, text)| SolutionFile { path, text })
        .collect();
    let choices = Choices {
        module: args.module.clone(),
        variables: args.variables.iter().cloned().collect(),
    };
    let imported = import(&files, &choices).map_err(|mistakes| {
        let count = number(mistakes.len(), "mistake");
        Refused::BadInput(format!("{count} in the solution{}", by_file(&mistakes)))
    })?;
    if !imported.told.is_empty() {
        output::note(&format!("to be looked at{}", by_file(&imported.told)));
    }
    hand_out(&args.to, &imported.text, &imported.read.warnings)
}

/// The texts of all files; every file that cannot be read is told.
fn texts(paths: &[PathBuf]) -> Result<Vec<String>, Refused> {
    let mut texts = Vec::new();
    let mut refused = Vec::new();
    for path in paths {
        match input::text(path) {
            Ok(text) => texts.push(text),
            Err(why) => refused.push(why.to_string()),
        }
    }
    if refused.is_empty() {
        Ok(texts)
    } else {
        Err(Refused::BadInput(refused.join("\n")))
    }
}

/// A module.json is of the module that its directory is called after, which a bare name does not say.
fn name_of(path: &Path) -> String {
    let bare = path
        .parent()
        .is_some_and(|parent| parent.as_os_str().is_empty());
    match path.canonicalize() {
        Ok(whole) if bare => whole.display().to_string(),
        Ok(_) | Err(_) => path.display().to_string(),
    }
}

/// What is told, under the path of each file.
fn by_file(told: &[Told]) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(first) = told.get(at) {
        let length = told[at..]
            .iter()
            .take_while(|one| one.path == first.path)
            .count();
        let mistakes: Vec<Mistake> = told[at..at + length]
            .iter()
            .map(|one| one.mistake.clone())
            .collect();
        text.push_str(&format!(
            "\n{}\n{}",
            first.path,
            input::told(&mistakes).trim_start_matches('\n')
        ));
        at += length;
    }
    text
}

fn refuse_to_overwrite(to: &OfferOutArgs) -> Result<(), Refused> {
    match &to.out {
        Some(path) if !to.force && fs::symlink_metadata(path).is_ok() => Err(Refused::Usage(
            format!("{} is there already; --force replaces it", path.display()),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Writes the offer file whole or not at all, and tells what is open in it.
fn hand_out(to: &OfferOutArgs, text: &str, open: &[Mistake]) -> anyhow::Result<ExitCode> {
    refuse_to_overwrite(to)?;
    match &to.out {
        Some(path) => {
            write_whole(path, text).with_context(|| format!("write {}", path.display()))?;
        }
        None => output::print(text)?,
    }
    if !open.is_empty() {
        let count = number(open.len(), "place");
        let told = input::told(open);
        output::note(&format!(
            "{count} to fill in\n{}",
            told.trim_start_matches('\n')
        ));
    }
    Ok(ExitCode::SUCCESS)
}
