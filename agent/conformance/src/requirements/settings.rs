//! What a customer can set or has to know of a module: by the offer's defaults, by its image, and by what a run saw it use.

mod observed;

use serde_json::{Map, Value};

use super::mentions::{Mention, Text};
use crate::create_options::CreateOptions;
use crate::finding::{Reason, Unseen};
use crate::offer::Plan;
use crate::route::Entry;

/// Kinds of settings, in the order in which they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// An environment variable.
    Variable,
    /// A desired property with a default, by the names on its way.
    Desired(Vec<String>),
    /// A default route, by its text.
    Route(String),
    /// A port of the container, `tcp` or `udp`, by its number.
    Port(String, &'static str),
    /// A TCP port on which the module listens though neither the offer nor the image declares it, by its number.
    Undeclared(String),
    /// A port of the host, `tcp` or `udp`, by its number.
    HostPort(String, &'static str),
    /// A path of the host that is mounted, and where.
    HostPath(String),
    /// A volume, and where it is mounted.
    Volume(String),
    /// A device node of the host.
    Device,
    /// An output that the module sent messages on.
    Output,
    /// A property that the module reported.
    Reported,
    /// A direct method that the module answered.
    Method,
    /// Direct methods that the module listens for: which ones shows when they are called.
    Methods,
    /// Desired properties that the module asks for though the offer has no default for one.
    AnyDesired,
}

impl Kind {
    /// In words, to stand before the name.
    pub(super) const fn words(&self) -> &'static str {
        match self {
            Kind::Variable => "environment variable",
            Kind::Desired(_) => "twin property",
            Kind::Route(_) => "route",
            Kind::Port(..) => "port",
            Kind::Undeclared(_) => "undeclared port",
            Kind::HostPort(..) => "host port",
            Kind::HostPath(_) => "host path",
            Kind::Volume(_) => "volume",
            Kind::Device => "device",
            Kind::Output => "output",
            Kind::Reported => "reported property",
            Kind::Method => "direct method",
            Kind::Methods | Kind::AnyDesired => "its",
        }
    }

    /// In words, to stand by itself.
    pub(super) const fn heading(&self) -> &'static str {
        match self {
            Kind::Methods => "their names, not visible from outside",
            Kind::AnyDesired => "their names, the offer has no default",
            Kind::Variable
            | Kind::Desired(_)
            | Kind::Route(_)
            | Kind::Port(..)
            | Kind::HostPort(..)
            | Kind::Undeclared(_)
            | Kind::HostPath(_)
            | Kind::Volume(_)
            | Kind::Device
            | Kind::Output
            | Kind::Reported
            | Kind::Method => self.words(),
        }
    }
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) kind: Kind,
    /// Its name as a customer would look for it.
    pub(super) name: String,
    /// Its default as the offer gives it.
    pub(super) default: Option<Value>,
}

impl Setting {
    /// `environment variable LOG_LEVEL`.
    pub(super) fn told(&self) -> String {
        let told = format!("{} {}", self.kind.words(), self.name);
        if matches!(self.kind, Kind::Methods | Kind::AnyDesired) {
            told + " (their names are not visible)"
        } else {
            told
        }
    }

    /// How surely a text mentions it.
    pub(super) fn mention(&self, text: &Text) -> Mention {
        let name = &self.name;
        match &self.kind {
            Kind::Desired(path) => text.path(path),
            Kind::Route(route) => text.name(name).max(text.words(route)),
            Kind::Port(number, protocol) | Kind::HostPort(number, protocol) => {
                text.port(number, protocol)
            }
            Kind::Undeclared(number) => text.port(number, "tcp"),
            Kind::Volume(target) => text.name(name).max(text.name(target)),
            Kind::Methods => text.phrase(&["direct method"]),
            Kind::AnyDesired => text.phrase(&["desired propert", "twin propert"]),
            Kind::Variable
            | Kind::HostPath(_)
            | Kind::Device
            | Kind::Output
            | Kind::Reported
            | Kind::Method => text.name(name),
        }
    }
}

/// Settings, each once, in the order of their finding.
#[derive(Debug, Default)]
pub(super) struct Settings(pub(super) Vec<Setting>);

impl Settings {
    /// By the offer's defaults alone.
    ///
    /// # Errors
    /// createOptions or twin that cannot be read.
    pub(super) fn declared(plan: &Plan) -> Result<Settings, Unseen> {
        let mut settings = Settings::default();
        for (name, value) in &plan.env {
            settings.add(Kind::Variable, name, Some(Value::from(value.as_str())));
        }
        settings.desired(&properties(&plan.twin)?, &[]);
        for (name, value) in &plan.routes {
            let route = Entry::of(value).map_or_else(|_| String::new(), |entry| entry.route);
            let default = Some(value.clone()).filter(|_| route.is_empty());
            let default = default.unwrap_or_else(|| Value::from(route.as_str()));
            settings.add(Kind::Route(route), name, Some(default));
        }
        settings.create_options(&plan.create_options)?;
        Ok(settings)
    }

    fn add(&mut self, kind: Kind, name: &str, default: Option<Value>) {
        let setting = Setting {
            name: name.to_owned(),
            kind,
            default,
        };
        let same = |known: &Setting| known.kind == setting.kind && known.name == setting.name;
        if !setting.name.is_empty() && !self.0.iter().any(same) {
            self.0.push(setting);
        }
    }

    /// Desired properties down to those that hold no others. JSON readers bound the depth of a document, and so of this walk.
    fn desired(&mut self, properties: &Map<String, Value>, within: &[String]) {
        for (name, value) in properties {
            let path = [within, std::slice::from_ref(name)].concat();
            if let Some(inner) = value.as_object().filter(|inner| !inner.is_empty()) {
                self.desired(inner, &path);
            } else {
                let name = path.join(".");
                self.add(Kind::Desired(path), &name, Some(value.clone()));
            }
        }
    }

    fn create_options(&mut self, text: &str) -> Result<(), Unseen> {
        let options = CreateOptions::parse(text).map_err(|_mistakes| {
            Unseen::new(
                Reason::InputMissing,
                "/plan/createOptions cannot be read, so nothing in it could be looked at; see IEM-CFG-03",
            )
        })?;
        let options = options.value();
        let host = &options["HostConfig"];
        for entry in items(&options["Env"]).filter_map(Value::as_str) {
            let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
            self.add(Kind::Variable, name, Some(Value::from(value)));
        }
        for port in keys(&options["ExposedPorts"]).chain(keys(&host["PortBindings"])) {
            self.port(port);
        }
        for (port, bindings) in host["PortBindings"].as_object().into_iter().flatten() {
            let (number, protocol) = port_of(port);
            let published = items(bindings).filter_map(|binding| binding["HostPort"].as_str());
            for host_port in published.filter(|host_port| *host_port != number) {
                let kind = Kind::HostPort(host_port.to_owned(), protocol);
                self.add(kind, host_port, Some(Value::from(host_port)));
            }
        }
        for bind in items(&host["Binds"]).filter_map(Value::as_str) {
            let mut parts = bind.split(':');
            let (source, target) = (parts.next().unwrap_or_default(), parts.next());
            self.mount(source, target.unwrap_or(source), Value::from(bind));
        }
        for mount in items(&host["Mounts"]).filter(|mount| mount["Type"] != "tmpfs") {
            let part = |name: &str| mount[name].as_str().unwrap_or_default();
            self.mount(part("Source"), part("Target"), mount.clone());
        }
        for volume in keys(&options["Volumes"]) {
            self.mount("", volume, Value::from(volume.as_str()));
        }
        for device in items(&host["Devices"]) {
            let path = device["PathOnHost"].as_str().unwrap_or_default();
            self.add(Kind::Device, path, Some(Value::from(path)));
        }
        Ok(())
    }

    fn port(&mut self, port: &str) {
        let (number, protocol) = port_of(port);
        let name = format!("{number}/{protocol}");
        let kind = Kind::Port(number.to_owned(), protocol);
        self.add(kind, &name, Some(Value::from(name.as_str())));
    }

    /// A path of the host, a volume by name, or one without a name, mounted at `target`.
    fn mount(&mut self, source: &str, target: &str, default: Value) {
        let kind = if source.starts_with('/') {
            Kind::HostPath(target.to_owned())
        } else {
            Kind::Volume(target.to_owned())
        };
        let name = if source.is_empty() { target } else { source };
        self.add(kind, name, Some(default));
    }
}

/// Number and protocol of `8080/tcp`; `8080` alone means TCP.
fn port_of(port: &str) -> (&str, &'static str) {
    let (number, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
    let protocol = if protocol.eq_ignore_ascii_case("udp") {
        "udp"
    } else {
        "tcp"
    };
    (number, protocol)
}

/// The desired properties; none where the offer gives no twin.
fn properties(text: &str) -> Result<Map<String, Value>, Unseen> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(properties)) => Ok(properties),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) | Err(_) => Err(Unseen::new(
            Reason::InputMissing,
            "/plan/twin is no JSON object, so nothing in it could be looked at; see IEM-CFG-01",
        )),
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn keys(object: &Value) -> impl Iterator<Item = &String> {
    object
        .as_object()
        .into_iter()
        .flat_map(|object| object.keys())
}

#[cfg(test)]
mod tests;
