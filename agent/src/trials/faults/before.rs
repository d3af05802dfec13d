//! What flowed before a fault and does not after it. Pure.

use conformance::observation::Flow;

use super::follow::Seen;

/// How the module stands at edgeHub.
pub(super) struct Now {
    pub(super) connected: bool,
    /// Desired properties, methods, inputs.
    pub(super) hears: [bool; 3],
}

/// What flowed before and does not now. The last two are the number of logins before the connection was cut, where it was, and
/// the number of messages when the fault was over.
pub(super) fn not_as_before(
    before: &Flow,
    now: &Now,
    seen: &Seen,
    (cut_after, messages): (Option<u64>, u64),
) -> Vec<String> {
    let back = cut_after.is_none_or(|logins| seen.logins > logins);
    if !now.connected || !back {
        let refused = match seen.handshakes_failed {
            0 => String::new(),
            n => format!(" ({n} TLS handshakes failed)"),
        };
        return vec![format!("its connection to edgeHub{refused}")];
    }
    let [desired, methods, inputs] = now.hears;
    let heard = [
        (before.hears_changes, desired, "desired properties"),
        (before.hears_methods, methods, "direct methods"),
        (before.hears_inputs, inputs, "inputs"),
    ];
    let lost = heard.into_iter().filter(|(then, now, _)| *then && !now);
    let mut missing: Vec<String> = lost
        .map(|(_, _, what)| format!("its subscription to {what}"))
        .collect();
    if before.sends() && seen.messages <= messages {
        missing.push("its messages".to_owned());
    }
    missing
}

#[cfg(test)]
mod tests {
    use conformance::units::Millis;

    use super::*;

    const ALL: Flow = Flow {
        hears_changes: true,
        hears_methods: false,
        hears_inputs: true,
        messages: 5,
        over: Millis(5_000),
    };

    fn check(now: &Now, seen: &Seen, missing: &[&str]) {
        assert_eq!(not_as_before(&ALL, now, seen, (Some(1), 5)), missing);
    }

    #[test]
    fn whatever_flowed_before_is_missed_until_it_flows_again() {
        let on = |connected, hears| Now { connected, hears };
        let mut seen = Seen {
            logins: 1,
            messages: 5,
            ..Seen::default()
        };
        check(&on(true, [true; 3]), &seen, &["its connection to edgeHub"]);
        seen.handshakes_failed = 2;
        check(
            &on(false, [true; 3]),
            &seen,
            &["its connection to edgeHub (2 TLS handshakes failed)"],
        );
        seen.logins = 2;
        check(
            &on(true, [false, false, false]),
            &seen,
            &[
                "its subscription to desired properties",
                "its subscription to inputs",
                "its messages",
            ],
        );
        seen.messages = 6;
        check(&on(true, [true, false, true]), &seen, &[]);
        check(
            &on(false, [true; 3]),
            &seen,
            &["its connection to edgeHub (2 TLS handshakes failed)"],
        );
    }

    #[test]
    fn a_module_that_sent_nothing_before_need_send_nothing_after() {
        let still = Flow { messages: 1, ..ALL };
        let now = Now {
            connected: true,
            hears: [true; 3],
        };
        let seen = Seen::default();
        assert!(not_as_before(&still, &now, &seen, (None, 1)).is_empty());
    }
}
