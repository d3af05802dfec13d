//! What image and run show of settings beside the offer's defaults.

use super::{Kind, Setting, Settings};
use crate::faults::{UNKNOWN_KEY, UNKNOWN_METHOD};
use crate::finding::Unseen;
use crate::observation::{EdgeUse, ImageConfig};
use crate::record::Record;
use crate::requirements::edge_use::{Presence, presence};
use crate::requirements::workload_calls;

impl Settings {
    /// What image and run show beside them.
    ///
    /// # Errors
    /// Image, run, ports or edgeHub were not seen.
    pub(in crate::requirements) fn observe(&mut self, record: &Record) -> Result<(), Unseen> {
        workload_calls::requests(record)?;
        self.image(&record.observations.image.get()?.config);
        let listening = &record.observations.listening;
        let unseen = |unseen: Unseen| {
            let because = format!(
                "the ports on which it listens were not seen: {}",
                unseen.because
            );
            Unseen::new(unseen.reason, because)
        };
        self.listening(listening.get().map_err(unseen)?);
        if let Presence::LoggedIn(edge) = presence(record)? {
            self.edge(edge);
        }
        Ok(())
    }

    /// Ports and volumes that the image declares. Its environment is left out: much of it is of the base image's making.
    fn image(&mut self, config: &ImageConfig) {
        for port in &config.exposed_ports {
            self.port(port);
        }
        for volume in &config.volumes {
            let at = |known: &Setting| matches!(&known.kind, Kind::HostPath(target) | Kind::Volume(target) if target == volume);
            if !self.0.iter().any(at) {
                self.add(Kind::Volume(volume.clone()), volume, None);
            }
        }
    }

    /// Ports on which the module listens beside those that are declared.
    fn listening(&mut self, ports: &[u16]) {
        for port in ports.iter().map(u16::to_string) {
            let declared = Kind::Port(port.clone(), "tcp");
            if !self.0.iter().any(|known| known.kind == declared) {
                self.add(Kind::Undeclared(port.clone()), &format!("{port}/tcp"), None);
            }
        }
    }

    /// What the module did at edgeHub, without what edgeproof itself had made up.
    fn edge(&mut self, edge: &EdgeUse) {
        for output in edge.outputs.iter().filter_map(|one| one.output.as_ref()) {
            self.add(Kind::Output, output, None);
        }
        let names = edge.twin.names.iter().filter(|name| *name != UNKNOWN_KEY);
        for name in names {
            let has_default = self.0.iter().any(
                |known| matches!(&known.kind, Kind::Desired(path) if path.first() == Some(name)),
            );
            if !has_default {
                self.add(Kind::Reported, name, None);
            }
        }
        let methods = edge.methods.iter().map(|one| &one.name);
        for name in methods.filter(|name| *name != UNKNOWN_METHOD) {
            self.add(Kind::Method, name, None);
        }
        let listens = |filter: &String| {
            filter.starts_with("$iothub/methods/") || filter.ends_with("/methods/devicebound")
        };
        if edge.subscriptions.iter().any(listens) {
            self.add(Kind::Methods, "direct methods", None);
        }
        let mut known = self.0.iter();
        let asks = edge.twin.reads > 0 || edge.twin.hears_changes;
        if asks && !known.any(|known| matches!(known.kind, Kind::Desired(_))) {
            self.add(Kind::AnyDesired, "desired properties", None);
        }
    }
}
