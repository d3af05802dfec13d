use super::*;
use serde_json::json;

fn registry() -> (Registry, Identity) {
    let registry = Registry::default();
    let identity = Identity::module("d", "m");
    registry.register(&identity, [7; 32], "g".to_owned());
    (registry, identity)
}

#[test]
fn registering_twice_keeps_the_first_key() {
    let (registry, identity) = registry();
    assert_eq!(
        registry.register(&identity, [9; 32], "h".to_owned()),
        ([7; 32], "g".to_owned())
    );
}

#[test]
fn a_newer_connection_takes_over_and_outlives_the_older_ones_end() {
    let (registry, identity) = registry();
    let older = registry.open(&identity, true).unwrap();
    let newer = registry.open(&identity, true).unwrap();
    assert_eq!(*older.close.borrow(), Some(DisconnectReason::TakenOver));
    registry.close(&identity, older.id);
    assert!(registry.disconnect(&identity));
    assert_eq!(*newer.close.borrow(), Some(DisconnectReason::Requested));
}

#[test]
fn subscriptions_outlive_a_connection_that_is_not_clean() {
    let (registry, identity) = registry();
    let first = registry.open(&identity, false).unwrap();
    assert!(!first.session_present);
    registry.subscribe(&identity, Subscription::Methods);
    assert!(registry.open(&identity, false).unwrap().session_present);
    assert!(registry.is_subscribed(&identity, Subscription::Methods));
    assert!(!registry.open(&identity, true).unwrap().session_present);
    assert!(!registry.is_subscribed(&identity, Subscription::Methods));
}

#[test]
fn desired_changes_go_to_subscribed_clients_only() {
    let (registry, identity) = registry();
    let mut link = registry.open(&identity, true).unwrap();
    assert_eq!(
        registry.patch_desired(&identity, &json!({"a": 1})),
        Some(Ok(2))
    );
    assert!(link.commands.try_recv().is_err());
    registry.subscribe(&identity, Subscription::Desired);
    assert_eq!(
        registry.patch_desired(&identity, &json!({"a": null})),
        Some(Ok(3))
    );
    let Command::Desired { version, body } = link.commands.try_recv().unwrap() else {
        panic!("a change was wanted");
    };
    assert_eq!(version, 3);
    assert_eq!(body, br#"{"a":null,"$version":3}"#);
}

#[test]
fn a_client_that_lets_its_queue_run_full_is_dropped() {
    let (registry, identity) = registry();
    let link = registry.open(&identity, true).unwrap();
    registry.subscribe(&identity, Subscription::Desired);
    for n in 0..limits::COMMANDS {
        assert!(
            registry
                .patch_desired(&identity, &json!({ "n": n }))
                .unwrap()
                .is_ok()
        );
    }
    assert_eq!(*link.close.borrow(), None);
    assert!(
        registry
            .patch_desired(&identity, &json!({"n": "one too many"}))
            .unwrap()
            .is_ok()
    );
    assert_eq!(*link.close.borrow(), Some(DisconnectReason::Stalled));
}

#[test]
fn methods_reach_only_who_is_there_and_listens() {
    let (registry, identity) = registry();
    let call = || Invocation {
        name: "x".to_owned(),
        body: Vec::new(),
        answer: oneshot::channel().0,
    };
    assert_eq!(
        registry.invoke(&Identity::device("no"), call()),
        Err(Unreached::Unknown)
    );
    assert_eq!(registry.invoke(&identity, call()), Err(Unreached::Offline));
    let link = registry.open(&identity, true).unwrap();
    assert_eq!(
        registry.invoke(&identity, call()),
        Err(Unreached::NotSubscribed)
    );
    registry.subscribe(&identity, Subscription::Methods);
    assert_eq!(registry.invoke(&identity, call()), Ok(()));
    registry.close(&identity, link.id);
    assert_eq!(registry.invoke(&identity, call()), Err(Unreached::Offline));
}

#[test]
fn a_message_reaches_an_input_only_where_somebody_listens() {
    let (registry, identity) = registry();
    let send = || registry.send_to_input(&identity, "t", (Properties::default(), b"x".to_vec()));
    assert_eq!(send(), Err(Unreached::Offline));
    let mut link = registry.open(&identity, true).unwrap();
    assert_eq!(send(), Err(Unreached::NotSubscribed));
    registry.subscribe(&identity, Subscription::Inputs);
    assert_eq!(send(), Ok(()));
    assert!(matches!(
        link.commands.try_recv(),
        Ok(Command::Input { input, .. }) if input == "t"
    ));
}

#[test]
fn a_deployment_forgets_all_but_key_and_generation() {
    let (registry, identity) = registry();
    let link = registry.open(&identity, true).unwrap();
    registry.subscribe(&identity, Subscription::Methods);
    registry
        .patch_reported(&identity, &json!({"a": 1}))
        .unwrap()
        .unwrap();
    assert_eq!(registry.deploy(&identity, &json!({"b": 2})), Some(Ok(())));
    assert_eq!(*link.close.borrow(), Some(DisconnectReason::Requested));
    assert!(!registry.is_subscribed(&identity, Subscription::Methods));
    let twin = registry.twin(&identity).unwrap();
    assert_eq!(
        twin.document(),
        json!({"desired": {"b": 2, "$version": 1}, "reported": {"$version": 1}})
    );
    assert_eq!(registry.key(&identity), Some([7; 32]));
    // What the twin refuses changes nothing.
    let refused = registry.deploy(&identity, &json!({"a.b": 1})).unwrap();
    assert!(refused.is_err());
    assert_eq!(registry.twin(&identity).unwrap(), twin);
}
