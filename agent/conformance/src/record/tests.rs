//! Tests of `record.rs`.

use super::*;

#[test]
fn an_emulated_device_gets_more_time_and_the_same_profile() {
    let options = RunOptions {
        slowdown: Some(6.5),
        ..RunOptions::default()
    };
    let profile = Profile::quick().with_options(&options);
    assert_eq!(profile.name, ProfileName::Quick);
    assert_eq!(profile.start_budget, Millis(585_000));
    assert_eq!(profile.window, Profile::quick().window);
    for (slowdown, factor) in [(0.1, 1), (f64::INFINITY, 100), (1e9, 100)] {
        let options = RunOptions {
            slowdown: Some(slowdown),
            ..RunOptions::default()
        };
        assert_eq!(options.stretched(Millis(10)), Millis(10 * factor));
    }
}
