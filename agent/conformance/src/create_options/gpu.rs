//! What createOptions ask for of GPUs and other accelerators: device nodes, device requests, binds.

use serde_json::Value;

use super::step;

/// Device nodes of GPUs and of the accelerators that modules use, by their beginning.
///
/// Source: kernel, `Documentation/admin-guide/devices.txt` (`dri`, `accel`), and the drivers of NVIDIA (`nvidia`, `nvhost`,
/// `nvmap`), AMD (`kfd`), Broadcom (`vchiq`), Arm (`mali`), Google (`apex`) and DMA heaps, which bring nothing by themselves.
const NODES: [&str; 10] = [
    "/dev/dri",
    "/dev/accel",
    "/dev/nvidia",
    "/dev/nvhost",
    "/dev/nvmap",
    "/dev/kfd",
    "/dev/vchiq",
    "/dev/mali",
    "/dev/apex",
    "/dev/dxg",
];

/// One option that asks for an accelerator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuAsk {
    /// JSON pointer to the option.
    pub pointer: String,
    /// In words: `/dev/dri`, `device request gpu`.
    pub what: String,
}

/// Everything in createOptions, in their documented spelling, that asks for an accelerator.
#[must_use]
pub fn gpu_asks(options: &Value) -> Vec<GpuAsk> {
    let host = &options["HostConfig"];
    let mut asks = Vec::new();
    let mut each = |key: &str, words: &dyn Fn(&Value) -> Option<String>| {
        let items = host[key].as_array().into_iter().flatten().enumerate();
        for (at, item) in items {
            if let Some(what) = words(item) {
                let pointer = step(&step("/HostConfig", key), &at.to_string());
                asks.push(GpuAsk { pointer, what });
            }
        }
    };
    each("Devices", &|device| node(device["PathOnHost"].as_str()?));
    each("DeviceRequests", &request);
    each("Binds", &|bind| node(bind.as_str()?.split(':').next()?));
    each("Mounts", &|mount| node(mount["Source"].as_str()?));
    if let Some(runtime) = host["Runtime"].as_str().filter(|name| *name == "nvidia") {
        asks.push(GpuAsk {
            pointer: "/HostConfig/Runtime".to_owned(),
            what: format!("runtime {runtime}"),
        });
    }
    asks
}

/// The same createOptions without what [`gpu_asks`] names.
#[must_use]
pub fn without_gpu(options: &Value) -> Value {
    let mut without = options.clone();
    // From the last to the first, so that the places of a list stay true while it shrinks.
    for ask in gpu_asks(options).iter().rev() {
        let Some((parent, last)) = ask.pointer.rsplit_once('/') else {
            continue;
        };
        match without.pointer_mut(parent) {
            Some(Value::Array(items)) => {
                if let Ok(at) = last.parse::<usize>()
                    && at < items.len()
                {
                    items.remove(at);
                }
            }
            Some(Value::Object(fields)) => {
                fields.shift_remove(last);
            }
            Some(_) | None => {}
        }
    }
    without
}

fn node(path: &str) -> Option<String> {
    let is_one = NODES.iter().any(|node| path.starts_with(node));
    is_one.then(|| path.to_owned())
}

/// `docker run --gpus` asks by capability `gpu`, CDI by a device's name.
fn request(request: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lists = request["Capabilities"].as_array().into_iter().flatten();
    let mut words = lists.flat_map(|list| list.as_array().into_iter().flatten());
    if words.any(|word| word == "gpu") || request["Driver"] == "nvidia" {
        return Some("device request gpu".to_owned());
    }
    let ids = request["DeviceIDs"].as_array().into_iter().flatten();
    let mut gpus = ids.map(text).filter(|id| id.contains("gpu"));
    gpus.next().map(|id| format!("device request {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn all() -> Value {
        json!({"HostConfig": {
            "Devices": [{"PathOnHost": "/dev/ttyUSB0"}, {"PathOnHost": "/dev/dri"}, {"PathOnHost": "/dev/dri/renderD128"}],
            "DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}, {"Driver": "cdi", "DeviceIDs": ["vendor.com/gpu=0"]}],
            "Binds": ["/dev/nvidia0:/dev/nvidia0", "/data:/data"],
            "Mounts": [{"Type": "bind", "Source": "/dev/kfd", "Target": "/dev/kfd"}],
            "Runtime": "nvidia",
            "Memory": 1024
        }})
    }

    #[test]
    fn every_way_to_ask_for_an_accelerator_is_found() {
        let asks = gpu_asks(&all());
        let pointers: Vec<&str> = asks.iter().map(|ask| ask.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/HostConfig/Devices/1",
                "/HostConfig/Devices/2",
                "/HostConfig/DeviceRequests/0",
                "/HostConfig/DeviceRequests/1",
                "/HostConfig/Binds/0",
                "/HostConfig/Mounts/0",
                "/HostConfig/Runtime"
            ]
        );
        assert_eq!(gpu_asks(&json!({"HostConfig": {"Memory": 1}})), []);
    }

    #[test]
    fn what_is_withheld_leaves_the_rest() {
        assert_eq!(
            without_gpu(&all()),
            json!({"HostConfig": {
                "Devices": [{"PathOnHost": "/dev/ttyUSB0"}],
                "DeviceRequests": [],
                "Binds": ["/data:/data"],
                "Mounts": [],
                "Memory": 1024
            }})
        );
    }

    proptest! {
        #[test]
        fn nothing_is_left_to_ask_for(paths in prop::collection::vec("/dev/(dri|ttyS0|nvidia0|null)", 0..6)) {
            let devices: Vec<Value> = paths.iter().map(|path| json!({"PathOnHost": path})).collect();
            let options = json!({"HostConfig": {"Devices": devices, "Binds": paths}});
            prop_assert_eq!(gpu_asks(&without_gpu(&options)), vec![]);
        }
    }
}
