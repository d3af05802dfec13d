//! What was seen of the sample module.

use super::*;

pub(super) fn observations() -> Observations {
    let starts = [Millis(4_000), Millis(16_000), Millis(28_000)];
    let envelope = [Millis(75_000), Millis(87_000), Millis(99_000)];
    Observations {
        image: Observed::Seen(image()),
        limits: limits(),
        golden: Observed::Seen(golden()),
        creation: Observed::Seen(Creation {
            differences: Vec::new(),
            warnings: Vec::new(),
            refused: None,
            effective: EffectivePrivilege {
                readonly_rootfs: true,
                user: "1000".to_owned(),
                ..EffectivePrivilege::default()
            },
        }),
        starts: starts.map(healthy_start).to_vec(),
        steady: Observed::Seen(usage(Millis(38_300), Millis(68_300))),
        stop: Observed::Seen(Stop {
            duration: Millis(120),
            code: 0,
            killed: false,
            grace: Millis(10_000),
        }),
        privilege: Observed::Seen(LivePrivilege {
            uid: 1000,
            gid: 1000,
            capabilities: Vec::new(),
            seccomp: 2,
            no_new_privileges: false,
        }),
        kept: Observed::default(),
        zombies: Observed::Seen(0),
        listening: Observed::Seen(vec![8080]),
        output: Observed::Seen(Output {
            window: Millis(30_000),
            bytes: Bytes(0),
            lines: Some(0),
            limit: None,
        }),
        gpu: Observed::Seen(GpuUse::default()),
        gpu_load: Observed::default(),
        storage: Observed::Seen(StorageUse {
            image: Bytes(12_000_000),
            writable: Observed::Seen(Bytes(40_960)),
            volumes: Observed::Seen(Bytes(0)),
            logs: Observed::Seen(Bytes(4_096)),
            method: "blocks of the overlay's upper directory".to_owned(),
            inodes: Observed::default(),
            disk: Observed::default(),
            mounts: Vec::new(),
        }),
        envelope: Observed::Seen(EnvelopeRun {
            limits: Limits {
                memory: Some(BUDGET),
                cores: None,
                storage: None,
            },
            no_quota: None,
            starts: envelope.map(healthy_start).to_vec(),
        }),
        workload: Observed::Seen(Vec::new()),
        edge: Observed::Seen(EdgeUse::default()),
        egress: Observed::default(),
        probe: Observed::Seen(ProbeCost {
            window: Millis(110_000),
            cores_mean: 0.002,
            memory_peak: Observed::Seen(Bytes::mib(6)),
            resident_peak: Bytes::mib(7),
        }),
        noise: vec![Noise {
            phase: "steady".to_owned(),
            window: Millis(30_000),
            busy_cores: 0.11,
            other_cores: Observed::Seen(0.06),
        }],
        phases: vec![
            phase("limits", 1_000, 4_000),
            phase("start 1", 4_000, 14_300),
            phase("start 2", 16_000, 26_300),
            phase("start 3", 28_000, 38_300),
            phase("steady", 38_300, 68_300),
            phase("stop", 68_300, 68_420),
            phase("envelope 1", 75_000, 85_300),
            phase("envelope 2", 87_000, 97_300),
            phase("envelope 3", 99_000, 109_300),
        ],
        fleet: Observed::default(),
        sizing: Observed::default(),
        registry: Observed::default(),
        links: Observed::default(),
        faults: Observed::default(),
    }
}

fn phase(name: &str, from: u64, to: u64) -> Phase {
    Phase {
        name: name.to_owned(),
        from: Millis(from),
        to: Millis(to),
    }
}

fn image() -> ImageFacts {
    ImageFacts {
        pull: None,
        reference: "contoso.azurecr.io/air-quality:1.0.1".to_owned(),
        source: ImageSource::EngineStore,
        manifest_digest: None,
        image_id: IMAGE_ID.to_owned(),
        platforms: vec![amd64()],
        platform: amd64(),
        media_type: None,
        unpacked: Bytes(12_000_000),
        stored: None,
        compressed: Observed::default(),
        shared: Observed::default(),
        config: ImageConfig {
            user: "1000".to_owned(),
            entrypoint: vec!["/air-quality".to_owned()],
            env_names: vec!["PATH".to_owned()],
            exposed_ports: vec!["8080/tcp".to_owned()],
            layers: vec![LAYER.to_owned()],
            ..ImageConfig::default()
        },
    }
}

fn limits() -> LimitProofs {
    LimitProofs {
        memory: Observed::Seen(MemoryLimitProof {
            limit: Bytes::mib(16),
            tried: Bytes::mib(64),
            oom_killed: true,
            exit_code: 137,
            held: Some(Bytes::mib(14)),
            device_kills: None,
        }),
        cpu: Observed::Seen(CpuLimitProof {
            quota_cores: 0.2,
            used_cores: 0.2,
            throttled_periods: 19,
            periods: 20,
        }),
        runtime_floor: Observed::Seen(Bytes::mib(4)),
        storage: Observed::Seen(StorageLimitProof {
            limit: Bytes::mib(16),
            tried: Bytes::mib(32),
            refused: None,
            wrote: Some(Bytes::mib(15)),
        }),
    }
}
