//! The identifier by which the marketplace counts instances of an SDK module.

use super::{UNOBSERVED, current, note_2018};
use crate::requirement::{Force, Forces, Requirement, Stage};

pub(crate) const TEL_01: Requirement = Requirement {
    id: "IEM-TEL-01",
    slug: "product-info-names-the-plan",
    title: "ProductInfo names publisher, offer and plan",
    force: Forces {
        current: Force::Must,
        edition_2018: Force::Info,
    },
    stages: &[Stage::Device],
    sources: &[current("Telemetry")],
    statement: "A module built on the SDK sets ProductInfo to PublisherId.OfferId.SkuId before it connects.",
    remedy: "Set ProductInfo (or product_info, productInfo) to publisher, offer and plan id joined by dots.",
    ..UNOBSERVED
};

pub(crate) const TEL_02: Requirement = Requirement {
    id: "IEM-TEL-02",
    slug: "product-info-is-the-assigned-name",
    title: "ProductInfo is the name assigned at ingestion",
    force: Forces {
        current: Force::Info,
        edition_2018: Force::Must,
    },
    stages: &[Stage::Device],
    sources: &[note_2018("Telemetry")],
    statement: "In the edition of 2018 a module built on the SDK identifies itself with the container name that the marketplace assigned.",
    remedy: "Set ProductInfo to the container name assigned at ingestion.",
    ..UNOBSERVED
};
