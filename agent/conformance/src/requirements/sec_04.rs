//! IEM-SEC-04: the publisher keeps the module secure. What an image shows of it: whether it carries secrets of its publisher.

use super::attested::{attested, skeleton};
use super::packages_seen::name_of;
use super::remarks::Remarks;
use super::repository_tags::few;
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{FileSecret, Repository, Secrets};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

const ID: &str = "IEM-SEC-04";

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: ID,
    slug: "kept-secure-over-time",
    title: "The publisher keeps it secure",
    force: Forces::always(Force::Must),
    stages: &[Stage::Image, Stage::Person],
    scopes: &[ScopeName::Registry, ScopeName::Full],
    sources: &[Source {
        document: Document::ProcessNote2018,
        heading: "Security",
    }],
    statement: "The publisher keeps the module free of known weaknesses for as long as it is offered.",
    remedy: "Rebuild on a current base image with the fixed packages and name a security contact.",
    judge: Judge::ByRegistry(judge),
};

const MEND: &str = "take the secret out of every layer, for a later one does not take it away, and revoke it: whoever can pull the image has it";

/// A secret in an image is a weakness that anybody finds. Without one the rest is a person's question.
fn judge(record: &Record, repository: &Repository) -> Result<Outcome, Unseen> {
    let wanted = "no secret in the images' layers and variables, and a publisher who follows the weaknesses of what is in them and names a security contact";
    let mut remarks = Remarks::default();
    let (mut files, mut cut, mut unseen) = (0, 0, None);
    if repository.contents.is_empty() {
        return Err(Unseen::new(
            Reason::InputMissing,
            "nobody looked into an image under the default tag; see IEM-CFG-02",
        ));
    }
    for content in &repository.contents {
        let platform = name_of(content);
        match content.secrets.get() {
            Ok(secrets) => {
                remark_on(secrets, &platform, &mut remarks);
                files += secrets.files;
                cut += secrets.cut;
            }
            Err(why) => {
                let because = format!("{platform}: {}", why.because);
                unseen.get_or_insert(Unseen::new(why.reason, because));
            }
        }
    }
    if remarks.has_breach() {
        return Ok(remarks.outcome("", wanted));
    }
    if let Some(unseen) = unseen {
        return Err(unseen);
    }
    if remarks.has_any() {
        return Ok(remarks.outcome("", wanted));
    }
    let cut = match cut {
        0 => String::new(),
        cut => format!(" ({cut} of them not to their end)"),
    };
    Ok(Outcome::manual(
        format!(
            "nothing that looks like a well-known kind of secret in {files} files{cut} and in the variables of {} images; nobody compared their packages with lists of weaknesses; {}",
            repository.contents.len(),
            attested(record, ID)
        ),
        wanted,
        "let a person compare the packages under repository.contents with a list of known weaknesses, and ask the publisher for a security contact",
    )
    .with_paste(skeleton(
        ID,
        "Weaknesses are followed with <SCANNER>, fixed within <DAYS> days, and reported to <SECURITY_CONTACT>.",
    )))
}

fn remark_on(secrets: &Secrets, platform: &str, remarks: &mut Remarks) {
    let env: Vec<String> = secrets
        .in_env
        .iter()
        .map(|one| {
            format!(
                "the variable {} holds what looks like {}",
                one.name, one.look
            )
        })
        .collect();
    if !env.is_empty() {
        remarks.breach(format!("{platform}: {}", few(&env)), MEND);
    }
    let told = |one: &FileSecret| format!("{} in layer {} holds {}", one.path, one.layer, one.look);
    let of = |for_show: bool| -> Vec<String> {
        let all = secrets.in_files.iter();
        all.filter(|one| one.for_show == for_show)
            .map(told)
            .collect()
    };
    let more = match secrets.more {
        0 => String::new(),
        more => format!("; {more} more places are not told"),
    };
    let (real, shown) = (of(false), of(true));
    if !real.is_empty() {
        remarks.breach(format!("{platform}: {}{more}", few(&real)), MEND);
    }
    if !shown.is_empty() {
        remarks.doubt(
            format!(
                "{platform}: {}{more}, where documentation, tests or examples stand",
                few(&shown)
            ),
            "make sure that it opens nothing, or leave documentation and tests out of the image",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::OutcomeKind;
    use crate::observation::{EnvSecret, Observed};
    use crate::sample;

    fn check(secrets: Observed<Secrets>) -> Result<Outcome, Unseen> {
        let mut repository = sample::repository(&["1.0.1"]);
        repository.contents[1].secrets = secrets;
        judge(&sample::registry_record(&[]), &repository)
    }

    fn in_file(for_show: bool) -> Observed<Secrets> {
        Observed::Seen(Secrets {
            in_files: vec![FileSecret {
                path: "/app/key.pem".to_owned(),
                layer: "sha256:1".to_owned(),
                look: "a private key".to_owned(),
                for_show,
            }],
            ..Secrets::default()
        })
    }

    #[test]
    fn a_secret_in_a_layer_or_a_variable_fails_with_its_place() {
        let outcome = check(in_file(false)).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(
            outcome.saw,
            "linux/arm/v7: /app/key.pem in layer sha256:1 holds a private key"
        );
        let outcome = check(Observed::Seen(Secrets {
            in_env: vec![EnvSecret {
                name: "DB_PASSWORD".to_owned(),
                look: "the secret that its name announces".to_owned(),
            }],
            ..Secrets::default()
        }));
        let outcome = outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert!(
            outcome.saw.contains("variable DB_PASSWORD"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn one_that_is_for_show_warns() {
        assert_eq!(check(in_file(true)).unwrap().kind, OutcomeKind::Concern);
    }

    #[test]
    fn without_one_a_person_is_asked_for_the_rest() {
        let outcome = check(Observed::Seen(Secrets {
            files: 7,
            cut: 1,
            ..Secrets::default()
        }));
        let outcome = outcome.unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Manual);
        assert!(
            outcome
                .saw
                .contains("in 10 files (1 of them not to their end)"),
            "{}",
            outcome.saw
        );
    }

    #[test]
    fn layers_that_nobody_read_leave_it_open() {
        let unseen = check(Observed::unseen(Reason::Configuration, "too large")).unwrap_err();
        assert_eq!(unseen.because, "linux/arm/v7: too large");
        let mut repository = sample::repository(&["1.0.1"]);
        repository.contents.clear();
        assert!(judge(&sample::registry_record(&[]), &repository).is_err());
    }
}
