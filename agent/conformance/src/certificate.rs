//! An earlier certification of an offer, as far as it takes to say whether it still holds.

use serde::{Deserialize, Serialize};

use crate::data::DataFile;
use crate::inputs::{Input, inputs};
use crate::offer::Offer;
use crate::record::Edition;
use crate::report::{Report, RunVerdict};
use crate::requirements::visited::{self, Standing};

/// What an earlier report certified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// Id of its run.
    pub run: String,
    /// When the run ended, RFC 3339.
    pub finished: Option<String>,
    /// Edition of the programme.
    pub edition: Edition,
    /// Version of the catalogue that judged.
    pub catalogue: String,
    /// Manifest digest of the image that ran, else its id.
    pub image: Option<String>,
    /// The offer's parts by digest.
    pub inputs: Vec<Input>,
    /// The data that judged; none where the report does not say.
    pub data: Vec<DataFile>,
    /// How the offer's links stood; none where that run visited none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkBefore>,
}

/// A link as an earlier check found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct LinkBefore {
    /// As it stood in the offer.
    pub url: String,
    /// The last check that told whether a page was there, RFC 3339.
    pub at: String,
    /// The check that found it dead first, where none found it working since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_since: Option<String>,
}

impl Certificate {
    /// What a report certifies for an offer.
    ///
    /// # Errors
    /// Every reason why it certifies nothing for it, after a JSON pointer into the report.
    pub fn of(report: &Report, offer: &Offer) -> Result<Certificate, Vec<String>> {
        let mut mistakes = Vec::new();
        if report.verdict != RunVerdict::Conformant {
            mistakes.push(format!(
                "/verdict: `{}`; only what was conformant is a certificate",
                report.verdict.word()
            ));
        }
        if !report.run.certifying {
            mistakes.push("/run/certifying: false; such a run certifies nothing".to_owned());
        }
        let before = &report.offer;
        for (pointer, was, is) in [
            (
                "/offer/publisherId",
                &before.publisher_id,
                &offer.publisher_id,
            ),
            ("/offer/offerId", &before.offer_id, &offer.offer_id),
            ("/offer/planId", &before.plan_id, &offer.plan_id),
        ] {
            if was != is {
                mistakes.push(format!("{pointer}: `{was}`, and this offer has `{is}`"));
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let candidate = &report.candidate;
        Ok(Certificate {
            run: report.run.id.clone(),
            finished: report.run.finished.clone(),
            edition: report.run.edition,
            catalogue: report.run.catalogue.clone(),
            image: candidate
                .manifest_digest
                .clone()
                .or_else(|| candidate.image_id.clone()),
            // By this version's rules: the offer stands in the report, and digests of other rules would all differ.
            inputs: inputs(before),
            data: report.data.iter().map(DataFile::named).collect(),
            links: links(report),
        })
    }

    /// `run abc, finished 2026-11-20T09:02:00Z`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match &self.finished {
            Some(finished) => format!("run {}, finished {finished}", self.run),
            None => format!("run {}", self.run),
        }
    }
}

/// The links of a report. One of which it could not tell stands as the certificate before it has it.
fn links(report: &Report) -> Vec<LinkBefore> {
    let earlier = |url: &str| {
        let mut links = report.certified.iter().flat_map(|before| &before.links);
        links.find(|link| link.url == url)
    };
    let visits = report.observations.links.seen().into_iter().flatten();
    let links = visits.filter_map(|visit| {
        let before = earlier(&visit.url);
        let now = |dead_since| LinkBefore {
            url: visit.url.clone(),
            at: visit.at.clone(),
            dead_since,
        };
        match visited::of_visit(visit) {
            Standing::Works(_) => Some(now(None)),
            Standing::Dead(_) => {
                let since = before.and_then(|link| link.dead_since.as_ref());
                Some(now(Some(since.unwrap_or(&visit.at).clone())))
            }
            Standing::NotVisited(_) | Standing::Open(_) | Standing::Untried(_) => before.cloned(),
        }
    });
    links.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{LinkFailureKind, Observed};
    use crate::requirements::CATALOGUE;
    use crate::sample;

    #[test]
    fn a_conformant_report_certifies_its_offer() {
        let report = Report::judge(sample::record(), CATALOGUE);
        let certificate = Certificate::of(&report, &sample::record().offer).unwrap();
        assert_eq!(
            certificate.in_words(),
            "run sample-1, finished 2026-11-20T09:02:00Z"
        );
        assert_eq!(certificate.inputs, report.inputs);
        assert_eq!(certificate.data.len(), 2);
    }

    #[test]
    fn a_link_is_dead_since_the_check_that_found_it_so_first() {
        let url = "https://contoso.com/a";
        let certificate = |end, before: Option<Certificate>, at: &str| {
            let mut record = sample::visiting(url, end);
            let mut visit = sample::visit(url, sample::answering(200));
            if let Observed::Seen(visits) = &mut record.observations.links {
                visit.end = visits[0].end.clone();
                at.clone_into(&mut visit.at);
                visits[0] = visit;
            }
            record.certified = before;
            let report = Report {
                verdict: RunVerdict::Conformant,
                ..Report::judge(record, CATALOGUE)
            };
            Certificate::of(&report, &sample::record().offer).unwrap()
        };
        let since = |certificate: &Certificate| certificate.links[0].dead_since.clone();
        let first = certificate(sample::answering(404), None, "2026-11-20T09:00:00Z");
        assert_eq!(since(&first).unwrap(), "2026-11-20T09:00:00Z");
        let open = sample::failing(LinkFailureKind::Slow);
        let second = certificate(open, Some(first.clone()), "2026-11-21T09:00:00Z");
        assert_eq!(second.links, first.links);
        let third = certificate(sample::answering(404), Some(second), "2026-11-22T09:00:00Z");
        assert_eq!(since(&third).unwrap(), "2026-11-20T09:00:00Z");
        assert_eq!(third.links[0].at, "2026-11-22T09:00:00Z");
        let fourth = certificate(sample::answering(200), Some(third), "2026-11-23T09:00:00Z");
        assert_eq!(since(&fourth), None);
    }

    #[test]
    fn what_was_not_conformant_or_of_another_offer_certifies_nothing() {
        let mut record = sample::record();
        record.run.certifying = false;
        record.offer.listing.terms_of_use_url = None;
        let report = Report::judge(record, CATALOGUE);
        let mut other = sample::record().offer;
        other.plan_id = "pro".to_owned();
        let mistakes = Certificate::of(&report, &other).unwrap_err();
        let places: Vec<&str> = mistakes
            .iter()
            .filter_map(|mistake| mistake.split(':').next())
            .collect();
        assert_eq!(places, ["/verdict", "/run/certifying", "/offer/planId"]);
    }
}
