//! One parser for every driver that writes DRM usage statistics (kernel documentation, "DRM client usage stats"): v3d, i915,
//! xe, amdgpu, msm, panfrost, panthor and others.

use std::collections::{BTreeMap, BTreeSet};

use conformance::observation::GpuUse;
use conformance::units::Bytes;

/// One opened device, as its descriptor's `fdinfo` tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Client {
    driver: String,
    /// Device and client id: the same for every duplicate of one descriptor. Absent with drivers that tell no id.
    id: Option<(String, u64)>,
    /// Nanoseconds of each engine.
    engines: BTreeMap<String, u64>,
    /// Memory that really is there, by region.
    resident: BTreeMap<String, u64>,
    /// Memory by the older key of the same meaning.
    memory: BTreeMap<String, u64>,
    /// Memory asked for, by region.
    total: BTreeMap<String, u64>,
}

/// Reads one `fdinfo` file; `None` if it is of no DRM device.
pub(super) fn client(text: &str) -> Option<Client> {
    let mut client = Client::default();
    let mut device = String::new();
    let mut id = None;
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match key {
            "drm-driver" => value.clone_into(&mut client.driver),
            "drm-pdev" => value.clone_into(&mut device),
            "drm-client-id" => id = value.parse().ok(),
            _ => figure(&mut client, key, value),
        }
    }
    if client.driver.is_empty() {
        return None;
    }
    if device.is_empty() {
        client.driver.clone_into(&mut device);
    }
    client.id = id.map(|id| (device, id));
    Some(client)
}

/// A figure with its unit, if the key is one of ours. The capacity of an engine is a count, and the cycles of all clients (xe)
/// are no memory.
fn figure(client: &mut Client, key: &str, value: &str) {
    let Some(key) = key.strip_prefix("drm-") else {
        return;
    };
    if key.starts_with("engine-capacity-") || key.starts_with("total-cycles-") {
        return;
    }
    if let (Some(engine), Some(ns)) = (key.strip_prefix("engine-"), nanoseconds(value)) {
        client.engines.insert(engine.to_owned(), ns);
    }
    let regions = [
        ("resident-", &mut client.resident),
        ("memory-", &mut client.memory),
        ("total-", &mut client.total),
    ];
    for (prefix, map) in regions {
        if let (Some(region), Some(bytes)) = (key.strip_prefix(prefix), bytes(value)) {
            map.insert(region.to_owned(), bytes);
        }
    }
}

fn nanoseconds(value: &str) -> Option<u64> {
    value.strip_suffix("ns")?.trim_end().parse().ok()
}

/// Bytes, or KiB or MiB where the unit says so.
fn bytes(value: &str) -> Option<u64> {
    let mut words = value.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    let unit = match words.next() {
        None => 1,
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        Some(_) => return None,
    };
    number.checked_mul(unit)
}

impl Client {
    /// What is resident where the driver tells it, else by the older key, else what was asked for.
    fn bytes(&self) -> Option<u64> {
        let told = [&self.resident, &self.memory, &self.total];
        let told = told.into_iter().find(|regions| !regions.is_empty())?;
        told.values().copied().reduce(u64::saturating_add)
    }
}

/// Adds clients up, duplicates of one descriptor once.
pub(super) fn summed(clients: impl IntoIterator<Item = Client>) -> GpuUse {
    let mut seen = BTreeSet::new();
    let mut used = GpuUse::default();
    let mut engines: BTreeMap<String, u64> = BTreeMap::new();
    let mut drivers = BTreeSet::new();
    for client in clients {
        if client
            .id
            .as_ref()
            .is_some_and(|id| !seen.insert(id.clone()))
        {
            continue;
        }
        used.clients = used.clients.saturating_add(1);
        if let Some(bytes) = client.bytes() {
            let memory = used.memory.unwrap_or_default();
            used.memory = Some(memory.saturating_add(Bytes(bytes)));
        }
        drivers.insert(client.driver);
        for (engine, ns) in client.engines {
            let sum = engines.entry(engine).or_default();
            *sum = sum.saturating_add(ns);
        }
    }
    used.drivers = drivers.into_iter().collect();
    used.engines_us = engines
        .into_iter()
        .map(|(engine, ns)| (engine, ns / 1_000))
        .collect();
    used
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Composed from the kernel's documentation and the drivers' `show_fdinfo`, not recorded.
    pub(in super::super) const I915: &str = "pos:\t0\nflags:\t02100002\ndrm-driver: i915\ndrm-client-id: 7\ndrm-pdev:\t0000:00:02.0\ndrm-total-system0:\t4096 KiB\ndrm-shared-system0: 0\ndrm-resident-system0:\t3 MiB\ndrm-engine-render: 9288864723 ns\ndrm-engine-copy: 2035071108 ns\ndrm-engine-capacity-video: 2\n";
    /// Composed likewise: drivers/gpu/drm/v3d/v3d_drv.c tells engines, and memory since Linux 6.8.
    pub(in super::super) const V3D: &str = "drm-driver:\tv3d\ndrm-client-id:\t3\ndrm-engine-bin:\t17438164056 ns\ndrm-engine-render:\t27284814161 ns\n";

    /// Driver, its lines, engines in microseconds, MiB of memory.
    type Other = (
        &'static str,
        &'static str,
        &'static [(&'static str, u64)],
        Option<u64>,
    );

    /// Composed from the kernel's drm-usage-stats.rst and each driver's `show_fdinfo`, not recorded. xe tells cycles
    /// and no time.
    const OTHERS: [Other; 5] = [
        (
            "xe",
            "drm-total-vram0:\t4 MiB\ndrm-resident-vram0:\t2 MiB\ndrm-cycles-rcs:\t28257900\ndrm-total-cycles-rcs:\t7655183225\n",
            &[],
            Some(2),
        ),
        (
            "xe",
            "drm-cycles-rcs:\t28257900\ndrm-total-cycles-rcs:\t7655183225\n",
            &[],
            None,
        ),
        (
            "amdgpu",
            "pasid:\t32770\ndrm-memory-vram:\t3072 KiB\ndrm-memory-gtt:\t1024 KiB\namd-requested-vram:\t9999 KiB\ndrm-engine-gfx:\t5000000 ns\n",
            &[("gfx", 5_000)],
            Some(4),
        ),
        (
            "msm",
            "drm-engine-gpu:\t7000 ns\ndrm-cycles-gpu:\t12\ndrm-maxfreq-gpu:\t800000000 Hz\ndrm-total-memory:\t2 MiB\n",
            &[("gpu", 7)],
            Some(2),
        ),
        (
            "panfrost",
            "drm-engine-fragment:\t1846584880 ns\ndrm-cycles-fragment:\t1424359409\ndrm-maxfreq-fragment:\t799999987 Hz\ndrm-curfreq-fragment:\t799999987 Hz\ndrm-total-memory:\t290 MiB\ndrm-resident-memory:\t178 MiB\n",
            &[("fragment", 1_846_584)],
            Some(178),
        ),
    ];

    #[test]
    fn engines_and_memory_of_other_drivers_are_told_and_cycles_are_neither() {
        for (driver, lines, engines, mib) in OTHERS {
            let text = format!("drm-driver:\t{driver}\ndrm-client-id:\t9\n{lines}");
            let used = summed(client(&text));
            assert_eq!(used.drivers, [driver]);
            assert_eq!(used.memory, mib.map(Bytes::mib), "{driver}");
            let told: Vec<(&str, u64)> = used
                .engines_us
                .iter()
                .map(|(engine, us)| (engine.as_str(), *us))
                .collect();
            assert_eq!(told, engines, "{driver}");
        }
    }

    #[test]
    fn every_driver_is_read_by_the_same_keys() {
        let i915 = summed(client(I915));
        assert_eq!(i915.memory, Some(Bytes(3 << 20)));
        assert_eq!(i915.engines_us["render"], 9_288_864);
        assert_eq!(i915.engines_us.len(), 2, "a capacity is no engine");
        let v3d = summed(client(V3D));
        assert_eq!((v3d.clients, v3d.memory), (1, None));
        assert_eq!(v3d.engines_us["bin"], 17_438_164);
    }

    #[test]
    fn a_duplicated_descriptor_counts_once_and_two_clients_twice() {
        let other = I915.replace("drm-client-id: 7", "drm-client-id: 8");
        let used = summed([I915, I915, &other].into_iter().filter_map(client));
        assert_eq!((used.clients, used.memory), (2, Some(Bytes(6 << 20))));
        assert_eq!(used.drivers, ["i915"]);
    }

    #[test]
    fn a_file_of_anything_else_is_no_gpu() {
        assert_eq!(client("pos:\t0\nflags:\t02\nmnt_id:\t9\n"), None);
        assert_eq!(client(""), None);
        let odd = client("drm-driver: x\ndrm-total-vram: 5 GB\ndrm-engine-gfx: 9 ms\n").unwrap();
        assert!(odd.total.is_empty() && odd.engines.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "(drm-(driver|engine-a|total-b|client-id|pdev)?:? ?\\PC{0,12}\n){0,8}") {
            let _ = client(&text).map(|client| summed([client.clone(), client]));
        }

        #[test]
        fn figures_survive_their_units(ns in any::<u64>(), kib in 0_u64..1 << 50) {
            let text = format!("drm-driver: d\ndrm-engine-x: {ns} ns\ndrm-memory-vram: {kib} KiB\n");
            let used = summed(client(&text));
            prop_assert_eq!(used.engines_us["x"], ns / 1_000);
            prop_assert_eq!(used.memory, Some(Bytes(kib * 1024)));
        }
    }
}
