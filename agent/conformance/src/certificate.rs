//! An earlier certification of an offer, as far as it takes to say whether it still holds.

use serde::{Deserialize, Serialize};

use crate::data::DataFile;
use crate::inputs::{Input, inputs};
use crate::offer::Offer;
use crate::record::Edition;
use crate::report::{Report, RunVerdict};

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

#[cfg(test)]
mod tests {
    use super::*;
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
