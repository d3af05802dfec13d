//! The catalogue: one file per judged requirement, in the programme's order.

use crate::requirement::Requirement;

mod attested;
mod cat_01;
mod cfg_01;
mod cfg_02;
mod cfg_03;
mod cfg_04;
mod cfg_05;
mod cfg_06;
mod cfg_07;
mod cfg_08;
mod cold_starts;
mod cont_01;
mod cont_02;
mod cpu_claim;
mod customer_values;
mod default_texts;
mod dev_01;
mod dev_02;
mod dev_03;
mod direct_hub;
mod doc_01;
mod doc_02;
mod edge_health;
mod edge_use;
mod engine_api;
mod envelope;
mod fleet_runs;
mod grace;
mod growth;
mod hardware_draft;
mod hw_01;
mod hw_02;
mod hw_03;
mod hw_04;
mod hw_05;
mod hw_06;
mod hw_07;
mod hw_08;
mod leg_01;
mod leg_02;
mod leg_03;
mod leg_04;
mod leg_05;
mod links;
mod mentions;
mod not_observed;
mod packages_seen;
mod plat_01;
mod plat_02;
mod plat_03;
mod plat_04;
mod plat_05;
mod plat_06;
mod pre_01;
mod pre_02;
mod pre_03;
mod pre_04;
mod pre_05;
mod pre_06;
mod pre_07;
mod pre_08;
mod pub_01;
mod pub_02;
mod ram_claim;
mod reg_01;
mod reg_02;
mod reg_03;
mod reg_04;
mod remarks;
mod repository_images;
mod repository_tags;
mod route_endpoints;
mod route_use;
mod sdk_01;
mod sec_01;
mod sec_02;
mod sec_03;
mod sec_04;
mod settings;
mod settings_skeleton;
mod stays_up;
mod storage_quota;
mod sup_01;
mod sup_02;
mod tag_01;
mod tag_02;
mod tag_03;
mod tag_04;
mod tag_05;
mod tag_06;
mod tag_07;
mod tel_01;
mod tel_02;
mod tel_03;
mod tier_1;
mod unknown_key;
mod upd_01;
mod upd_02;
mod upd_03;
mod use_01;
pub(crate) mod visited;
mod workload_calls;

use not_observed::configuration;

/// Version of the catalogue; part of every report.
pub const VERSION: &str = "2026-11";

/// Every requirement and precondition, in the programme's order.
pub const CATALOGUE: &[Requirement] = &[
    cont_01::REQUIREMENT,
    cont_02::REQUIREMENT,
    plat_01::REQUIREMENT,
    plat_02::REQUIREMENT,
    plat_03::REQUIREMENT,
    plat_04::REQUIREMENT,
    plat_05::REQUIREMENT,
    plat_06::REQUIREMENT,
    dev_01::REQUIREMENT,
    dev_02::REQUIREMENT,
    dev_03::REQUIREMENT,
    hw_01::REQUIREMENT,
    hw_02::REQUIREMENT,
    hw_03::REQUIREMENT,
    hw_04::REQUIREMENT,
    hw_05::REQUIREMENT,
    hw_06::REQUIREMENT,
    hw_07::REQUIREMENT,
    hw_08::REQUIREMENT,
    cfg_01::REQUIREMENT,
    cfg_02::REQUIREMENT,
    cfg_03::REQUIREMENT,
    cfg_04::REQUIREMENT,
    cfg_05::REQUIREMENT,
    cfg_06::REQUIREMENT,
    cfg_07::REQUIREMENT,
    cfg_08::REQUIREMENT,
    configuration::CFG_09,
    doc_01::REQUIREMENT,
    doc_02::REQUIREMENT,
    tag_01::REQUIREMENT,
    tag_02::REQUIREMENT,
    tag_03::REQUIREMENT,
    tag_04::REQUIREMENT,
    tag_05::REQUIREMENT,
    tag_06::REQUIREMENT,
    tag_07::REQUIREMENT,
    reg_01::REQUIREMENT,
    reg_02::REQUIREMENT,
    reg_03::REQUIREMENT,
    reg_04::REQUIREMENT,
    tel_01::REQUIREMENT,
    tel_02::REQUIREMENT,
    tel_03::REQUIREMENT,
    sdk_01::REQUIREMENT,
    sec_01::REQUIREMENT,
    sec_02::REQUIREMENT,
    sec_03::REQUIREMENT,
    sec_04::REQUIREMENT,
    upd_01::REQUIREMENT,
    upd_02::REQUIREMENT,
    upd_03::REQUIREMENT,
    use_01::REQUIREMENT,
    leg_01::REQUIREMENT,
    leg_02::REQUIREMENT,
    leg_03::REQUIREMENT,
    leg_04::REQUIREMENT,
    leg_05::REQUIREMENT,
    sup_01::REQUIREMENT,
    sup_02::REQUIREMENT,
    cat_01::REQUIREMENT,
    pub_01::REQUIREMENT,
    pub_02::REQUIREMENT,
    pre_01::REQUIREMENT,
    pre_02::REQUIREMENT,
    pre_03::REQUIREMENT,
    pre_04::REQUIREMENT,
    pre_05::REQUIREMENT,
    pre_06::REQUIREMENT,
    pre_07::REQUIREMENT,
    pre_08::REQUIREMENT,
];

#[cfg(test)]
mod tests;
#[cfg(test)]
mod total;
