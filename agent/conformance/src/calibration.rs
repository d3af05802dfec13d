//! How fast processors are, by measurement: what turns a claimed clock into cores of the device at hand.
//!
//! A row is one device's, measured by `edgeproof calibrate` with a fixed kernel. No reference value is shipped: a clock is
//! compared with the row of a device that has it.

use serde::{Deserialize, Serialize};

use crate::finding::{Reason, Unseen};
use crate::hardware::Claim;
use crate::record::Device;

/// Two devices of one architecture may differ by as much in ways that a small kernel does not show.
pub const ERROR_BAND: f64 = 0.30;
/// A device whose speed moves by more between the first and the last runs is measured in vain.
pub const MOST_DRIFT: f64 = 0.05;
/// A row speaks for clocks as near to its own as this.
const SAME_CLOCK: f64 = 0.05;

/// A file of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Calibration {
    /// `edgeproof/calibration/1`.
    pub schema: String,
    /// One row for each device.
    pub rows: Vec<Row>,
}

/// The schema of [`Calibration`].
pub const SCHEMA: &str = "edgeproof/calibration/1";

/// How fast one device's processor is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Row {
    /// Board or machine model, where it is told.
    pub board: Option<String>,
    /// CPU model.
    pub cpu_model: Option<String>,
    /// Kernel's architecture.
    pub architecture: Option<String>,
    /// Highest clock of a core in hertz, where the device tells it.
    pub hz: Option<u64>,
    /// An emulated device's speed says nothing.
    pub emulated: bool,
    /// Name of the kernel timed; rows of different kernels are not compared.
    pub kernel: String,
    /// Millions of steps per CPU second of one core: the median of the runs.
    pub speed: f64,
    /// Slowest run.
    pub low: f64,
    /// Fastest run.
    pub high: f64,
    /// Runs.
    pub n: u32,
    /// By how much the second half of the runs differed from the first, as a share.
    pub drift: f64,
    /// Name and version of the probe that measured.
    pub agent: String,
    /// RFC 3339, UTC, by the device's clock.
    pub made: String,
}

impl Row {
    /// Why the row says nothing, if it does not.
    #[must_use]
    pub fn void(&self) -> Option<String> {
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return Some("its speed is no positive number".to_owned());
        }
        // A drift that is no number is none that was seen to be small.
        if !(0.0..=MOST_DRIFT).contains(&self.drift) {
            return Some(format!(
                "its speed drifted by {:.1} % between first and last runs, at most {:.0} % is wanted",
                self.drift * 100.0,
                MOST_DRIFT * 100.0
            ));
        }
        if self.emulated {
            return Some("the device is emulated".to_owned());
        }
        None
    }

    fn is_of(&self, device: &Device) -> bool {
        self.cpu_model.is_some()
            && self.cpu_model == device.cpu_model
            && self.architecture == device.architecture
            && (self.board.is_none() || device.board.is_none() || self.board == device.board)
    }
}

/// A device beside a claimed clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// So many of its cores do the work of one core as claimed; below one.
    Faster(f64),
    /// One of its cores does less than one as claimed.
    Slower,
}

/// A device beside one that has the claimed clock.
///
/// # Errors
/// There is no row for one of the two, or they are too near to each other to be told apart.
pub fn speed(claimed_hz: u64, device: &Device, rows: &[Row]) -> Result<Speed, Unseen> {
    let mhz = claimed_hz / 1_000_000;
    let cannot = |because: String| Unseen::new(Reason::CannotMeasure, because);
    let sound = || rows.iter().filter(|row| row.void().is_none());
    let own = sound().find(|row| row.is_of(device)).ok_or_else(|| {
        cannot(format!(
            "the offer claims a clock of {mhz} MHz, and this device has no calibrated row to scale its own to that; `edgeproof calibrate` makes one, `certify --calibration FILE` takes it"
        ))
    })?;
    let reference = sound()
        .filter(|row| row.architecture == own.architecture && row.kernel == own.kernel)
        .filter(|row| row.hz.is_some_and(|hz| near(hz, claimed_hz)))
        .min_by(|a, b| a.speed.total_cmp(&b.speed))
        .ok_or_else(|| {
            cannot(format!(
                "no calibrated row is of a device of this architecture at {mhz} MHz, the clock claimed; `edgeproof calibrate` on such a device makes one"
            ))
        })?;
    let share = reference.speed / own.speed;
    if share < 1.0 - ERROR_BAND {
        return Ok(Speed::Faster(share));
    }
    if share > 1.0 + ERROR_BAND {
        return Ok(Speed::Slower);
    }
    Err(cannot(format!(
        "one core at {mhz} MHz is {share:.2} of this device's by calibrated rows: inside ± {:.0} % two processors cannot be told apart",
        ERROR_BAND * 100.0
    )))
}

#[allow(clippy::cast_precision_loss, reason = "clocks are far below 2^53")]
fn near(hz: u64, claimed: u64) -> bool {
    let (hz, claimed) = (hz as f64, claimed as f64);
    (hz - claimed).abs() <= SAME_CLOCK * claimed
}

/// The cores of this device that equal a claim's CPU; `None` where it claims none. A clock alone is one core's.
///
/// # Errors
/// A clock is claimed, and nothing scales this device to it.
pub fn claimed_cores(claim: &Claim, device: &Device, rows: &[Row]) -> Result<Option<f64>, Unseen> {
    let cores = claim.cpu_cores.map(f64::from);
    let Some(hz) = claim.cpu_hz else {
        return Ok(cores);
    };
    let cores = cores.unwrap_or(1.0);
    Ok(Some(match speed(hz, device, rows)? {
        Speed::Faster(share) => cores * share,
        Speed::Slower => cores,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const GHZ: u64 = 1_000_000_000;

    fn row(model: &str, hz: u64, speed: f64) -> Row {
        Row {
            cpu_model: Some(model.to_owned()),
            hz: Some(hz),
            speed,
            ..sample::row()
        }
    }

    fn of(own: f64, reference: f64) -> Result<Speed, Unseen> {
        let device = sample::record().device;
        let model = device.cpu_model.clone().unwrap();
        let rows = [row(&model, 3 * GHZ, own), row("slow", GHZ, reference)];
        speed(GHZ, &device, &rows)
    }

    #[test]
    fn a_faster_device_gets_a_share_and_a_slower_one_all_of_itself() {
        assert_eq!(of(100.0, 40.0), Ok(Speed::Faster(0.4)));
        assert_eq!(of(100.0, 140.0), Ok(Speed::Slower));
    }

    #[test]
    fn inside_the_band_nothing_is_told_apart() {
        for reference in [71.0, 100.0, 129.0] {
            let unseen = of(100.0, reference).unwrap_err();
            assert!(unseen.because.contains("± 30 %"), "{}", unseen.because);
        }
    }

    #[test]
    fn a_row_that_drifted_or_is_emulated_or_of_another_kernel_is_no_row() {
        let device = sample::record().device;
        let model = device.cpu_model.clone().unwrap();
        let rows = [row(&model, 3 * GHZ, 100.0), row("slow", GHZ, 40.0)];
        let spoilt: [fn(&mut Row); 6] = [
            |row| row.drift = 0.06,
            |row| row.drift = f64::NAN,
            |row| row.emulated = true,
            |row| row.kernel = "other".to_owned(),
            |row| row.speed = f64::INFINITY,
            |row| row.architecture = Some("aarch64".to_owned()),
        ];
        assert!(speed(GHZ, &device, &rows).is_ok());
        for (spoil, which) in spoilt.iter().zip([0, 0, 1, 1, 0, 1]) {
            let mut rows = rows.clone();
            spoil(&mut rows[which]);
            assert!(speed(GHZ, &device, &rows).is_err(), "{rows:?}");
        }
        assert!(speed(2 * GHZ, &device, &rows).is_err());
    }

    #[test]
    fn cores_alone_need_no_row() {
        let claim = |cores, hz| Claim {
            cpu_cores: cores,
            cpu_hz: hz,
            ..Claim::default()
        };
        let device = sample::record().device;
        let cores = |claim: &Claim| claimed_cores(claim, &device, &[]);
        assert_eq!(cores(&claim(Some(2), None)), Ok(Some(2.0)));
        assert_eq!(cores(&claim(None, None)), Ok(None));
        assert!(cores(&claim(Some(2), Some(GHZ))).is_err());
    }
}
