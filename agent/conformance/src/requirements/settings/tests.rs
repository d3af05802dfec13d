use serde_json::json;

use super::*;
use crate::faults::{UNKNOWN_KEY, UNKNOWN_METHOD};
use crate::observation::{MethodUse, Observed, OutputUse};
use crate::sample;

fn told(settings: &Settings) -> Vec<String> {
    settings.0.iter().map(Setting::told).collect()
}

#[test]
fn every_default_that_a_customer_can_change_is_a_setting() {
    let mut plan = sample::record().offer.plan;
    plan.env = [("MODE".to_owned(), "fast".to_owned())].into();
    plan.twin = json!({"camera": {"fps": 10, "crop": {}}, "zones": [1]}).to_string();
    plan.routes = [(
        "up".to_owned(),
        json!({"route": "FROM /messages/* INTO $upstream"}),
    )]
    .into();
    plan.create_options = json!({
        "Env": ["MODE=slow", "DEBUG"],
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Volumes": {"/cache": {}},
        "HostConfig": {
            "PortBindings": {"80/tcp": [{"HostPort": "8080"}, {"HostPort": "80"}], "81": [{}]},
            "Binds": ["/var/log:/logs:ro", "data:/data"],
            "Mounts": [{"Type": "tmpfs", "Target": "/tmp"}, {"Type": "volume", "Target": "/m"}],
            "Devices": [{"PathOnHost": "/dev/video0", "PathInContainer": "/dev/video0"}],
            "Memory": 1
        }
    })
    .to_string();
    assert_eq!(
        told(&Settings::declared(&plan).unwrap()),
        [
            "environment variable MODE",
            "twin property camera.fps",
            "twin property camera.crop",
            "twin property zones",
            "route up",
            "environment variable DEBUG",
            "port 80/tcp",
            "port 53/udp",
            "port 81/tcp",
            "host port 8080",
            "host path /var/log",
            "volume data",
            "volume /m",
            "volume /cache",
            "device /dev/video0",
        ]
    );
}

#[test]
fn documents_that_cannot_be_read_are_unseen() {
    let spoil: [fn(&mut Plan); 2] = [
        |plan| plan.twin = "[1]".to_owned(),
        |plan| plan.create_options = "{".to_owned(),
    ];
    for spoil in spoil {
        let mut plan = sample::record().offer.plan;
        spoil(&mut plan);
        let unseen = Settings::declared(&plan).unwrap_err();
        assert_eq!(unseen.reason, Reason::InputMissing);
    }
}

#[test]
fn image_and_run_add_what_the_defaults_do_not_have() {
    let mut record = sample::sdk_record(|edge| {
        edge.twin.names = ["interval", "version", UNKNOWN_KEY]
            .map(str::to_owned)
            .into();
        edge.outputs.push(OutputUse::default());
        edge.subscriptions.push("$iothub/methods/POST/#".to_owned());
        edge.methods = [UNKNOWN_METHOD, "calibrate"]
            .map(|name| MethodUse {
                name: name.to_owned(),
                answers: 1,
                status: 200,
            })
            .into();
    });
    record.offer.plan.create_options = json!({"HostConfig": {"Binds": ["data:/data"]}}).to_string();
    record.observations.listening = Observed::Seen(vec![8080, 9100]);
    if let Observed::Seen(image) = &mut record.observations.image {
        image.config.volumes = vec!["/data".to_owned(), "/cache".to_owned()];
    }
    let mut settings = Settings::declared(&record.offer.plan).unwrap();
    settings.observe(&record).unwrap();
    assert_eq!(
        told(&settings),
        [
            "twin property interval",
            "route up",
            "volume data",
            "port 8080/tcp",
            "volume /cache",
            "undeclared port 9100/tcp",
            "output quality",
            "reported property version",
            "direct method calibrate",
            "its direct methods (their names are not visible)",
        ]
    );
    record.offer.plan.twin.clear();
    let mut settings = Settings::declared(&record.offer.plan).unwrap();
    settings.observe(&record).unwrap();
    let told = told(&settings);
    assert!(
        told.contains(&"its desired properties (their names are not visible)".to_owned()),
        "{told:?}"
    );
}
