//! The search against thresholds that are known.

use proptest::prelude::*;

use super::*;

/// Plays a search to its end against an oracle; at most a hundred tries, so that a search that never ends is seen.
fn played(plan: &Plan, mut fits: impl FnMut(u64, usize) -> bool) -> Vec<Tried> {
    let mut tried = Vec::new();
    while tried.len() < 100 {
        let (Next::Try(limit) | Next::Confirm(limit)) = next(plan, &tried) else {
            break;
        };
        let fits = fits(limit, tried.len());
        tried.push(Tried { limit, fits });
    }
    tried
}

fn limits(tried: &[Tried]) -> Vec<u64> {
    tried.iter().map(|one| one.limit / Bytes::MIB).collect()
}

#[test]
fn the_search_brackets_halves_and_repeats_both_ends() {
    let plan = Plan::memory(Bytes::mib(310), Bytes(0), Bytes::mib(8_192));
    let tried = played(&plan, |limit, _| limit >= Bytes::mib(300).0);
    assert_eq!(
        limits(&tried),
        [310, 232, 268, 288, 299, 310, 310, 299],
        "{tried:?}"
    );
    let found = found(&plan, &tried);
    assert_eq!(found.minimum, Some(plan.allowed(float(Bytes::mib(310).0))));
    assert!(found.settled && !found.unstable, "{found:?}");
    assert_eq!(found.fitted, 3);
}

#[test]
fn a_minimum_that_fails_once_is_given_up_for_a_higher_one() {
    let plan = Plan::memory(Bytes::mib(310), Bytes(0), Bytes::mib(8_192));
    let mut seen = 0;
    let tried = played(&plan, |limit, _| {
        let at_start = limit == Bytes::mib(310).0;
        seen += u32::from(at_start);
        limit >= Bytes::mib(300).0 && !(at_start && seen == 2)
    });
    let found = found(&plan, &tried);
    assert!(found.unstable, "{tried:?}");
    assert!(found.minimum > Some(Bytes::mib(310).0), "{tried:?}");
}

#[test]
fn where_not_even_the_whole_device_is_enough_there_is_no_minimum() {
    let plan = Plan::memory(Bytes::mib(310), Bytes(0), Bytes::mib(1_024));
    let tried = played(&plan, |_, _| false);
    assert_eq!(limits(&tried), [310, 434, 1_024]);
    assert_eq!(found(&plan, &tried).minimum, None);
}

#[test]
fn a_module_that_needs_next_to_nothing_ends_at_the_floor() {
    let plan = Plan::memory(Bytes::mib(9), Bytes::mib(7), Bytes::mib(1_024));
    let tried = played(&plan, |_, _| true);
    let found = found(&plan, &tried);
    let minimum = found.minimum.unwrap();
    assert!(plan.near(plan.floor, minimum), "{found:?}");
    assert!(found.settled && found.below.is_none(), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_monotone_threshold_is_found_within_5_percent_in_14_tries(
        device in 256..65_536_u64,
        start in 0.0..1.0_f64,
        threshold in 0.0..1.0_f64,
    ) {
        // Evenly by magnitude, from the floor to the whole device.
        let scaled = |share: f64| whole(6.0 * (float(device) / 6.0).powf(share) * 1_048_576.0);
        let plan = Plan::memory(Bytes(scaled(start)), Bytes(0), Bytes::mib(device));
        let threshold = scaled(threshold).min(plan.ceiling);
        let tried = played(&plan, |limit, _| limit >= threshold);
        let found = found(&plan, &tried);
        prop_assert!(tried.len() <= 14, "{} tries", tried.len());
        prop_assert!(found.settled && !found.unstable, "{:?}", found);
        let minimum = found.minimum.unwrap();
        prop_assert!(minimum >= threshold);
        prop_assert!(minimum as f64 <= threshold as f64 * 1.05 + plan.grain as f64, "{} for {}", minimum, threshold);
    }

    #[test]
    fn a_noisy_threshold_never_gives_a_limit_at_or_below_one_that_failed(
        start in 8..4_000_u64,
        threshold in 8..4_000_u64,
        coin in prop::collection::vec(any::<bool>(), 100),
        width in 1.0..2.0_f64,
    ) {
        let plan = Plan::memory(Bytes::mib(start), Bytes(0), Bytes::mib(8_192));
        let tried = played(&plan, |limit, n| {
            let ratio = limit as f64 / Bytes::mib(threshold).0 as f64;
            if (1.0 / width..width).contains(&ratio) { coin[n] } else { ratio >= 1.0 }
        });
        prop_assert!(tried.len() <= 14);
        let found = found(&plan, &tried);
        for one in tried.iter().filter(|one| !one.fits) {
            prop_assert!(found.minimum.is_none_or(|minimum| minimum > one.limit), "{:?}", tried);
        }
        let both = tried.iter().any(|one| one.fits && tried.iter().any(|other| !other.fits && other.limit >= one.limit));
        prop_assert_eq!(found.unstable, both);
        if found.settled {
            prop_assert!(found.fitted >= 3);
        }
    }

    #[test]
    fn storage_is_searched_in_at_most_eight_tries(written in 1..4_096_u64, share in 0.05..8.0_f64) {
        let plan = Plan::storage(Bytes::mib(written));
        let threshold = whole(float(Bytes::mib(written).0) * share).max(plan.floor).min(plan.allowed(f64::MAX));
        let tried = played(&plan, |limit, _| limit >= threshold);
        prop_assert!(tried.len() <= 8);
        let found = found(&plan, &tried);
        prop_assert!(found.minimum.is_none_or(|minimum| minimum >= threshold), "{:?}", tried);
    }

    #[test]
    fn cores_are_searched_in_at_most_ten_tries(busiest in 0.0..8.0_f64, threshold in 50..4_000_u64) {
        let plan = Plan::cores(busiest, 4);
        let tried = played(&plan, |limit, _| limit >= threshold);
        prop_assert!(tried.len() <= 10);
        let found = found(&plan, &tried);
        prop_assert!(found.minimum.is_some_and(|minimum| minimum >= threshold), "{:?}", tried);
    }
}
