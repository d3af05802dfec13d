//! A dossier as JUnit XML, for build servers: one test suite per device, and one for what only several devices show.

use conformance::dossier::{Cell, DeviceRow, Dossier, MatrixRow};
use conformance::finding::{Finding, Verdict};
use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::{fleet_alone, notices, offer_names};
use crate::render::junit::body;

/// The whole dossier. A failed must is a failure, an undecided or unanswered one an error; a granted failure and what does
/// not apply or stands outside the scope are skipped; a warning is a success.
///
/// # Panics
/// Never: quick-junit writes to memory.
#[must_use]
pub fn render(dossier: &Dossier) -> String {
    let mut document =
        quick_junit::Report::new(format!("edgeproof {}", dossier.offer.listing.name));
    for (index, row) in dossier.devices.iter().enumerate() {
        document.add_test_suite(device_suite(dossier, index, row));
    }
    document.add_test_suite(fleet_suite(dossier));
    document
        .to_string()
        .expect("quick-junit writes to memory and drops characters that XML forbids")
}

fn device_suite(dossier: &Dossier, index: usize, device: &DeviceRow) -> TestSuite {
    let mut suite = TestSuite::new(format!("{}: {}", device.device, device.headline));
    suite.add_property(Property::new("verdict", device.verdict.word()));
    suite.add_property(Property::new("run", device.run.run.clone()));
    suite.add_property(Property::new("emulated", device.run.emulated.to_string()));
    suite.add_test_cases(
        dossier
            .matrix
            .iter()
            .filter_map(|row| Some(cell_case(row, row.cells.get(index)?))),
    );
    suite
}

fn cell_case(row: &MatrixRow, cell: &Cell) -> TestCase {
    let mut case = TestCase::new(
        format!("{} {}", row.id, row.title),
        status(cell.verdict, cell.granted, &cell.saw),
    );
    case.set_classname(format!("device.{}", cell.device));
    case
}

fn fleet_suite(dossier: &Dossier) -> TestSuite {
    let mut suite = TestSuite::new(dossier.headline());
    suite.add_property(Property::new("verdict", dossier.verdict.word()));
    suite.add_property(Property::new("offer", offer_names(dossier)));
    for notice in notices(dossier) {
        suite.add_property(Property::new("notice", notice));
    }
    suite.add_test_cases(fleet_alone(dossier).into_iter().map(fleet_case));
    suite
}

fn fleet_case(finding: &Finding) -> TestCase {
    let mut status = if finding.in_scope {
        status(finding.verdict, finding.granted.is_some(), &finding.saw)
    } else {
        let mut skipped = TestCaseStatus::skipped();
        skipped.set_message(format!("outside the fleet scope; {}", finding.saw));
        skipped
    };
    if !matches!(finding.verdict, Verdict::Pass | Verdict::Warn) {
        status.set_description(body(finding));
    }
    let mut case = TestCase::new(format!("{} {}", finding.id, finding.title), status);
    case.set_classname(format!("fleet.{}", finding.slug));
    if finding.verdict == Verdict::Warn {
        case.set_system_out(body(finding));
    }
    case
}

fn status(verdict: Verdict, granted: bool, saw: &str) -> TestCaseStatus {
    let mut status = match verdict {
        Verdict::Pass | Verdict::Warn => return TestCaseStatus::success(),
        Verdict::NotApplicable => TestCaseStatus::skipped(),
        Verdict::Fail if granted => TestCaseStatus::skipped(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Manual | Verdict::Inconclusive => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    status.set_message(format!("{}: {saw}", verdict.word()));
    status.set_type(verdict.word());
    status
}
