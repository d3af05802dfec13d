//! Repository, tag and platforms of the module's image, from its deployment and its module.json.

use super::super::draft::{FILL_IN_ID, FILL_IN_REGISTRY};
use super::super::walk::Mistake;
use super::deployment::Deployed;
use super::module_file::ModuleFile;
use super::variables::variables;
use super::{MADE, Told, told, without_place};
use crate::image::Reference;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Module, repository and tag.
    pub(super) image: Option<(String, String, String)>,
    /// Platforms that its module.json builds it for.
    pub(super) platforms: Vec<String>,
    pub(super) mistakes: Vec<Told>,
    pub(super) remarks: Vec<Told>,
}

/// Platforms at the end of a tag, as the tools append them.
const SUFFIXES: [&str; 4] = ["-amd64", "-arm32v7", "-arm64v8", "-windows-amd64"];

/// The image of the deployed module; `path` is the deployment's.
pub(super) fn of(path: &str, deployed: &Deployed, files: &[ModuleFile]) -> Found {
    let mut found = Found::default();
    let Some((image, at)) = &deployed.image else {
        match files {
            [] => {
                let mistake = without_place(
                    "no file says which image the module has".to_owned(),
                    "give a deployment, a module.json, or both",
                );
                found.mistakes.push(told(MADE, mistake));
            }
            [only] => found.built(&only.module(), only),
            [_, more @ ..] => found.too_many(more, "and no deployment says which module is meant"),
        }
        return found;
    };
    let at = |message: String, mend: &str| Mistake {
        message,
        mend: mend.to_owned(),
        ..at.clone()
    };
    let module = deployed.name.as_str();
    let built = placeholder(image);
    let own = file_of(built.unwrap_or(module), files);
    match (built, own) {
        (Some(_), Some(file)) => found.built(module, file),
        (Some(name), None) => {
            let message =
                format!("`{image}` is the image that the module.json of {name} describes");
            let mend = "give that module.json as well";
            found.mistakes.push(told(path, at(message, mend)));
        }
        (None, own) => found.pulled(path, module, image, own, &at),
    }
    found
}

impl Found {
    /// An image that the solution builds: its module.json has everything.
    fn built(&mut self, module: &str, file: &ModuleFile) {
        let (repository, open) = opened(&file.repository);
        for variable in open {
            self.remarks.push(told(
                &file.path,
                Mistake {
                    message: format!("holds {variable}, which has no value; a mark stands in its place in the offer"),
                    mend: "give it one with --set NAME=VALUE, or fill in the offer's repository".to_owned(),
                    ..file.repository_at.clone()
                },
            ));
        }
        self.remarks.push(told(
            &file.path,
            Mistake {
                message: format!(
                    "the tools push {}-PLATFORM for each platform; the offer's default tag is {}",
                    file.version, file.version
                ),
                mend: "push a manifest list of that tag over the images of all platforms"
                    .to_owned(),
                ..file.version_at.clone()
            },
        ));
        self.platforms.clone_from(&file.platforms);
        self.image = Some((module.to_owned(), repository, file.version.clone()));
    }

    /// An image by its reference; a module.json beside it has the version without the platform.
    fn pulled(
        &mut self,
        path: &str,
        module: &str,
        image: &str,
        own: Option<&ModuleFile>,
        at: &dyn Fn(String, &str) -> Mistake,
    ) {
        let (written, open) = opened(image.trim());
        let reference: Reference = match written.parse() {
            Ok(reference) => reference,
            Err(message) => {
                let mend = "write the image as an engine takes it, such as contoso.azurecr.io/air-quality:1.0.1";
                self.mistakes.push(told(path, at(message, mend)));
                return;
            }
        };
        let mut remark =
            |message: String, mend: &str| self.remarks.push(told(path, at(message, mend)));
        for variable in open {
            remark(
                format!(
                    "holds {variable}, which has no value; a mark stands in its place in the offer"
                ),
                "give it one with --set NAME=VALUE, or fill in the offer's image",
            );
        }
        if reference.digest.is_some() {
            remark(
                "is pinned by digest; an offer names a tag".to_owned(),
                "see that the tag is of that digest",
            );
        }
        let repository = Reference {
            tag: None,
            digest: None,
            ..reference.clone()
        }
        .to_string();
        if let Some(file) = own
            && opened(&file.repository).1.is_empty()
            && file.repository != repository
        {
            let message = format!(
                "is of {repository}, and its module.json is of {}",
                file.repository
            );
            let mend = format!(
                "give the module.json of this image, or none, instead of {}",
                file.path
            );
            self.mistakes.push(told(path, at(message, &mend)));
            return;
        }
        let suffix = reference
            .tag
            .as_deref()
            .and_then(|tag| SUFFIXES.iter().find(|suffix| tag.ends_with(**suffix)));
        let tag = match (own, reference.tag) {
            (Some(file), _) => file.version.clone(),
            (None, Some(tag)) => {
                if let Some(suffix) = suffix {
                    remark(
                        format!(
                            "its tag ends in {suffix}, the platform; an offer's tag is of every platform"
                        ),
                        "push a manifest list under the version alone and name that one in the offer",
                    );
                }
                tag
            }
            (None, None) => {
                remark(
                    "has no tag, which engines take for latest".to_owned(),
                    "name a version of the form X.Y.Z in the offer",
                );
                "latest".to_owned()
            }
        };
        if let Some(file) = own {
            self.platforms.clone_from(&file.platforms);
        }
        self.image = Some((module.to_owned(), repository, tag));
    }

    fn too_many(&mut self, more: &[ModuleFile], why: &str) {
        for file in more {
            let mistake = without_place(
                format!("is one more module.json, {why}"),
                "give one module.json, or the deployment with --module NAME",
            );
            self.mistakes.push(told(&file.path, mistake));
        }
    }
}

/// The name in `${MODULES.NAME}`, `${MODULES.NAME.amd64}` or `${MODULEDIR<../NAME>.debug}`.
fn placeholder(image: &str) -> Option<&str> {
    let inner = image.trim().strip_prefix("${")?.strip_suffix('}')?;
    if let Some(name) = inner.strip_prefix("MODULES.") {
        return name.split('.').next();
    }
    let path = inner.strip_prefix("MODULEDIR<")?.split('>').next()?;
    path.rsplit(['/', '\\']).next()
}

/// The module.json of a module: the one in a directory of its name, or the only one, if its directory is not told.
fn file_of<'f>(module: &str, files: &'f [ModuleFile]) -> Option<&'f ModuleFile> {
    let named = |file: &&ModuleFile| {
        let directory = file.directory.as_deref();
        directory.is_some_and(|name| name.eq_ignore_ascii_case(module))
    };
    files.iter().find(named).or(match files {
        [only] => Some(only),
        _ => None,
    })
}

/// An image or its repository with marks in place of its variables, and those variables.
pub(super) fn opened(written: &str) -> (String, Vec<String>) {
    let variables: Vec<String> = variables(written).into_iter().map(str::to_owned).collect();
    let mut opened = written.to_owned();
    for variable in &variables {
        let is_registry = opened
            .strip_prefix(variable.as_str())
            .is_some_and(|rest| rest.starts_with('/'));
        let mark = if is_registry {
            FILL_IN_REGISTRY
        } else {
            FILL_IN_ID
        };
        opened = opened.replacen(variable, mark, 1);
    }
    (opened, variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_placeholders_of_templates_name_their_module() {
        for (image, module) in [
            ("${MODULES.SampleModule}", Some("SampleModule")),
            ("${MODULES.SampleModule.amd64}", Some("SampleModule")),
            (
                "${MODULES.SampleModule.arm32v7.debug}",
                Some("SampleModule"),
            ),
            ("${MODULEDIR<../edge/Filter>}", Some("Filter")),
            ("${MODULEDIR<..\\Filter>.debug}", Some("Filter")),
            ("${REGISTRY}/filter:1.0", None),
            ("mcr.microsoft.com/sensor:1.0", None),
        ] {
            assert_eq!(placeholder(image), module, "{image}");
        }
    }

    #[test]
    fn a_mark_stands_for_every_variable_of_an_image() {
        for (written, read) in [
            ("${REGISTRY}/filter", "fill-in.azurecr.io/filter"),
            ("${ACR}.azurecr.io/${NAME}", "fill-in.azurecr.io/fill-in"),
            ("contoso.azurecr.io/filter", "contoso.azurecr.io/filter"),
            ("${A", "${A"),
        ] {
            assert_eq!(opened(written).0, read);
        }
    }
}
