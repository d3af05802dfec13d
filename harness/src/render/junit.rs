//! A report as JUnit XML, for build servers: one test suite, one test case per finding.

use conformance::finding::{Finding, Verdict};
use conformance::report::Report;
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use crate::render::left_out;
use crate::render::next::is_precondition;
use crate::render::words;

/// The whole report.
///
/// A failed must is a failure; an undecided or unanswered finding in scope is an error; a granted failure and what
/// stands outside the scope are skipped; a warning is a success with its words on standard output.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut suite = TestSuite::new(report.headline());
    for (name, value) in properties(report) {
        suite.add_property(Property::new(name, value));
    }
    suite.add_test_cases(
        report
            .findings
            .iter()
            .map(|finding| test_case(report, finding)),
    );
    let mut document = quick_junit::Report::new(format!("edgeproof {}", report.offer.listing.name));
    document.add_test_suite(suite);
    document
        .to_string()
        .expect("quick-junit writes to memory and drops characters that XML forbids")
}

fn properties(report: &Report) -> Vec<(&'static str, String)> {
    let offer = &report.offer;
    let mut properties = vec![
        ("verdict", report.verdict.word().to_owned()),
        ("scope", words::scope(report.scope.name).to_owned()),
        (
            "assessed",
            format!("{} of {}", report.scope.assessed, report.scope.total),
        ),
        ("certifying", report.run.certifying.to_string()),
        (
            "profile",
            words::profile(report.run.profile.name).to_owned(),
        ),
        ("edition", words::edition(report.run.edition).to_owned()),
        ("catalogue", report.run.catalogue.clone()),
        (
            "offer",
            format!(
                "{}.{}.{}",
                offer.publisher_id, offer.offer_id, offer.plan_id
            ),
        ),
        ("image", report.candidate.reference.clone()),
        ("run", report.run.id.clone()),
    ];
    if !report.run.certifying {
        properties.push(("notice", words::CUSTOM_NOTICE.to_owned()));
    }
    let data = words::data(&report.data);
    properties.extend((!data.is_empty()).then_some(("data", data)));
    properties.extend(left_out::notice(report).map(|notice| ("left-out", notice)));
    properties
}

fn test_case(report: &Report, finding: &Finding) -> TestCase {
    let mut case = TestCase::new(
        format!("{} {}", finding.id, finding.title),
        status(report, finding),
    );
    case.set_classname(format!(
        "{}.{}",
        if is_precondition(finding) {
            "precondition"
        } else {
            words::scope(report.scope.name)
        },
        finding.slug
    ));
    if finding.verdict == Verdict::Warn {
        case.set_system_out(body(finding));
    }
    case
}

fn status(report: &Report, finding: &Finding) -> TestCaseStatus {
    let message = format!("{}: {}", words::qualified(finding), finding.saw);
    if !finding.in_scope {
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!(
            "outside the {} scope; {message}",
            words::scope(report.scope.name)
        ));
        return status;
    }
    let mut status = match finding.verdict {
        Verdict::Pass | Verdict::Warn => return TestCaseStatus::success(),
        Verdict::NotApplicable => TestCaseStatus::skipped(),
        Verdict::Fail if finding.granted.is_some() => TestCaseStatus::skipped(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Manual | Verdict::Inconclusive => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    status.set_message(message);
    status.set_type(words::qualified(finding));
    status.set_description(body(finding));
    status
}

pub(super) fn body(finding: &Finding) -> String {
    let mut lines = vec![
        format!("saw: {}", finding.saw),
        format!("wanted: {}", finding.wanted),
    ];
    lines.extend(finding.remedy.iter().map(|text| format!("mend: {text}")));
    lines.extend(finding.paste.iter().map(|text| format!("paste:\n{text}")));
    lines.extend(finding.granted.iter().map(|grant| {
        format!(
            "granted by {} until {}: {}",
            grant.by, grant.expires, grant.reason
        )
    }));
    lines.join("\n")
}
