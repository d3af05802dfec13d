//! An offer file made from an IoT Edge solution: its deployment manifest or the template of one, and the module.json of the
//! module.
//!
//! Only what is the module's own gets into it: image, createOptions, environment, twin, and the routes that name it. No
//! registry credential, no system module, no neighbour. What a solution does not say is left open, as in a draft.
//! Sources: Microsoft Learn, "Learn how to deploy modules and establish routes in IoT Edge", "Develop Azure IoT Edge modules
//! using Visual Studio Code"; the changes of Azure/iotedgedev for the placeholders of templates.

mod deployment;
mod image;
mod module_file;
mod routes;
mod variables;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::draft::{object, skeleton, written};
use super::locate::{Places, compact};
use super::read::syntax;
use super::walk::{Mistake, Walk};
use super::{Read, read};
use deployment::Deployed;
use module_file::ModuleFile;

/// A file of a solution.
#[derive(Debug, Clone, Copy)]
pub struct SolutionFile<'t> {
    /// Its path, for messages; a module.json is of the module that its directory is called after.
    pub path: &'t str,
    /// Its text.
    pub text: &'t str,
}

/// What the offer is made of beside the files.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// The module, where the solution has several.
    pub module: Option<String>,
    /// Values of the solution's variables, `${NAME}`.
    pub variables: BTreeMap<String, String>,
}

/// Something about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its path.
    pub path: String,
    /// What there is to say, and where.
    pub mistake: Mistake,
}

/// An offer file that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Its text.
    pub text: String,
    /// The offer that the text reads as, with every place that is still open.
    pub read: Read,
    /// What was left out, guessed or kept as a variable, by file.
    pub told: Vec<Told>,
}

/// The path by which the file that is made is spoken of.
pub const MADE: &str = "the offer file";

/// Makes an offer file.
///
/// # Errors
/// Every mistake of every file, each with its place.
pub fn import(files: &[SolutionFile<'_>], choices: &Choices) -> Result<Imported, Vec<Told>> {
    let mut solution = Solution::default();
    let texts: Vec<(&str, String)> = files
        .iter()
        .map(|file| {
            let text = file.text.strip_prefix('\u{feff}').unwrap_or(file.text);
            (file.path, variables::filled(text, &choices.variables))
        })
        .collect();
    for (path, text) in &texts {
        solution.add(path, text, choices.module.as_deref());
    }
    solution.unused(files, choices);
    let plan = solution.plan();
    match plan {
        Some((name, plan)) if solution.mistakes.is_empty() => made(&name, &plan, solution.remarks),
        Some(_) | None => Err(solution.mistakes),
    }
}

/// What the files come to, as far as they have been read.
#[derive(Debug, Default)]
struct Solution {
    deployed: Option<(String, Deployed)>,
    has_deployment: bool,
    module_files: Vec<ModuleFile>,
    mistakes: Vec<Told>,
    remarks: Vec<Told>,
}

impl Solution {
    fn add(&mut self, path: &str, text: &str, module: Option<&str>) {
        let value: Value = match serde_json::from_str(text) {
            Ok(value) => value,
            Err(error) => {
                let mistake = variables::outside_of_quotes(syntax(&error), text);
                self.mistakes.push(told(path, mistake));
                return;
            }
        };
        let mut walk = Walk::new(text);
        for pointer in walk.places.duplicates().to_vec() {
            let message = "this member stands more than once in its object".to_owned();
            walk.mistake(&pointer, message, "keep one of them");
        }
        if deployment::is_one(&value) {
            if self.has_deployment {
                let message = "is a second deployment".to_owned();
                walk.mistake("", message, "give one: a deployment, or its template");
            } else {
                self.has_deployment = true;
                let read = deployment::read(&mut walk, &value, module);
                self.deployed = read.map(|read| (path.to_owned(), read));
            }
        } else if module_file::is_one(&value) {
            self.module_files
                .extend(module_file::read(&mut walk, &value, path));
        } else {
            walk.mistake(
                "",
                "is neither a deployment, with `modulesContent`, nor a module.json, with `image`"
                    .to_owned(),
                "give deployment.json or deployment.template.json, and module.json",
            );
        }
        let in_order = |mistake: &Mistake| (mistake.line, mistake.column);
        walk.mistakes.sort_by_key(in_order);
        walk.warnings.sort_by_key(in_order);
        let of_file = |mistake: Mistake| told(path, mistake);
        self.mistakes.extend(walk.mistakes.into_iter().map(of_file));
        self.remarks.extend(walk.warnings.into_iter().map(of_file));
    }

    /// Variables that were given a value and stand nowhere.
    fn unused(&mut self, files: &[SolutionFile<'_>], choices: &Choices) {
        for name in choices.variables.keys() {
            if !files
                .iter()
                .any(|file| variables::stands_in(file.text, name))
            {
                let message = format!("no file has a variable ${{{name}}}");
                self.remarks
                    .push(told(MADE, without_place(message, "look at its spelling")));
            }
        }
    }

    /// The module's name and the plan, unless a file or the image lacks something.
    fn plan(&mut self) -> Option<(String, Map<String, Value>)> {
        let alone = Deployed::default();
        let (path, deployed) = match &self.deployed {
            Some((path, deployed)) => (path.as_str(), deployed),
            None if self.has_deployment => return None,
            None => (MADE, &alone),
        };
        let image = image::of(path, deployed, &self.module_files);
        self.remarks.extend(image.remarks);
        self.mistakes.extend(image.mistakes);
        let (module, repository, tag) = image.image?;
        let mut plan = object(json!({
            "platforms": image.platforms,
            "image": {"repository": repository, "tag": tag},
        }));
        plan.insert(
            "createOptions".to_owned(),
            document(&deployed.create_options),
        );
        plan.insert("env".to_owned(), json!(deployed.env));
        plan.insert("twin".to_owned(), Value::Object(deployed.twin.clone()));
        plan.insert("routes".to_owned(), Value::Object(deployed.routes.clone()));
        plan.insert(
            "usesModuleSdk".to_owned(),
            json!(deployed.speaks_to_edge_hub()),
        );
        Some((module, plan))
    }
}

/// createOptions as an object where nothing of them changes by that, else as the text that they are.
fn document(text: &str) -> Value {
    if text.trim().is_empty() {
        return json!({});
    }
    let doubles = !Places::of(text).duplicates().is_empty();
    let wanted = compact(text);
    let is_written_so = |value: &Value| {
        let written = value.to_string();
        written == wanted
    };
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() && !doubles && is_written_so(&value) => value,
        Ok(_) | Err(_) => Value::from(text),
    }
}

/// The text, read again: what lint could not read is not handed out.
fn made(
    name: &str,
    plan: &Map<String, Value>,
    mut remarks: Vec<Told>,
) -> Result<Imported, Vec<Told>> {
    let text = written(&Value::Object(skeleton(name, plan.clone())));
    let read = read(&text).map_err(|mistakes| {
        let of_made = |mistake| told(MADE, mistake);
        mistakes.into_iter().map(of_made).collect::<Vec<Told>>()
    })?;
    for mistake in variables::left_in(&text) {
        remarks.push(told(MADE, mistake));
    }
    Ok(Imported {
        text,
        read,
        told: remarks,
    })
}

fn told(path: &str, mistake: Mistake) -> Told {
    Told {
        path: path.to_owned(),
        mistake,
    }
}

fn without_place(message: String, mend: &str) -> Mistake {
    Mistake {
        pointer: String::new(),
        line: None,
        column: None,
        message,
        mend: mend.to_owned(),
    }
}

#[cfg(test)]
mod tests;
