//! The limits of an envelope run, put on a candidate's body so that the engine takes them.

use serde_json::{Map, Value, json};

use super::object;
use crate::create_options::{gpu_asks, without_gpu};
use crate::observation::Limits;
use crate::record::{Deviation, DeviationKind};
use crate::units::Bytes;

/// Sets the limits. A lower limit of the module's own stays; options that the engine refuses beside them go.
pub(super) fn set(body: &mut Map<String, Value>, limits: &Limits, deviations: &mut Vec<Deviation>) {
    let host = object(body, "HostConfig");
    if let Some(memory) = limits.memory {
        let bytes = lower(
            host.get("Memory"),
            i64::try_from(memory.0).unwrap_or(i64::MAX),
        );
        put(
            host,
            "Memory",
            json!(bytes),
            "the claim's memory",
            deviations,
        );
        put(
            host,
            "MemorySwap",
            json!(bytes),
            "no swap: it would hide a need for memory",
            deviations,
        );
        let reserved = host.get("MemoryReservation").and_then(Value::as_i64);
        if reserved > Some(bytes) {
            let why = "the engine refuses a reservation above the limit";
            put(host, "MemoryReservation", json!(bytes), why, deviations);
        }
        if host.get("OomKillDisable") == Some(&Value::Bool(true)) {
            let why = "a limit must kill, not freeze";
            put(host, "OomKillDisable", json!(false), why, deviations);
        }
    }
    if let Some(cores) = limits.cores {
        let own = own_quota(host);
        for key in ["CpuQuota", "CpuPeriod"] {
            if host.contains_key(key) {
                let why = "the engine takes either NanoCpus or quota and period";
                put(host, key, Value::Null, why, deviations);
            }
        }
        let nano = own.map_or(nano_cpus(cores), |own| own.min(nano_cpus(cores)));
        put(
            host,
            "NanoCpus",
            json!(nano),
            "the claim's cores",
            deviations,
        );
        if let Some(set) = cpu_set(cores)
            && host
                .get("CpusetCpus")
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
        {
            put(
                host,
                "CpusetCpus",
                json!(set),
                "the claim's cores",
                deviations,
            );
        }
    }
    if let Some(quota) = limits.storage {
        hold_storage(host, quota.size, deviations);
    }
}

/// The storage driver's quota. A lower one of the module's own stays; a size with a unit is the engine's to read, and goes.
fn hold_storage(host: &mut Map<String, Value>, size: Bytes, deviations: &mut Vec<Deviation>) {
    let mut options = host
        .get("StorageOpt")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let own = options.get("size").and_then(Value::as_str);
    let own = own.and_then(|own| own.parse::<u64>().ok()).map(Bytes);
    let size = own.map_or(size, |own| own.min(size));
    options.insert("size".to_owned(), json!(size.0.to_string()));
    put(
        host,
        "StorageOpt",
        Value::Object(options),
        "the claim's storage: what it leaves the writable layer; volumes and logs are not bounded",
        deviations,
    );
}

/// Takes away every accelerator that is asked for: the offer claims none, so it must do without.
pub(super) fn withhold_accelerators(
    body: &mut Map<String, Value>,
    deviations: &mut Vec<Deviation>,
) {
    let options = Value::Object(body.clone());
    let asks = gpu_asks(&options);
    if asks.is_empty() {
        return;
    }
    if let Value::Object(without) = without_gpu(&options) {
        *body = without;
    }
    let asked: Vec<&str> = asks.iter().map(|ask| ask.pointer.as_str()).collect();
    deviations.push(Deviation {
        kind: DeviationKind::Envelope,
        what: "accelerators".to_owned(),
        reason: "the hardware paragraph names none, so none is given".to_owned(),
        default: json!(asked),
        used: Value::Null,
    });
}

fn put(
    host: &mut Map<String, Value>,
    key: &str,
    used: Value,
    reason: &str,
    deviations: &mut Vec<Deviation>,
) {
    let default = if used.is_null() {
        host.shift_remove(key)
    } else {
        host.insert(key.to_owned(), used.clone())
    }
    .unwrap_or_default();
    if default == used {
        return;
    }
    deviations.push(Deviation {
        kind: DeviationKind::Envelope,
        what: format!("HostConfig.{key}"),
        reason: reason.to_owned(),
        default,
        used,
    });
}

/// Zero and less stand for "no limit".
fn lower(own: Option<&Value>, limit: i64) -> i64 {
    match own.and_then(Value::as_i64) {
        Some(own) if own > 0 => own.min(limit),
        Some(_) | None => limit,
    }
}

/// The module's own quota in billionths of a core. The engine's default period is 100 ms.
fn own_quota(host: &Map<String, Value>) -> Option<i64> {
    let number = |key: &str| {
        host.get(key)
            .and_then(Value::as_i64)
            .filter(|number| *number > 0)
    };
    let period = number("CpuPeriod").unwrap_or(100_000);
    let quota = number("CpuQuota").map(|quota| quota.saturating_mul(1_000_000_000) / period);
    number("NanoCpus").or(quota)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a float beyond the range becomes the range's end, and no device has as many cores"
)]
fn nano_cpus(cores: f64) -> i64 {
    // The kernel takes no quota below a hundredth of a core from the engine.
    (cores.max(0.01) * 1e9).round() as i64
}

/// The first cores, where the claim is for whole ones.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole numbers between 1 and 1024"
)]
fn cpu_set(cores: f64) -> Option<String> {
    let whole = cores.fract() == 0.0 && (1.0..=1024.0).contains(&cores);
    whole.then(|| match cores as u32 {
        1 => "0".to_owned(),
        n => format!("0-{}", n - 1),
    })
}
