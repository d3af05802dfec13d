//! The bodies that come out, against golden JSON read in review.

use super::*;
use crate::sample;
use crate::storage_quota::StorageQuota;
use crate::units::Bytes;

/// The spec for the sample offer with these createOptions, and the offer spoilt by `spoil`.
fn spec(options: &Value, bounds: Bounds<'_>, spoil: impl FnOnce(&mut Offer)) -> CandidateSpec {
    spec_on(options, bounds, spoil, |_| {})
}

/// The same on a network that `place` changes.
fn spec_on(
    options: &Value,
    bounds: Bounds<'_>,
    spoil: impl FnOnce(&mut Offer),
    place: impl FnOnce(&mut Launch<'_>),
) -> CandidateSpec {
    let mut record = sample::record();
    spoil(&mut record.offer);
    let image = record.observations.image.get().unwrap().clone();
    let options = CreateOptions::from_value(options.clone()).unwrap();
    let mut launch = Launch {
        offer: &record.offer,
        options: &options,
        image: &image,
        network: "edgeproof-r1-net",
        workload_socket: "/state/sockets/r1.sock".into(),
        run: "r1",
        identity: Identity::stand_in("r1", &record.offer),
        gateway: None,
        name_service: None,
        hermetic: false,
    };
    place(&mut launch);
    resolve(&launch, bounds)
}

fn plain(options: &Value) -> CandidateSpec {
    spec(options, Bounds::Defaults, |_| {})
}

fn kinds(spec: &CandidateSpec, kind: DeviationKind) -> Vec<&str> {
    let deviations = spec.deviations.iter();
    deviations
        .filter(|deviation| deviation.kind == kind)
        .map(|deviation| deviation.what.as_str())
        .collect()
}

#[test]
fn the_body_is_what_iot_edge_s_agent_would_send() {
    let options = json!({"ExposedPorts": {"8080/tcp": {}}, "HostConfig": {"ReadonlyRootfs": true}});
    let made = spec(&options, Bounds::Defaults, |offer| {
        offer.plan.env = [("zone".to_owned(), "1".to_owned())].into();
    });
    let text = serde_json::to_string_pretty(&made.body).unwrap();
    let golden = include_str!("../../tests/data/candidate-plain.json").trim();
    let image_id = sample::record().candidate.image_id.unwrap();
    assert_eq!(text.replace(&image_id, "sha256:IMAGE"), golden);
    assert_eq!(made.requested, options);
    assert_eq!(
        made.added_binds,
        ["/state/sockets/r1.sock:/var/run/iotedge/workload.sock"]
    );
}

#[test]
fn nothing_of_a_plain_launch_counts_against_the_offer() {
    let made = plain(&json!({}));
    let counted = made.deviations.iter().filter(|deviation| {
        !matches!(
            deviation.kind,
            DeviationKind::Harness | DeviationKind::StandIn
        )
    });
    assert_eq!(counted.count(), 0);
    assert!(
        made.deviations
            .iter()
            .all(|deviation| !deviation.reason.is_empty())
    );
}

#[test]
fn create_options_win_over_the_plan_and_the_runtime() {
    let options = json!({"Env": ["A=options", "IOTEDGE_DEVICEID=mine", "BARE"]});
    let made = spec(&options, Bounds::Defaults, |offer| {
        offer.plan.env = [
            ("A".to_owned(), "plan".to_owned()),
            ("IOTEDGE_MODULEID".to_owned(), "plan".to_owned()),
            ("RuntimeLogLevel".to_owned(), "Debug".to_owned()),
        ]
        .into();
    });
    let env = made.body["Env"].as_array().unwrap();
    for entry in [
        "A=options",
        "BARE=",
        "IOTEDGE_DEVICEID=mine",
        "IOTEDGE_MODULEID=Airquality",
        "RuntimeLogLevel=Debug",
    ] {
        assert!(env.contains(&json!(entry)), "{entry} in {env:?}");
    }
    let mut sorted = env.clone();
    sorted.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    assert_eq!(*env, sorted);
}

#[test]
fn overlay_values_are_used_but_never_shown() {
    let options = json!({"Env": ["OPT=<OPT>", "SAME=<SAME>"]});
    let made = spec(&options, Bounds::Defaults, |offer| {
        offer.plan.env = [
            ("PLAN".to_owned(), "<PLAN>".to_owned()),
            ("SAME".to_owned(), "<SAME>".to_owned()),
        ]
        .into();
        offer.overlay.env = ["OPT", "PLAN", "SAME", "NEW"]
            .map(|name| (name.to_owned(), "canary".to_owned()))
            .into();
    });
    let env = made.body["Env"].as_array().unwrap();
    for entry in ["OPT=canary", "PLAN=canary", "SAME=canary", "NEW=canary"] {
        assert!(env.contains(&json!(entry)), "{entry} in {env:?}");
    }
    assert_eq!(
        kinds(&made, DeviationKind::Environment),
        ["env OPT", "env SAME", "env NEW", "env PLAN"]
    );
    let ledger = serde_json::to_string(&made.deviations).unwrap();
    assert!(
        !ledger.contains("canary") && ledger.contains("<PLAN>"),
        "{ledger}"
    );
}

#[test]
fn an_accelerator_is_withheld_inside_an_envelope_whose_claim_names_none() {
    let device =
        json!({"PathOnHost": "/dev/dri/renderD128", "PathInContainer": "/dev/dri/renderD128"});
    let options = json!({"HostConfig": {"Devices": [device]}});
    let limits = Limits {
        memory: Some(Bytes::mib(112)),
        cores: None,
        storage: None,
    };
    let claiming = |offer: &mut Offer| {
        let description = &mut offer.listing.description;
        *description = description.replace("100 MB of storage", "100 MB of storage, GPU");
    };
    let devices = |made: &CandidateSpec| made.body["HostConfig"]["Devices"].clone();
    assert_eq!(devices(&plain(&options)), json!([device]), "no envelope");
    let without = spec(&options, Bounds::Claim(&limits), |_| {});
    assert_eq!(devices(&without), json!([]));
    assert!(kinds(&without, DeviationKind::Envelope).contains(&"accelerators"));
    let searched = spec(&options, Bounds::Search(&limits), |_| {});
    assert_eq!(devices(&searched), json!([device]), "a search");
    assert_eq!(searched.body["HostConfig"]["Memory"], 112 << 20);
    assert!(!kinds(&searched, DeviationKind::Envelope).contains(&"accelerators"));
    let with = spec(&options, Bounds::Claim(&limits), claiming);
    assert_eq!(devices(&with), json!([device]));
    assert!(!kinds(&with, DeviationKind::Envelope).contains(&"accelerators"));
}

#[test]
fn a_network_of_the_options_is_left_as_it_is() {
    let options = json!({"HostConfig": {"NetworkMode": "host"}, "NetworkingConfig": {"EndpointsConfig": {"host": {}}}});
    let made = plain(&options);
    assert_eq!(made.body["NetworkingConfig"], options["NetworkingConfig"]);
    assert!(!kinds(&made, DeviationKind::Harness).contains(&"network"));
}

#[test]
fn labels_by_which_others_know_their_containers_never_reach_the_engine() {
    let made = plain(
        &json!({"Labels": {"net.azure-devices.edge.owner": "Microsoft.Azure.Devices.Edge.Agent",
        "edgeproof.owner": "me", "mine": "1"}, "HostConfig": {"AutoRemove": true}}),
    );
    assert_eq!(made.body["Labels"], json!({"mine": "1"}));
    assert_eq!(made.requested["Labels"], json!({"mine": "1"}));
    assert_eq!(made.body["HostConfig"].get("AutoRemove"), None);
    let changed = kinds(&made, DeviationKind::Harness);
    assert!(
        changed.contains(&"Labels net.azure-devices.edge.owner"),
        "{changed:?}"
    );
    assert!(changed.contains(&"HostConfig.AutoRemove"), "{changed:?}");
}

#[test]
fn an_image_is_pinned_by_digest_where_it_has_one() {
    let mut image = sample::record().observations.image.get().unwrap().clone();
    image.reference = "localhost:5000/a/b:1.0".to_owned();
    image.manifest_digest = None;
    assert_eq!(pinned(&image), image.image_id);
    image.manifest_digest = Some("sha256:7".to_owned());
    assert_eq!(pinned(&image), "localhost:5000/a/b@sha256:7");
}

#[test]
fn binds_of_the_module_are_kept_before_the_socket() {
    let made = plain(&json!({"HostConfig": {"Binds": ["/var/log:/logs:ro"]}}));
    assert_eq!(
        made.body["HostConfig"]["Binds"],
        json!([
            "/var/log:/logs:ro",
            "/state/sockets/r1.sock:/var/run/iotedge/workload.sock"
        ])
    );
}

#[test]
fn an_envelope_limits_memory_without_swap_and_cores() {
    let limits = Limits {
        memory: Some(Bytes::mib(112)),
        cores: Some(2.0),
        storage: None,
    };
    let made = spec(
        &json!({"HostConfig": {"ReadonlyRootfs": true}}),
        Bounds::Claim(&limits),
        |_| {},
    );
    let host = &made.body["HostConfig"];
    assert_eq!(host["Memory"], 117_440_512);
    assert_eq!(host["MemorySwap"], host["Memory"]);
    assert_eq!(host["NanoCpus"], 2_000_000_000_i64);
    assert_eq!(host["CpusetCpus"], "0-1");
    assert_eq!(
        kinds(&made, DeviationKind::Envelope),
        [
            "HostConfig.Memory",
            "HostConfig.MemorySwap",
            "HostConfig.NanoCpus",
            "HostConfig.CpusetCpus"
        ]
    );
    assert_eq!(
        made.requested,
        json!({"HostConfig": {"ReadonlyRootfs": true}})
    );
}

#[test]
fn an_envelope_keeps_lower_limits_and_withdraws_what_the_engine_refuses_beside_it() {
    let limits = Limits {
        memory: Some(Bytes(1000)),
        cores: Some(0.5),
        storage: None,
    };
    let options = json!({"HostConfig": {"Memory": 900, "MemoryReservation": 950, "CpuQuota": 20_000, "CpuPeriod": 100_000,
        "OomKillDisable": true}});
    let host = spec(&options, Bounds::Claim(&limits), |_| {}).body["HostConfig"].clone();
    assert_eq!(host["Memory"], 900);
    assert_eq!(host["MemoryReservation"], 900);
    assert_eq!(host["NanoCpus"], 200_000_000);
    assert_eq!(host["OomKillDisable"], false);
    assert_eq!(host.get("CpuQuota"), None);
    assert_eq!(host.get("CpusetCpus"), None);
}

#[test]
fn a_quota_joins_the_storage_options_and_a_lower_one_stays() {
    let quota = StorageQuota::leaving(Bytes(900), Bytes(100), "btrfs").unwrap();
    let limits = Limits {
        memory: None,
        cores: None,
        storage: Some(quota),
    };
    for (own, set) in [
        (json!({}), "1000"),
        (json!({"size": "700"}), "700"),
        (json!({"size": "7000"}), "1000"),
        (json!({"size": "10G"}), "1000"),
    ] {
        let options = json!({"HostConfig": {"StorageOpt": own}});
        let made = spec(&options, Bounds::Claim(&limits), |_| {});
        assert_eq!(made.body["HostConfig"]["StorageOpt"], json!({"size": set}));
        let told = kinds(&made, DeviationKind::Envelope);
        assert_eq!(told.is_empty(), own == json!({"size": "700"}), "{told:?}");
    }
}

#[test]
fn without_limits_none_are_set() {
    let host = plain(&json!({})).body["HostConfig"].clone();
    assert_eq!(host.as_object().unwrap().len(), 1, "{host}");
}

#[test]
fn the_module_has_the_name_that_the_marketplace_proposes() {
    let named = |name: &str| {
        let mut offer = sample::record().offer;
        offer.listing.name = name.to_owned();
        Identity::stand_in("r1", &offer).module_id
    };
    assert_eq!(named("Air quality (EU)"), "AirqualityEU");
    assert_eq!(named("Größe"), "Gre");
    assert_eq!(named("温度"), "candidate");
}

#[test]
fn the_name_service_and_a_network_without_a_way_out_are_told() {
    let place = |launch: &mut Launch<'_>| {
        launch.name_service = Some([172, 19, 0, 2].into());
        launch.hermetic = true;
    };
    let options = json!({"HostConfig": {"Dns": []}});
    let spec = spec_on(&options, Bounds::Defaults, |_| {}, place);
    assert_eq!(spec.body["HostConfig"]["Dns"], json!(["172.19.0.2"]));
    // The engine's result is compared with it too: it was asked for.
    assert_eq!(spec.requested["HostConfig"]["Dns"], json!(["172.19.0.2"]));
    let told = |what: &str| {
        let mut deviations = spec.deviations.iter();
        deviations.find(|one| one.what == what).unwrap().clone()
    };
    let names = told("HostConfig.Dns");
    assert_eq!(
        (names.kind, names.default),
        (DeviationKind::StandIn, json!([]))
    );
    assert!(names.reason.contains("no way out"), "{}", names.reason);
    let network = told("network");
    assert!(network.reason.contains("--hermetic"), "{}", network.reason);
    let without = plain(&json!({}));
    assert!(without.body["HostConfig"].get("Dns").is_none());
}
