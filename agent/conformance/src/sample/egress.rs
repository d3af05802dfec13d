//! The sample module as one that goes elsewhere too.

use super::*;
use crate::observation::{AskedName, Egress, NameAnswer, Names, Remotes};

/// The record of a module that asked for these names, once each, and found nothing.
pub(crate) fn asking(mut record: Record, names: &[&str]) -> Record {
    let asked = names.iter().map(|name| AskedName {
        at: Millis(4_100),
        name: (*name).to_owned(),
        times: 1,
        answer: NameAnswer::NoSuchName,
        addresses: Vec::new(),
    });
    record.observations.egress = Observed::Seen(Egress {
        hermetic: false,
        names: Observed::Seen(Names {
            asked: asked.collect(),
            further: 0,
        }),
        remotes: Observed::Seen(Remotes::default()),
    });
    record
}
