//! Where a run takes place: an engine, and what is known of the device that it is on.

use anyhow::Context as _;

use crate::cli::PlaceArgs;
use crate::device;
use crate::exit::Refused;
use crate::tunnel::EngineUrl;

/// A place to certify at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    /// Name of the device, where it was chosen by name.
    pub(crate) name: Option<String>,
    /// Its engine.
    pub(crate) engine: EngineUrl,
    /// How many times slower than a real one an emulated device is.
    pub(crate) slowdown: Option<f64>,
}

/// The engine where neither flag nor variable names one.
const DEFAULT_ENGINE: &str = "unix:///var/run/docker.sock";

/// The places asked for, in the order given: emulated devices by name, else the one engine.
///
/// # Errors
/// A device is named twice or does not run, or the engine's URL is none.
pub(crate) fn asked(args: &PlaceArgs) -> anyhow::Result<Vec<Place>> {
    if args.device.is_empty() {
        let host = std::env::var("DOCKER_HOST").ok();
        let (url, named_by) = engine_url(args.engine.as_deref(), host.as_deref());
        return Ok(vec![Place {
            name: None,
            engine: EngineUrl::read(named_by, url, args.tls_certs.as_deref())?,
            slowdown: None,
        }]);
    }
    let mut places = Vec::new();
    for (index, name) in args.device.iter().enumerate() {
        let earlier = args.device.iter().take(index);
        if earlier.into_iter().any(|earlier| earlier == name) {
            return Err(Refused::Usage(format!("--device {name} is given twice")).into());
        }
        places.push(emulated(name)?);
    }
    Ok(places)
}

/// The one place asked for, of a command that works at one only.
///
/// # Errors
/// As [`asked`], or several devices are named.
pub(crate) fn one(args: &PlaceArgs) -> anyhow::Result<Place> {
    if args.device.len() > 1 {
        let why = "--device: this command takes place on one device";
        return Err(Refused::Usage(why.to_owned()).into());
    }
    let mut places = asked(args)?;
    places.pop().context("choose a place")
}

/// The engine's URL and what names it: the flag, else `DOCKER_HOST` as for every tool of Docker's, where an empty one is none.
fn engine_url<'a>(flag: Option<&'a str>, host: Option<&'a str>) -> (&'a str, &'static str) {
    match (flag, host.filter(|host| !host.is_empty())) {
        (Some(url), _) => (url, "--engine "),
        (None, Some(url)) => (url, "DOCKER_HOST="),
        (None, None) => (DEFAULT_ENGINE, "--engine "),
    }
}

fn emulated(name: &str) -> anyhow::Result<Place> {
    let device = device::running(name)?;
    Ok(Place {
        name: Some(device.name),
        engine: EngineUrl::Tls {
            host: "127.0.0.1".to_owned(),
            port: device.port,
            certificates: device.certs,
        },
        slowdown: device.emulated.then_some(device.slowdown.max(1.0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_goes_before_the_variable_and_an_empty_variable_is_none() {
        let (flag, host) = (Some("ssh://pi"), Some("tcp://box:2376"));
        assert_eq!(engine_url(flag, host).0, "ssh://pi");
        assert_eq!(engine_url(None, host), ("tcp://box:2376", "DOCKER_HOST="));
        assert_eq!(engine_url(None, Some("")).0, DEFAULT_ENGINE);
        assert_eq!(engine_url(None, None).0, DEFAULT_ENGINE);
    }
}
