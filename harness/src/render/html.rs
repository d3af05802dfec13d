//! A report as one self-contained page: no script, nothing fetched, every text of offer and candidate escaped.
//!
//! The page's content-security policy allows its own style sheet by digest and nothing else, so even text that
//! escaped the escaping could neither run nor load anything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conformance::finding::{Finding, Verdict};
use conformance::offer::Offer;
use conformance::record::Deviation;
use conformance::report::{Counts, Report};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::render::chart;
use crate::render::facts;
use crate::render::left_out;
use crate::render::next::{blockers, is_precondition};
use crate::render::words;
use crate::render::{edge, egress, faults, links};

const PAGE: &str = include_str!("html/report.html");
/// How one finding is shown; both pages import it.
const FINDING: &str = include_str!("html/finding.html");
pub(super) const STYLE: &str = include_str!("html/style.css");

/// The whole page.
///
/// # Panics
/// Never: the template is part of the program, and the tests render it with every kind of finding.
#[must_use]
pub fn render(report: &Report) -> String {
    filled(PAGE, STYLE, page(report))
}

/// A page's template filled in, with its style sheet and the policy that allows nothing else.
///
/// # Panics
/// The template is not well-formed or asks for what the page does not have; the tests render every template.
pub(super) fn filled(template: &'static str, style: &str, page: impl Serialize) -> String {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the delimiters are the usual ones");
    environment.set_syntax(syntax);
    for (name, source) in [("finding.html", FINDING), ("page.html", template)] {
        environment
            .add_template(name, source)
            .expect("the template is well-formed");
    }
    let template = environment
        .get_template("page.html")
        .expect("it was added above");
    template
        .render(context! {
            style => style,
            style_digest => STANDARD.encode(Sha256::digest(style)),
            report => Value::from(Serde(page)),
        })
        .expect("the template uses only what its page has")
}

/// What the template shows, in words.
#[derive(Debug, Serialize)]
struct Page {
    title: String,
    names: String,
    headline: String,
    verdict: &'static str,
    verdict_mark: &'static str,
    verdict_means: String,
    custom: Option<&'static str>,
    left_out: Option<String>,
    scope: &'static str,
    assessed: usize,
    total: usize,
    run_line: String,
    tallies: Vec<Tally>,
    blockers: Vec<Item>,
    charts: Vec<chart::Chart>,
    curves: Vec<chart::Curve>,
    groups: Vec<Group>,
    measurements: Vec<MeasurementRow>,
    sections: Vec<Section>,
    deviations: Vec<DeviationRow>,
    facts: Vec<facts::Facts>,
    observations: Vec<Observation>,
}

/// How many findings in scope came to one verdict.
#[derive(Debug, Serialize)]
pub(super) struct Tally {
    class: &'static str,
    mark: &'static str,
    word: &'static str,
    count: usize,
}

/// Findings under one heading.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    class: &'static str,
    title: &'static str,
    open: bool,
    items: Vec<Item>,
}

/// One finding.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    id: String,
    title: String,
    slug: String,
    class: &'static str,
    mark: &'static str,
    verdict: String,
    force: &'static str,
    stages: String,
    reason_means: Option<&'static str>,
    saw: String,
    wanted: String,
    remedy: Option<String>,
    paste: Option<String>,
    granted: Option<String>,
    partner: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MeasurementRow {
    name: String,
    title: String,
    phase: String,
    value: String,
    n: usize,
    low: String,
    high: String,
    method: String,
}

#[derive(Debug, Serialize)]
struct DeviationRow {
    kind: &'static str,
    against: bool,
    what: String,
    reason: String,
    default: String,
    used: String,
}

#[derive(Debug, Serialize)]
struct Observation {
    name: String,
    json: String,
}

fn page(report: &Report) -> Page {
    let offer = &report.offer;
    Page {
        title: offer.listing.name.clone(),
        names: format!(
            "{}.{}.{}",
            offer.publisher_id, offer.offer_id, offer.plan_id
        ),
        headline: report.headline(),
        verdict: report.verdict.word(),
        verdict_mark: words::verdict_mark(report.verdict),
        verdict_means: words::verdict_means(report),
        custom: (!report.run.certifying).then_some(words::CUSTOM_NOTICE),
        left_out: left_out::notice(report),
        scope: words::scope(report.scope.name),
        assessed: report.scope.assessed,
        total: report.scope.total,
        run_line: run_line(report),
        tallies: tallies(report.counts),
        blockers: blockers(report)
            .into_iter()
            .map(|finding| item(offer, finding))
            .collect(),
        charts: chart::charts(report),
        curves: chart::curves(report),
        groups: groups(offer, &report.findings),
        measurements: measurements(report),
        sections: sections(report),
        deviations: report.deviations.iter().map(deviation).collect(),
        facts: facts::facts(report),
        observations: observations(report),
    }
}

/// Tables under one heading.
#[derive(Debug, Serialize)]
struct Section {
    id: &'static str,
    heading: &'static str,
    tables: Vec<edge::Table>,
}

fn sections(report: &Report) -> Vec<Section> {
    let all = [
        ("edge", edge::HEADING, edge::tables(report)),
        ("egress", egress::HEADING, egress::tables(report)),
        ("faults", faults::HEADING, faults::tables(report)),
        ("links", links::HEADING, links::tables(report)),
    ];
    all.into_iter()
        .filter(|(_, _, tables)| !tables.is_empty())
        .map(|(id, heading, tables)| Section {
            id,
            heading,
            tables,
        })
        .collect()
}

fn run_line(report: &Report) -> String {
    let mut parts = vec![report.candidate.reference.clone()];
    parts.extend(report.candidate.platform.as_ref().map(ToString::to_string));
    parts.extend(report.device.board.clone());
    parts.push(format!(
        "profile {}",
        words::profile(report.run.profile.name)
    ));
    parts.push(report.run.started.clone());
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

pub(super) fn tallies(counts: Counts) -> Vec<Tally> {
    let all = [
        ("fail", Verdict::Fail, "failed", counts.fail),
        ("granted", Verdict::Fail, "granted", counts.granted),
        (
            "inconclusive",
            Verdict::Inconclusive,
            "undecided",
            counts.inconclusive,
        ),
        ("manual", Verdict::Manual, "for a person", counts.manual),
        ("warn", Verdict::Warn, "warned", counts.warn),
        ("pass", Verdict::Pass, "passed", counts.pass),
        (
            "not-applicable",
            Verdict::NotApplicable,
            "not applicable",
            counts.not_applicable,
        ),
    ];
    all.into_iter()
        .filter(|(_, _, _, count)| *count > 0)
        .map(|(class, verdict, word, count)| Tally {
            class,
            mark: words::mark(verdict),
            word,
            count,
        })
        .collect()
}

/// Findings by what they ask of the reader: work first, then what is settled, then what this run does not speak of.
pub(super) fn groups(offer: &Offer, findings: &[Finding]) -> Vec<Group> {
    let mut groups: Vec<Group> = [
        ("fail", "Failed", true),
        ("inconclusive", "Undecided", true),
        ("manual", "For a person", true),
        ("warn", "Warned", true),
        ("granted", "Failed, granted by the lab", true),
        ("pass", "Passed", false),
        ("not-applicable", "Not applicable", false),
        ("precondition", "Preconditions of device and probe", false),
        ("outside", "Outside this scope", false),
    ]
    .map(|(class, title, open)| Group {
        class,
        title,
        open,
        items: Vec::new(),
    })
    .into();
    for finding in findings {
        let class = group_of(finding);
        if let Some(group) = groups.iter_mut().find(|group| group.class == class) {
            group.items.push(item(offer, finding));
        }
    }
    groups.retain(|group| !group.items.is_empty());
    groups
}

fn group_of(finding: &Finding) -> &'static str {
    if is_precondition(finding) {
        "precondition"
    } else if !finding.in_scope {
        "outside"
    } else if finding.verdict == Verdict::Fail && finding.granted.is_some() {
        "granted"
    } else {
        finding.verdict.word()
    }
}

pub(super) fn item(offer: &Offer, finding: &Finding) -> Item {
    Item {
        id: finding.id.clone(),
        title: finding.title.clone(),
        slug: finding.slug.clone(),
        class: finding.verdict.word(),
        mark: words::mark(finding.verdict),
        verdict: words::qualified(finding),
        force: words::force(finding.force),
        stages: words::stages(&finding.stages),
        reason_means: finding.reason.map(words::reason_means),
        saw: finding.saw.clone(),
        wanted: finding.wanted.clone(),
        remedy: finding.remedy.clone(),
        paste: finding.paste.clone(),
        granted: finding.granted.as_ref().map(|grant| {
            format!(
                "granted by {} on {}, until {}: {}",
                grant.by, grant.on, grant.expires, grant.reason
            )
        }),
        partner: partners_words(offer, &finding.id),
    }
}

/// The partner's own statements about a requirement. They never change a verdict; the report shows them beside it.
fn partners_words(offer: &Offer, id: &str) -> Vec<String> {
    let attested = offer
        .attestations
        .get(id)
        .map(|one| format!("attested by {} on {}: {}", one.by, one.on, one.statement));
    let asked = offer
        .waiver_requests
        .iter()
        .filter(|request| request.id == id)
        .map(|request| format!("asks for an exception: {}", request.reason));
    attested.into_iter().chain(asked).collect()
}

fn measurements(report: &Report) -> Vec<MeasurementRow> {
    report
        .measurements
        .iter()
        .map(|one| MeasurementRow {
            name: one.name.clone(),
            title: words::measurement_title(&one.name).to_owned(),
            phase: one.phase.clone(),
            value: words::quantity(one.value, &one.unit),
            n: one.n,
            low: words::quantity(one.low, &one.unit),
            high: words::quantity(one.high, &one.unit),
            method: one.method.clone(),
        })
        .collect()
}

fn deviation(one: &Deviation) -> DeviationRow {
    DeviationRow {
        kind: words::deviation(one.kind),
        against: words::counts_against_the_offer(one.kind),
        what: one.what.clone(),
        reason: one.reason.clone(),
        default: one.default.to_string(),
        used: one.used.to_string(),
    }
}

/// The record's observations, one foldable block each, in the record's order.
fn observations(report: &Report) -> Vec<Observation> {
    let value = serde_json::to_value(&report.observations)
        .expect("observations have string keys and no failing parts");
    let serde_json::Value::Object(map) = value else {
        return Vec::new();
    };
    map.into_iter()
        .map(|(name, value)| Observation {
            name,
            json: serde_json::to_string_pretty(&value).expect("a JSON value can be written"),
        })
        .collect()
}
