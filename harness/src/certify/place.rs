//! Where a run takes place: an engine, and what is known of the device that it is on.

use std::path::Path;

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

/// The places asked for, in the order given: emulated devices by name, else the one engine.
///
/// # Errors
/// A device is named twice or does not run, or the engine's URL is none.
pub(crate) fn asked(args: &PlaceArgs) -> anyhow::Result<Vec<Place>> {
    if args.device.is_empty() {
        let place = place_of(&args.engine, None, args.tls_certs.as_deref())?;
        return Ok(vec![place]);
    }
    let mut places = Vec::new();
    for (index, name) in args.device.iter().enumerate() {
        let earlier = args.device.iter().take(index);
        if earlier.into_iter().any(|earlier| earlier == name) {
            return Err(Refused::Usage(format!("--device {name} is given twice")).into());
        }
        places.push(place_of(&args.engine, Some(name), None)?);
    }
    Ok(places)
}

/// One place: an emulated device by name, else the engine at a URL.
///
/// # Errors
/// The device does not run, or the engine's URL is none.
pub(crate) fn place_of(
    engine: &str,
    device: Option<&str>,
    certificates: Option<&Path>,
) -> anyhow::Result<Place> {
    let Some(name) = device else {
        return Ok(Place {
            name: None,
            engine: EngineUrl::read(engine, certificates)?,
            slowdown: None,
        });
    };
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
