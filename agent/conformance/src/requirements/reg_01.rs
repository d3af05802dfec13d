//! IEM-REG-01: the repository that the offer names is in an Azure Container Registry.

use super::remarks::quoted;
use crate::finding::{Outcome, Reason, Unseen};
use crate::image::Reference;
use crate::observation::{ImageSource, Repository};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-REG-01",
    slug: "images-lie-in-an-azure-registry",
    title: "Images lie in an Azure Container Registry",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Registry],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[Source {
        document: Document::TechnicalAssets,
        heading: "Host module in Azure Container Registry",
    }],
    statement: "The repository that the offer names is in an Azure Container Registry.",
    remedy: "Import the images into an Azure Container Registry before submitting the offer.",
    judge: Judge::ByRegistry(judge),
};

/// Domains of login servers: the public cloud, Azure in China, Azure for the government of the United States.
///
/// Source: Microsoft Learn, "Azure Container Registry", login servers; "Azure services in national clouds", endpoints.
const LOGIN_SERVERS: [&str; 3] = [".azurecr.io", ".azurecr.cn", ".azurecr.us"];

fn judge(_: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "a repository of a registry NAME.azurecr.io, /plan/image/repository";
    let named = match repository.name.parse::<Reference>() {
        Ok(named) => named,
        // Without an offer it is called by the path of its file.
        Err(_) if repository.source != ImageSource::Registry => {
            return Err(no_registry(repository, "no offer names a registry"));
        }
        Err(why) => {
            return Ok(Outcome::unmet(
                format!(
                    "/plan/image/repository is {}: {why}",
                    quoted(&repository.name)
                ),
                wanted,
                "write it as NAME.azurecr.io/repository, without https:// and without a tag",
            ));
        }
    };
    let host = named.registry.as_deref().unwrap_or("docker.io");
    let is_azure = is_login_server(host);
    if let Some(mirror) = &repository.mirror {
        return Ok(Outcome::not_applicable(
            format!(
                "the images were read from the lab's registry {mirror} in place of {host}, {}",
                if is_azure {
                    "which is an Azure Container Registry by its name and was not asked"
                } else {
                    "which is no Azure Container Registry: import them into one before submission"
                }
            ),
            wanted,
        ));
    }
    if !is_azure {
        return Ok(Outcome::unmet(
            format!("{} lies in the registry {host}", repository.name),
            wanted,
            REQUIREMENT.remedy,
        )
        .with_paste(format!(
            "az acr import --name REGISTRY --source {}:TAG --image {}:TAG",
            repository.name, named.repository
        )));
    }
    match repository.source {
        ImageSource::Registry => Ok(Outcome::met(
            format!("{host} is an Azure Container Registry and answered"),
            wanted,
        )),
        ImageSource::EngineStore | ImageSource::Archive | ImageSource::Layout => Err(no_registry(
            repository,
            &format!("the registry {host} was not asked"),
        )),
    }
}

fn no_registry(repository: &Repository, why: &str) -> Unseen {
    Unseen::new(
        Reason::InputMissing,
        format!("{} was read, {why}", repository.place),
    )
}

/// The registry's name has letters and digits alone; a registry with a domain label has one hyphen and its hash behind.
fn is_login_server(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    LOGIN_SERVERS.iter().any(|suffix| {
        host.strip_suffix(suffix).is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::sample;

    fn check(change: impl FnOnce(&mut Repository)) -> Result<Outcome, Unseen> {
        let mut repository = sample::repository(&["1.0.1"]);
        change(&mut repository);
        judge(&sample::registry_record(&[]), &repository)
    }

    #[test]
    fn an_azure_registry_that_answered_passes() {
        assert_eq!(check(|_| {}).unwrap().kind, OutcomeKind::Met);
    }

    #[test]
    fn any_other_host_fails_and_a_name_that_only_looks_like_one_too() {
        for name in [
            "ghcr.io/contoso/air",
            "air-quality",
            "azurecr.io/air",
            "contoso.azurecr.io.example.com/air",
            "contosoazurecr.io/air",
            "https://contoso.azurecr.io/air",
        ] {
            let outcome = check(|repository| repository.name = name.to_owned()).unwrap();
            assert_eq!(outcome.kind, OutcomeKind::Unmet, "{name}");
        }
    }

    #[test]
    fn a_mirror_makes_it_not_applicable_and_says_what_it_stands_for() {
        let outcome = check(|repository| repository.mirror = Some("localhost:5000".to_owned()));
        let outcome = outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::NotApplicable);
        assert!(
            outcome
                .saw
                .contains("localhost:5000 in place of contoso.azurecr.io")
        );
    }

    #[test]
    fn an_archive_shows_no_registry() {
        let unseen = check(|repository| repository.source = ImageSource::Archive).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
    }
}
