//! IEM-SEC-02: the module has the least privileged access to the host.

use serde_json::json;

use super::sec_01::{never_created, unreadable};
use crate::create_options::{Ask, CreateOptions};
use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{EffectivePrivilege, LivePrivilege};
use crate::privilege::{Reach, held, shown};
use crate::record::{Record, ScopeName};
use crate::requirement::{Document, Force, Forces, Judge, Requirement, Source, Stage};

pub(crate) const REQUIREMENT: Requirement = Requirement {
    id: "IEM-SEC-02",
    slug: "least-privileged-access",
    title: "Least privileged access to the host",
    force: Forces::always(Force::Must),
    stages: &[Stage::Offer, Stage::Device],
    scopes: &[
        ScopeName::Offer,
        ScopeName::Device,
        ScopeName::Fleet,
        ScopeName::Full,
    ],
    sources: &[
        Source {
            document: Document::TechnicalAssets,
            heading: "Security",
        },
        Source {
            document: Document::ProcessNote2018,
            heading: "Security",
        },
    ],
    statement: "The module asks for no more access to the host than it needs, runs as a user other than root and does not write to its root file system.",
    remedy: "Remove the option that the module runs without.",
    judge: Judge::By(judge),
};

const WANTED: &str =
    "nothing beyond the engine's defaults, a user other than root, a read-only root file system";

/// Without trials: power over the host fails, root or a writable root warns, any other access cannot be decided.
fn judge(record: &Record) -> Result<Outcome, Unseen> {
    let observations = &record.observations;
    let options = CreateOptions::parse(&record.offer.plan.create_options);
    let asks = options
        .as_ref()
        .map(CreateOptions::needs_elevation)
        .unwrap_or_default();
    if let Ok(options) = &options
        && let Some(outcome) = asked_too_much(options, &asks)
    {
        return Ok(outcome);
    }
    let creation = observations.creation.seen();
    let mut reaches: Vec<Reach> = creation
        .map(|seen| shown(&seen.effective))
        .unwrap_or_default();
    reaches.extend(observations.privilege.seen().map(held).unwrap_or_default());
    let dangerous = words(
        reaches.iter().filter(|reach| reach.access.is_dangerous()),
        |reach| &reach.what,
    );
    if !dangerous.is_empty() {
        let saw = format!("the container has {dangerous}");
        return Ok(Outcome::unmet(
            saw,
            WANTED,
            "find out what gives it, and remove that",
        ));
    }
    undecided_without_trials(&asks, &reaches)?;
    if record.run.scope == ScopeName::Offer {
        options.map_err(|_| unreadable())?;
        let saw = "createOptions ask for nothing beyond the engine's defaults (by their text alone; user and root file system show on a device)";
        return Ok(Outcome::met(saw, WANTED));
    }
    let creation = observations.creation.get()?;
    if let Some(refused) = &creation.refused {
        return Err(never_created(refused));
    }
    Ok(by_user_and_root(
        &creation.effective,
        observations.privilege.get()?,
    ))
}

fn asked_too_much(options: &CreateOptions, asks: &[Ask]) -> Option<Outcome> {
    let dangerous: Vec<Ask> = asks
        .iter()
        .filter(|ask| ask.access.is_dangerous())
        .cloned()
        .collect();
    let list: Vec<String> = dangerous
        .iter()
        .map(|ask| format!("{} ({})", ask.what, ask.pointer))
        .collect();
    if list.is_empty() {
        return None;
    }
    let outcome = Outcome::unmet(
        format!("createOptions ask for {}", list.join(", ")),
        WANTED,
        "remove these options; where the module needs one of them, ask for the narrowest that serves",
    );
    Some(removal(options, &dangerous, outcome))
}

/// The outcome with a JSON patch (RFC 6902) that removes what was asked for, last item of a list first.
pub(super) fn removal(options: &CreateOptions, asks: &[Ask], outcome: Outcome) -> Outcome {
    if !options.odd_spellings().is_empty() {
        return outcome;
    }
    let patch: Vec<serde_json::Value> = asks
        .iter()
        .rev()
        .map(|ask| json!({"op": "remove", "path": ask.pointer}))
        .collect();
    outcome.with_paste(json!(patch).to_string())
}

fn undecided_without_trials(asks: &[Ask], reaches: &[Reach]) -> Result<(), Unseen> {
    let asked = asks.iter();
    let asked = words(asked, |ask| &ask.what);
    let has = words(reaches.iter(), |reach| &reach.what);
    let list = if asked.is_empty() { has } else { asked };
    if list.is_empty() {
        return Ok(());
    }
    let because = format!(
        "whether the module needs {list} shows only when it is run without, and this run played no privilege trials"
    );
    Err(Unseen::new(Reason::Tool, because))
}

fn words<'a, T: 'a>(items: impl Iterator<Item = &'a T>, word: fn(&T) -> &String) -> String {
    let list: Vec<&str> = items.map(|item| word(item).as_str()).collect();
    list.join(", ")
}

fn by_user_and_root(effective: &EffectivePrivilege, live: &LivePrivilege) -> Outcome {
    let mut concerns = Vec::new();
    let mut mends = Vec::new();
    if live.uid == 0 {
        concerns.push("runs as root".to_owned());
        mends.push("name another user in the image or as User");
    }
    if !effective.readonly_rootfs {
        concerns.push("its root file system is writable".to_owned());
        mends.push("set HostConfig.ReadonlyRootfs, with tmpfs or a volume for what it writes");
    }
    if concerns.is_empty() {
        let saw = format!(
            "nothing beyond the engine's defaults; user {}, {} capabilities, read-only root file system",
            live.uid,
            live.capabilities.len()
        );
        return Outcome::met(saw, WANTED);
    }
    Outcome::concern(concerns.join("; "), WANTED, mends.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{OutcomeKind, Verdict};
    use crate::observation::{Creation, Observations, Observed};
    use crate::sample;

    fn asking(options: &str) -> Record {
        let mut record = sample::record();
        record.offer.plan.create_options = options.to_owned();
        record
    }

    fn creation(record: &mut Record) -> &mut Creation {
        match &mut record.observations.creation {
            Observed::Seen(creation) => creation,
            Observed::Unseen(_) => panic!("the sample has a creation"),
        }
    }

    fn live(record: &mut Record) -> &mut LivePrivilege {
        match &mut record.observations.privilege {
            Observed::Seen(live) => live,
            Observed::Unseen(_) => panic!("the sample has a live status"),
        }
    }

    #[test]
    fn a_plain_module_passes() {
        let outcome = judge(&sample::record()).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Met);
        assert!(outcome.saw.contains("user 1000"), "{}", outcome.saw);
    }

    #[test]
    fn power_over_the_host_fails_by_the_text_alone() {
        for host in [
            r#""Privileged": true"#,
            r#""PidMode": "host""#,
            r#""NetworkMode": "host""#,
            r#""Binds": ["/var/run/docker.sock:/var/run/docker.sock"]"#,
            r#""Binds": ["/var/log:/logs:ro"]"#,
            r#""CapAdd": ["SYS_ADMIN"]"#,
        ] {
            let mut record = asking(&format!(r#"{{"HostConfig": {{{host}}}}}"#));
            record.observations = Observations::default();
            assert_eq!(
                REQUIREMENT.finding(&record).verdict,
                Verdict::Fail,
                "{host}"
            );
        }
    }

    #[test]
    fn the_patch_removes_the_last_item_first() {
        let record = asking(
            r#"{"HostConfig": {"Binds": ["/a:/a", "data:/d", "/b:/b"], "ReadonlyRootfs": true}}"#,
        );
        assert_eq!(
            judge(&record).unwrap().paste.unwrap(),
            r#"[{"op":"remove","path":"/HostConfig/Binds/2"},{"op":"remove","path":"/HostConfig/Binds/0"}]"#
        );
    }

    #[test]
    fn what_the_engine_shows_fails_even_if_nothing_asked_for_it() {
        let mut record = sample::record();
        creation(&mut record).effective.binds = vec!["/etc:/e".to_owned()];
        let outcome = judge(&record).unwrap();
        assert_eq!(outcome.kind, OutcomeKind::Unmet);
        assert_eq!(outcome.saw, "the container has bind /etc:/e");

        let mut record = sample::record();
        live(&mut record).capabilities = vec!["CAP_SYS_PTRACE".to_owned()];
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Unmet);
    }

    #[test]
    fn root_or_a_writable_root_warns() {
        let mut record = sample::record();
        live(&mut record).uid = 0;
        creation(&mut record).effective.readonly_rootfs = false;
        let finding = REQUIREMENT.finding(&record);
        assert_eq!(finding.verdict, Verdict::Warn);
        assert_eq!(
            finding.saw,
            "runs as root; its root file system is writable"
        );
    }

    #[test]
    fn any_other_access_is_undecided_without_trials() {
        let mut published = sample::record();
        creation(&mut published).effective.published_ports = vec!["0.0.0.0:80->80/tcp".to_owned()];
        for record in [
            asking(r#"{"HostConfig": {"CapAdd": ["NET_ADMIN"], "ReadonlyRootfs": true}}"#),
            asking(r#"{"HostConfig": {"Devices": [{"PathOnHost": "/dev/video0"}]}}"#),
            asking(r#"{"HostConfig": {"SecurityOpt": ["seccomp=unconfined"]}}"#),
            published,
        ] {
            assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
        }
    }

    #[test]
    fn named_volumes_and_logging_are_undecided_without_trials() {
        let record = asking(
            r#"{"HostConfig": {"Binds": ["data:/d"], "LogConfig": {"Type": "local"}, "ReadonlyRootfs": true}}"#,
        );
        assert_eq!(judge(&record).unwrap_err().reason, Reason::Tool);
    }

    #[test]
    fn a_pass_needs_engine_and_process() {
        let spoil: [fn(&mut Record); 3] = [
            |record| record.observations.creation = Observed::default(),
            |record| record.observations.privilege = Observed::default(),
            |record| creation(record).refused = Some("invalid".to_owned()),
        ];
        for spoil in spoil {
            let mut record = sample::record();
            spoil(&mut record);
            assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
        }
    }

    #[test]
    fn in_offer_scope_the_text_decides_if_it_can_be_read() {
        let mut record = sample::record();
        record.run.scope = ScopeName::Offer;
        record.observations = Observations::default();
        assert_eq!(judge(&record).unwrap().kind, OutcomeKind::Met);
        record.offer.plan.create_options = "[]".to_owned();
        assert_eq!(judge(&record).unwrap_err().reason, Reason::InputMissing);
    }
}
