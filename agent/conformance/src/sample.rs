//! The record of a well-behaved module on a small x64 device: what every test of a judgement starts from and then spoils.

mod egress;
mod links;
mod observations;
mod registry;
mod sdk;

use serde_json::{Value, json};

use crate::calibration::Row;
use crate::certificate::Certificate;
use crate::data::Data;
use crate::finding::Verdict;
use crate::observation::{
    CpuLimitProof, CpuUse, Creation, EdgeUse, EffectivePrivilege, EnvelopeRun, Footprint,
    GoldenRun, GpuUse, Health, ImageConfig, ImageFacts, ImageSource, LimitProofs, Limits,
    LivePrivilege, MemoryBreakdown, MemoryLimitProof, MemoryUse, NetworkUse, Noise, Observations,
    Observed, Output, PeakMethod, Phase, PlatformRun, ProbeCost, Start, StartVerdict, Stop,
    StorageLimitProof, StorageUse, Ticks, Usage,
};
use crate::offer::{Link, Listing, Offer, Overlay, Plan, PlanImage, PlatformOption};
use crate::platform::Platform;
use crate::record::{
    Candidate, CgroupFacts, Clock, Deviation, DeviationKind, Device, Disk, Edition, EngineFacts,
    Heat, HostFacts, Point, Power, Profile, Record, Reserve, Run, RunOptions, ScopeName, Series,
    Swap,
};
use crate::report::Report;
use crate::requirements::CATALOGUE;
use crate::units::{Bytes, Millis};

pub(crate) use egress::asking;
pub(crate) use links::{answering, failing, offline, visit, visiting, with_visit};
pub(crate) use registry::{
    digest, inventory, published, registry_record, repository, tested, with_repository,
};
pub(crate) use sdk::{PYTHON, breach, edge_use, sdk_record};

/// What the sample's claim of 512 MB leaves to the module after the tabled reserve.
const BUDGET: Bytes = Bytes::mib(112);

const IMAGE_ID: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const LAYER: &str = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

/// A conformant, well-behaved record in device scope, edition current, profile `quick`.
///
/// The module claims 512 MB of RAM for the whole device, hence 112 MiB for itself, and 100 MB of storage. It listens on
/// 8080/tcp, runs as user 1000 with a read-only root, holds 24 MiB at most and uses no SDK.
pub(crate) fn record() -> Record {
    Record {
        run: run(),
        offer: offer(),
        candidate: Candidate {
            reference: "contoso.azurecr.io/air-quality:1.0.1".to_owned(),
            manifest_digest: None,
            image_id: Some(IMAGE_ID.to_owned()),
            platform: Some(amd64()),
            source: Some("the engine's store".to_owned()),
        },
        device: device(),
        deviations: deviations(),
        observations: observations::observations(),
        series: vec![Series {
            name: "memory.usage".to_owned(),
            unit: "bytes".to_owned(),
            phase: "steady".to_owned(),
            limit: None,
            points: vec![Point {
                at: Millis(41_000),
                min: 18_874_368.0,
                mean: 19_922_944.0,
                max: 20_971_520.0,
            }],
        }],
        data: Data::shipped(),
        certified: None,
    }
}

/// The sample again, after its own report was a certificate.
pub(crate) fn certified() -> Record {
    let report = Report::judge(record(), CATALOGUE);
    let mut record = record();
    record.certified = Some(Certificate::of(&report, &record.offer).unwrap());
    record
}

/// The same record with this paragraph in place of the sample's claim, for example `Linux x64 OS, 1 GB of RAM`.
pub(crate) fn record_claiming(claim: &str) -> Record {
    let mut record = record();
    record.offer.listing.description = description(claim);
    record
}

/// A start that came up after 0.3 s and stayed up, begun at `at`.
pub(crate) fn healthy_start(at: Millis) -> Start {
    Start {
        at,
        create: Millis(60),
        start: Some(Millis(180)),
        running: Some(Millis(190)),
        health: Health::Healthy {
            after: Millis(300),
            stayed: Millis(10_000),
            by: vec!["running".to_owned(), "8080/tcp listening".to_owned()],
        },
        exits: Vec::new(),
        oom_kills: 0,
        oom_unseen: None,
        last_lines: vec!["listening on 8080".to_owned()],
        usage: Observed::Seen(usage(at, Millis(at.0 + 10_300))),
        written: Observed::default(),
    }
}

/// The sample's run as one of several, on a device of this name and platform.
pub(crate) fn platform_run(device: &str, platform: &str) -> PlatformRun {
    let platform: Platform = platform.parse().unwrap();
    PlatformRun {
        device: device.to_owned(),
        run: format!("run-on-{device}"),
        platform: Some(platform.clone()),
        image_platform: Some(platform.clone()),
        built: vec![platform],
        index_seen: false,
        board: Some("Contoso Box 2".to_owned()),
        cores: Some(4),
        memory: Some(Bytes::mib(2048)),
        emulated: false,
        engine: Some("24.0.9".to_owned()),
        cgroup_version: Some("2".to_owned()),
        memory_controller: true,
        starts_healthy: StartVerdict {
            verdict: Verdict::Pass,
            reason: None,
            saw: "3 of 3 starts healthy".to_owned(),
        },
        first_failure: None,
        finished: Some("2026-11-20T09:02:00Z".to_owned()),
        certifying: true,
    }
}

/// What the sample module uses between two moments.
pub(crate) fn usage(from: Millis, to: Millis) -> Usage {
    Usage {
        from,
        to,
        memory: Observed::Seen(memory(Bytes::mib(24), Bytes::mib(16))),
        cpu: Observed::Seen(CpuUse {
            usage_us: 309_000,
            cores_mean: 0.03,
            cores_p95: 0.05,
            cores_max: 0.12,
            throttled: None,
        }),
        pids_peak: Observed::Seen(4),
        network: Observed::Seen(NetworkUse {
            rx: Bytes(1_204),
            tx: Bytes(648),
        }),
        ticks: Ticks {
            taken: 103,
            due: 103,
            late_max_us: 900,
            late_p99_us: None,
        },
        pressure: Observed::default(),
        block_io: Observed::default(),
        descriptors: Observed::default(),
        memory_fallback: Observed::default(),
    }
}

/// Memory with this watermark and this non-reclaimable peak.
pub(crate) fn memory(peak: Bytes, nonreclaimable: Bytes) -> MemoryUse {
    MemoryUse {
        peak,
        peak_method: PeakMethod::Watermark,
        nonreclaimable_peak: nonreclaimable,
        nonreclaimable_formula: "anon + shmem + (kernel − slab_reclaimable)".to_owned(),
        breakdown: MemoryBreakdown {
            anon: Some(nonreclaimable),
            file: Some(peak.saturating_sub(nonreclaimable)),
            shmem: Some(Bytes(0)),
            kernel: None,
            slab_reclaimable: None,
            swap: Some(Bytes(0)),
        },
    }
}

fn amd64() -> Platform {
    "linux/amd64".parse().unwrap()
}

fn run() -> Run {
    Run {
        id: "sample-1".to_owned(),
        profile: Profile::quick(),
        certifying: true,
        edition: Edition::Current,
        scope: ScopeName::Device,
        started: "2026-11-20T09:00:00Z".to_owned(),
        finished: Some("2026-11-20T09:02:00Z".to_owned()),
        agent: "edgeproof-agent 0.1.0".to_owned(),
        catalogue: crate::requirements::VERSION.to_owned(),
        options: RunOptions::default(),
        reserve: Reserve::tabled(),
    }
}

fn description(claim: &str) -> String {
    format!(
        "<p>Reads an air quality index and answers it over HTTP on the device.</p>\
         <p>It listens on TCP port 8080 and needs no environment variable, no module twin and no route.</p>\
         <p><u>Minimum hardware requirements:</u> {claim}</p>"
    )
}

fn offer() -> Offer {
    Offer {
        publisher_id: "contoso".to_owned(),
        offer_id: "air-quality".to_owned(),
        plan_id: "standard".to_owned(),
        offer_type: "IoT Edge module".to_owned(),
        category: Some("Internet of Things/IoT Edge modules".to_owned()),
        listing: Listing {
            name: "Air quality".to_owned(),
            summary: Some("Answers one question over HTTP: how good is the air?".to_owned()),
            description: description("Linux x64 OS, 512 MB of RAM, 100 MB of storage"),
            useful_links: vec![Link {
                title: "Certified IoT Edge devices".to_owned(),
                url: "https://devicecatalog.azure.com/".to_owned(),
            }],
            support_url: Some("https://contoso.example/support".to_owned()),
            support_email: Some("support@contoso.example".to_owned()),
            privacy_policy_url: Some("https://contoso.example/privacy".to_owned()),
            terms_of_use_url: Some("https://contoso.example/terms".to_owned()),
            terms_of_use: None,
            third_party_notice_url: None,
            documentation_url: Some("https://contoso.example/docs".to_owned()),
        },
        plan: Plan {
            platform_option: Some(PlatformOption::Subset),
            platforms: vec![amd64()],
            image: PlanImage {
                repository: "contoso.azurecr.io/air-quality".to_owned(),
                tag: "1.0.1".to_owned(),
            },
            create_options: json!({
                "ExposedPorts": {"8080/tcp": {}},
                "HostConfig": {"ReadonlyRootfs": true}
            })
            .to_string(),
            env: [].into(),
            twin: String::new(),
            routes: [].into(),
            uses_module_sdk: false,
            claim_scope: crate::offer::ClaimScope::Device,
        },
        overlay: Overlay::default(),
        attestations: [].into(),
        waiver_requests: Vec::new(),
    }
}

fn device() -> Device {
    Device {
        board: Some("Contoso Box 2".to_owned()),
        os: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        kernel: Some("6.1.0-28-amd64".to_owned()),
        architecture: Some("x86_64".to_owned()),
        cpu_model: Some("Contoso Atom 1.1 GHz".to_owned()),
        cores: Some(4),
        memory: Some(Bytes::mib(2048)),
        swap: Some(Bytes(0)),
        emulated: false,
        cgroup: CgroupFacts {
            memory: Observed::Seen(2),
            cpu: Observed::Seen(2),
            pids: Observed::Seen(2),
        },
        engine: Observed::Seen(EngineFacts {
            name: "Docker Engine".to_owned(),
            version: "24.0.9".to_owned(),
            api_version: "1.43".to_owned(),
            min_api_version: Some("1.12".to_owned()),
            platform: amd64(),
            storage_driver: "overlay2".to_owned(),
            image_store: None,
            backing_filesystem: Some("extfs".to_owned()),
            cgroup_driver: "systemd".to_owned(),
            cgroup_version: "2".to_owned(),
            memory_limit: true,
            cpu_quota: true,
            swap_limit: Some(true),
            security_options: vec!["name=seccomp,profile=builtin".to_owned()],
            data_root: "/var/lib/docker".to_owned(),
            warnings: Vec::new(),
        }),
        host: host(),
    }
}

/// A quiet, cool board with its clock set.
fn host() -> HostFacts {
    HostFacts {
        clock: Observed::Seen(Clock {
            hz: 1_100_000_000,
            source: "cpuinfo_max_freq".to_owned(),
        }),
        userland_bits: Observed::Seen(64),
        disk: Observed::Seen(Disk {
            size: Bytes(32_000_000_000),
            free: Bytes(20_000_000_000),
        }),
        time_synchronised: Observed::Seen(true),
        wall_clock: Observed::default(),
        power: Observed::Seen(Power {
            under_voltage: false,
            throttled: false,
            since_boot: false,
            source: "get_throttled".to_owned(),
        }),
        heat: Observed::Seen(Heat {
            zone: "cpu-thermal".to_owned(),
            celsius: 48.5,
            limit: Some(80.0),
        }),
        swap: Observed::Seen(Swap {
            total: Bytes(0),
            zram: Bytes(0),
            used: Bytes(0),
        }),
        gpus: Observed::Seen(Vec::new()),
    }
}

/// A calibrated row of some device of the sample's architecture.
pub(crate) fn row() -> Row {
    Row {
        board: None,
        cpu_model: None,
        architecture: Some("x86_64".to_owned()),
        hz: None,
        emulated: false,
        kernel: "edgeproof-kernel-1".to_owned(),
        speed: 100.0,
        low: 99.0,
        high: 101.0,
        n: 5,
        drift: 0.01,
        agent: "edgeproof-agent 0.1.0".to_owned(),
        made: "2026-11-20T08:00:00Z".to_owned(),
    }
}

/// The golden module measured true.
pub(crate) fn golden() -> GoldenRun {
    GoldenRun {
        told: Footprint {
            memory: Bytes::mib(48),
            cores: 0.3,
            storage: Bytes(4_000_000),
        },
        measured: Footprint {
            memory: Observed::Seen(Bytes::mib(49)),
            cores: Observed::Seen(0.301),
            storage: Observed::Seen(Bytes(4_020_000)),
        },
    }
}

fn deviations() -> Vec<Deviation> {
    vec![
        Deviation {
            kind: DeviationKind::Harness,
            what: "network".to_owned(),
            reason: "a private network for every run".to_owned(),
            default: Value::Null,
            used: json!("edgeproof-sample-1"),
        },
        Deviation {
            kind: DeviationKind::Envelope,
            what: "HostConfig.Memory".to_owned(),
            reason: "the envelope runs get the claim as their limit".to_owned(),
            default: Value::Null,
            used: json!(BUDGET.0),
        },
    ]
}
