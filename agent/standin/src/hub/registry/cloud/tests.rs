use super::*;
use serde_json::json;

fn keys() -> Keys {
    Keys {
        primary: [1; 32],
        secondary: [2; 32],
    }
}

fn with(identities: &[Identity]) -> Registry {
    let registry = Registry::default();
    for identity in identities {
        let made = registry.create(identity, "g".to_owned(), (keys(), Change::default()));
        made.unwrap();
    }
    registry
}

fn whole(desired: &Value) -> TwinChange<'_> {
    TwinChange {
        tags: None,
        desired: Some(desired),
        is_whole: true,
    }
}

#[test]
fn a_module_needs_its_device_and_goes_with_it() {
    let (d, m) = (Identity::device("d"), Identity::module("d", "m"));
    let registry = Registry::default();
    let lonely = registry.create(&m, String::new(), (keys(), Change::default()));
    assert_eq!(lonely.unwrap_err(), Refused::Unknown);
    let registry = with(&[d.clone(), m.clone(), Identity::device("e")]);
    let link = registry.open(&m, true).unwrap();
    registry.remove(&d, &Precondition::Exists).unwrap();
    assert!(registry.known(&m).is_none());
    assert_eq!(*link.close.borrow(), Some(DisconnectReason::Requested));
    assert_eq!(registry.identities(|_| true).len(), 1);
}

#[test]
fn a_stale_entity_tag_changes_nothing() {
    let d = Identity::device("d");
    let registry = with(std::slice::from_ref(&d));
    let first = Precondition::Etag(registry.known(&d).unwrap().twin_etag());
    let one = json!({"a": 1});
    registry.change_twin(&d, &first, &whole(&one)).unwrap();
    let again = registry.change_twin(&d, &first, &whole(&one));
    assert_eq!(again.unwrap_err(), Refused::Stale);
    let identity = Precondition::Etag(registry.known(&d).unwrap().identity_etag());
    registry.change(&d, &identity, Change::default()).unwrap();
    assert_eq!(registry.remove(&d, &identity), Err(Refused::Stale));
}

#[test]
fn what_a_client_reports_leaves_the_entity_tag_alone() {
    let d = Identity::device("d");
    let registry = with(std::slice::from_ref(&d));
    let before = registry.known(&d).unwrap();
    registry
        .patch_reported(&d, &json!({"a": 1}))
        .unwrap()
        .unwrap();
    let after = registry.known(&d).unwrap();
    assert_eq!(before.twin_etag(), after.twin_etag());
    assert_eq!(before.twin_version() + 1, after.twin_version());
}

#[test]
fn tags_or_properties_that_are_refused_leave_both_alone() {
    let d = Identity::device("d");
    let registry = with(std::slice::from_ref(&d));
    let (tags, desired) = (json!({"site": "a"}), json!({"a.b": 1}));
    let change = TwinChange {
        tags: Some(&tags),
        desired: Some(&desired),
        is_whole: false,
    };
    let refused = registry.change_twin(&d, &Precondition::None, &change);
    assert!(matches!(refused, Err(Refused::Twin(_))));
    assert_eq!(registry.known(&d).unwrap().record.tags, Map::new());
    let texts: Map<String, Value> = (0..3)
        .map(|n| (format!("t{n}"), "x".repeat(4000).into()))
        .collect();
    let tags = Value::Object(texts);
    let change = TwinChange {
        tags: Some(&tags),
        desired: None,
        is_whole: false,
    };
    let refused = registry.change_twin(&d, &Precondition::None, &change);
    assert!(matches!(refused, Err(Refused::TagsTooLarge(_))));
}

#[test]
fn a_device_has_fifty_modules_and_the_two_of_the_runtime() {
    let mut identities = vec![Identity::device("d")];
    identities.extend((0..50).map(|n| Identity::module("d", &format!("m{n}"))));
    let registry = with(&identities);
    let one_more = |module| {
        let identity = Identity::module("d", module);
        registry.create(&identity, String::new(), (keys(), Change::default()))
    };
    assert_eq!(one_more("m50").unwrap_err(), Refused::TooManyModules);
    assert!(one_more("$edgeAgent").is_ok());
}

#[test]
fn a_replaced_document_reaches_a_client_as_the_patch_that_makes_it() {
    let d = Identity::device("d");
    let registry = with(std::slice::from_ref(&d));
    let mut link = registry.open(&d, true).unwrap();
    registry.subscribe(&d, Subscription::Desired);
    let first = json!({"a": {"b": 1, "c": 2, "d": 4}, "x": 1});
    registry
        .change_twin(&d, &Precondition::None, &whole(&first))
        .unwrap();
    let _first = link.commands.try_recv().unwrap();
    let second = json!({"a": {"b": 3, "d": 4}, "y": 1});
    registry
        .change_twin(&d, &Precondition::None, &whole(&second))
        .unwrap();
    let Command::Desired { version, body } = link.commands.try_recv().unwrap() else {
        panic!("a change was wanted");
    };
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(version, 3);
    assert_eq!(
        told,
        json!({"a": {"b": 3, "c": null}, "y": 1, "x": null, "$version": 3})
    );
}
