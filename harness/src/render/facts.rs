//! The run's circumstances as named rows: what was started, where, under which settings. Unseen facts say why.

use conformance::certificate::Certificate;
use conformance::observation::Observed;
use conformance::record::{Device, EngineFacts};
use conformance::report::Report;
use serde::Serialize;

use crate::render::{host, sizing, storage, words};

/// A titled list of rows.
#[derive(Debug, Serialize)]
pub struct Facts {
    /// What the rows speak of: `Candidate`, `Run`, `Device`, `Engine`.
    pub title: &'static str,
    /// Name and value; a fact that was not seen is left out or says why.
    pub rows: Vec<(&'static str, String)>,
}

/// Every group, in reading order.
#[must_use]
pub fn facts(report: &Report) -> Vec<Facts> {
    let mut facts = vec![
        Facts {
            title: "Candidate",
            rows: candidate(report),
        },
        Facts {
            title: "Run",
            rows: run(report),
        },
        Facts {
            title: "Device",
            rows: device(report),
        },
        Facts {
            title: "Engine",
            rows: engine(&report.device.engine),
        },
    ];
    let rows = storage::rows(report);
    if !rows.is_empty() {
        facts.push(Facts {
            title: "Storage",
            rows,
        });
    }
    let rows = sizing::rows(report);
    if !rows.is_empty() {
        facts.push(Facts {
            title: "Minimum search",
            rows,
        });
    }
    facts
}

fn candidate(report: &Report) -> Vec<(&'static str, String)> {
    let candidate = &report.candidate;
    let image = report.observations.image.seen();
    let pull = image.and_then(|image| image.pull);
    present([
        (
            "Reference",
            Some(candidate.reference.clone()).filter(|text| !text.is_empty()),
        ),
        ("Manifest digest", candidate.manifest_digest.clone()),
        ("Image id", candidate.image_id.clone()),
        (
            "Platform",
            candidate.platform.as_ref().map(ToString::to_string),
        ),
        ("Source", candidate.source.clone()),
        ("Cold pull", pull.map(|took| took.to_string())),
    ])
}

fn run(report: &Report) -> Vec<(&'static str, String)> {
    let run = &report.run;
    let profile = &run.profile;
    present([
        ("Id", Some(run.id.clone())),
        (
            "Started",
            Some(run.started.clone()).filter(|text| !text.is_empty()),
        ),
        ("Finished", run.finished.clone()),
        (
            "Profile",
            Some(format!(
                "{}: {}, a window of {}, {} to become healthy",
                words::profile(profile.name),
                words::number(profile.starts as usize, "cold start"),
                profile.window,
                profile.start_budget
            )),
        ),
        ("Edition", Some(words::edition(run.edition).to_owned())),
        ("Catalogue", Some(run.catalogue.clone())),
        (
            "Data",
            Some(words::data(&report.data)).filter(|text| !text.is_empty()),
        ),
        (
            "Certified before",
            report.certified.as_ref().map(Certificate::in_words),
        ),
        (
            "Probe",
            Some(run.agent.clone()).filter(|text| !text.is_empty()),
        ),
        (
            "Reserve",
            Some(format!("{} ({})", run.reserve.memory, run.reserve.source)),
        ),
    ])
}

fn device(report: &Report) -> Vec<(&'static str, String)> {
    let device: &Device = &report.device;
    let mut rows = present([
        ("Board", device.board.clone()),
        ("System", device.os.clone()),
        ("Kernel", device.kernel.clone()),
        ("Architecture", device.architecture.clone()),
        ("CPU", device.cpu_model.clone()),
        ("Cores", device.cores.map(|cores| cores.to_string())),
        ("Memory", device.memory.map(|memory| memory.to_string())),
        ("Swap", device.swap.map(|swap| swap.to_string())),
    ]);
    if device.emulated {
        rows.push((
            "Emulated",
            "yes: times and CPU use say nothing about a real board".to_owned(),
        ));
    }
    let cgroup = &device.cgroup;
    for (name, version) in [
        ("Memory controller", &cgroup.memory),
        ("CPU controller", &cgroup.cpu),
        ("Process controller", &cgroup.pids),
    ] {
        rows.push((
            name,
            observed(version, |version| format!("cgroup v{version}")),
        ));
    }
    rows.extend(host::rows(&device.host));
    let others = host::other_load(&report.observations.noise);
    rows.extend(others.map(|words| ("Other load", words)));
    rows
}

fn engine(engine: &Observed<EngineFacts>) -> Vec<(&'static str, String)> {
    let Some(facts) = engine.seen() else {
        return vec![("Engine", observed(engine, |facts| facts.name.clone()))];
    };
    let list = |items: &[String]| Some(items.join(", ")).filter(|text| !text.is_empty());
    let yes_no = |yes: bool| Some(if yes { "yes" } else { "no" }.to_owned());
    present([
        ("Engine", Some(format!("{} {}", facts.name, facts.version))),
        ("API", Some(facts.api_version.clone())),
        ("Platform", Some(facts.platform.to_string())),
        ("Storage driver", Some(facts.storage_driver.clone())),
        (
            "Image store",
            facts.image_store.map(|store| store.words().to_owned()),
        ),
        ("File system", facts.backing_filesystem.clone()),
        (
            "Cgroup",
            Some(format!(
                "v{} by {}",
                facts.cgroup_version, facts.cgroup_driver
            )),
        ),
        ("Can limit memory", yes_no(facts.memory_limit)),
        ("Can limit CPU", yes_no(facts.cpu_quota)),
        ("Can limit swap", facts.swap_limit.and_then(yes_no)),
        ("Security", list(&facts.security_options)),
        ("Warnings", list(&facts.warnings)),
    ])
}

fn present<const N: usize>(
    rows: [(&'static str, Option<String>); N],
) -> Vec<(&'static str, String)> {
    rows.into_iter()
        .filter_map(|(name, value)| value.map(|value| (name, value)))
        .collect()
}

fn observed<T>(fact: &Observed<T>, show: impl Fn(&T) -> String) -> String {
    match fact {
        Observed::Seen(fact) => show(fact),
        Observed::Unseen(unseen) => format!(
            "unseen ({}): {}",
            words::reason(unseen.reason),
            unseen.because
        ),
    }
}
