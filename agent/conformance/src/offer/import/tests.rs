//! Solutions as the tools of IoT Edge make them, in; offers out. The files are of our own making, after the published shapes.

use proptest::prelude::*;

use super::*;

const TEMPLATE: &str = include_str!("../../../tests/data/solutions/deployment.template.json");
const DEPLOYMENT: &str = include_str!("../../../tests/data/solutions/deployment.json");
const LAYER: &str = include_str!("../../../tests/data/solutions/layer.json");
const MODULE: &str = include_str!("../../../tests/data/solutions/modules/AirFilter/module.json");

fn choices(module: Option<&str>, variables: &[(&str, &str)]) -> Choices {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Choices {
        module: module.map(str::to_owned),
        variables: variables.iter().map(owned).collect(),
    }
}

fn files<'t>(files: &[(&'t str, &'t str)]) -> Vec<SolutionFile<'t>> {
    let file = |(path, text): &(&'t str, &'t str)| SolutionFile { path, text };
    files.iter().map(file).collect()
}

fn one_line(told: &[Told]) -> Vec<String> {
    told.iter()
        .map(|told| {
            let Mistake {
                pointer,
                line,
                message,
                ..
            } = &told.mistake;
            let line = line.map_or_else(String::new, |line| format!(":{line}"));
            format!("{}{line} {pointer} {message}", told.path)
        })
        .collect()
}

#[test]
fn a_template_and_its_module_file_make_an_offer() {
    let solution = files(&[
        ("deployment.template.json", TEMPLATE),
        ("modules/AirFilter/module.json", MODULE),
    ]);
    let all = choices(
        Some("AirFilter"),
        &[
            ("REGISTRY", "contoso.azurecr.io"),
            ("STORE", "filter-data"),
            ("SITE", "<SITE>"),
        ],
    );
    let imported = import(&solution, &all).unwrap();
    let plan = &imported.read.offer.plan;
    assert_eq!(imported.read.offer.listing.name, "AirFilter");
    assert_eq!(
        plan.image.reference(),
        "contoso.azurecr.io/edge/airfilter:0.4.2"
    );
    let platforms: Vec<String> = plan.platforms.iter().map(ToString::to_string).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm/v7", "linux/arm64"]);
    assert_eq!(
        plan.create_options,
        r#"{"ExposedPorts":{"8080/tcp":{}},"HostConfig":{"Binds":["filter-data:/data"],"Memory":67108864}}"#
    );
    let env: Vec<String> = plan
        .env
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(env, ["LIMIT=25.50", "SITE=<SITE>", "VERBOSE=false"]);
    assert_eq!(
        plan.twin,
        r#"{"interval":10,"levels":{"warn":40,"stop":60}}"#
    );
    assert!(plan.uses_module_sdk);
    let routes: Vec<&str> = plan.routes.keys().map(String::as_str).collect();
    assert_eq!(routes, ["filterToHub", "thermometerToFilter"]);
    assert_eq!(plan.routes["thermometerToFilter"]["priority"], 0);
    assert!(!imported.text.contains("PASSWORD"), "{}", imported.text);
    assert_eq!(
        one_line(&imported.told),
        [
            "deployment.template.json:56 /modulesContent/$edgeAgent/properties.desired/modules/AirFilter version, status, restartPolicy, startupOrder are no part of an offer, and are left out",
            "deployment.template.json:92 /modulesContent/$edgeHub/properties.desired/routes/everything takes the messages of every module, not those of AirFilter alone, and is left out",
            "modules/AirFilter/module.json:14 /image/tag/platforms/mips `mips` is no platform that the tools know, and is left out",
            "modules/AirFilter/module.json:7 /image/tag/version the tools push 0.4.2-PLATFORM for each platform; the offer's default tag is 0.4.2",
        ]
    );
}

#[test]
fn variables_without_a_value_are_kept_and_told() {
    let solution = files(&[("d.json", TEMPLATE), ("AirFilter/module.json", MODULE)]);
    let imported = import(&solution, &choices(Some("AirFilter"), &[("STROE", "x")])).unwrap();
    let plan = &imported.read.offer.plan;
    assert_eq!(plan.image.repository, "fill-in.azurecr.io/edge/airfilter");
    assert_eq!(plan.env["SITE"], "${SITE}");
    let told = one_line(&imported.told);
    for part in [
        "the offer file  no file has a variable ${STROE}",
        "AirFilter/module.json:5 /image/repository holds ${REGISTRY}, which has no value",
        "/plan/createOptions/HostConfig/Binds/0 holds ${STORE}, as in the solution",
        "/plan/env/SITE holds ${SITE}, as in the solution",
    ] {
        assert!(
            told.iter().any(|told| told.contains(part)),
            "{part} is missing in {told:#?}"
        );
    }
    let open = |warning: &&Mistake| warning.pointer == "/plan/image/repository";
    assert!(imported.read.warnings.iter().any(|warning| open(&warning)));
}

#[test]
fn a_manifest_gives_the_same_with_create_options_in_chunks() {
    let imported = import(
        &files(&[("deployment.json", DEPLOYMENT)]),
        &Choices::default(),
    )
    .unwrap();
    let plan = &imported.read.offer.plan;
    assert_eq!(
        plan.create_options,
        r#"{"ExposedPorts":{"8080/tcp":{}},"HostConfig":{"Binds":["filter-data:/data"],"Memory":67108864}}"#
    );
    assert_eq!(
        plan.image.reference(),
        "contoso.azurecr.io/edge/airfilter:0.4.2-amd64"
    );
    let told = one_line(&imported.told).join("\n");
    assert!(
        told.contains("its tag ends in -amd64, the platform"),
        "{told}"
    );
    // With the module.json beside it, tag and platforms are the version's.
    let both = files(&[("deployment.json", DEPLOYMENT), ("module.json", MODULE)]);
    let registry = choices(None, &[("REGISTRY", "contoso.azurecr.io")]);
    let both = import(&both, &registry).unwrap().read.offer.plan;
    assert_eq!(
        (both.image.tag.as_str(), both.platforms.len()),
        ("0.4.2", 3)
    );
}

#[test]
fn a_layer_is_read_by_its_paths() {
    let imported = import(&files(&[("layer.json", LAYER)]), &Choices::default()).unwrap();
    let plan = &imported.read.offer.plan;
    assert_eq!(
        plan.image.reference(),
        "contoso.azurecr.io/edge/airfilter:0.4.2"
    );
    assert_eq!(plan.create_options, "{}");
    assert_eq!(plan.twin, r#"{"interval":10,"levels":{"warn":40}}"#);
    assert_eq!(plan.routes.len(), 1);
}

#[test]
fn a_module_file_alone_makes_an_offer_named_after_its_directory() {
    let file = files(&[("/src/modules/AirFilter/module.json", MODULE)]);
    let imported = import(&file, &choices(None, &[("REGISTRY", "contoso.azurecr.io")])).unwrap();
    assert_eq!(imported.read.offer.listing.name, "AirFilter");
    assert!(!imported.read.offer.plan.uses_module_sdk);
    let bare = import(&files(&[("module.json", MODULE)]), &Choices::default()).unwrap();
    assert_eq!(bare.read.offer.listing.name, "airfilter");
}

#[test]
fn every_mistake_of_every_file_is_told_at_once() {
    let deployment = r#"{"modulesContent": {"$edgeAgent": {"properties.desired": {"modules": {
        "a": {"env": {"N": 5, "M": {}, "L": {"value": []}},
              "settings": {"createOptions": "{", "createOptions02": "}"}}}}},
        "$edgeHub": {"properties.desired": {"routes": []}},
        "a": {"properties.desired": 7, "tags": {}}}}"#;
    let module = r#"{"image": {"repository": "contoso.azurecr.io/A:1", "tag": {"platforms": []}},
        "image2": {"x": 1, "x": 2}}"#;
    let solution = files(&[
        ("d.json", deployment),
        ("m.json", module),
        ("broken.json", "{\"n\": ${N}}"),
        ("other.json", "[]"),
        ("again.json", r#"{"modulesContent": {}}"#),
    ]);
    let told = one_line(&import(&solution, &Choices::default()).unwrap_err());
    let agent = "/modulesContent/$edgeAgent/properties.desired/modules/a";
    let expected = [
        format!("d.json:2 {agent}/env/N a number stands instead of an object"),
        format!("d.json:2 {agent}/env/M/value `value` is missing"),
        format!("d.json:2 {agent}/env/L/value a list stands instead of a string, a number, true or false"),
        format!("d.json:3 {agent}/settings/createOptions01 `createOptions02` is given, but `createOptions01` is not"),
        format!("d.json:3 {agent}/settings/image `image` is missing"),
        "d.json:4 /modulesContent/$edgeHub/properties.desired/routes a list stands instead of an object".to_owned(),
        "d.json:5 /modulesContent/a/properties.desired a number stands instead of an object".to_owned(),
        "m.json:1 /image/repository `A` is no part of a repository".to_owned(),
        "m.json:1 /image/tag/version `version` is missing".to_owned(),
        "m.json:1 /image/tag/platforms a list stands instead of an object".to_owned(),
        "m.json:2 /image2/x this member stands more than once".to_owned(),
        "broken.json:1  this is not JSON".to_owned(),
        "other.json:1  is neither a deployment".to_owned(),
        "again.json:1  is a second deployment".to_owned(),
    ];
    for wanted in &expected {
        assert!(
            told.iter().any(|told| told.contains(wanted)),
            "{wanted}\nis missing in {told:#?}"
        );
    }
    assert_eq!(told.len(), expected.len(), "{told:#?}");
}

#[test]
fn a_module_that_is_not_named_or_not_there_is_a_mistake() {
    for (module, message, mend) in [
        (
            None,
            "has 2 modules: Thermometer, AirFilter",
            "--module NAME",
        ),
        (
            Some("AirFlter"),
            "has no module AirFlter",
            "is --module AirFilter meant?",
        ),
        (Some("x"), "has no module x", "Thermometer, AirFilter"),
        (
            Some("AirFilter"),
            "`${MODULES.AirFilter}` is the image that the module.json of AirFilter describes",
            "give that module.json",
        ),
    ] {
        let told = import(&files(&[("d.json", TEMPLATE)]), &choices(module, &[])).unwrap_err();
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].mistake.message.contains(message), "{told:#?}");
        assert!(told[0].mistake.mend.contains(mend), "{told:#?}");
        assert!(told[0].mistake.line.is_some(), "{told:#?}");
    }
    let none = import(&[], &Choices::default()).unwrap_err();
    assert!(none[0].mistake.message.contains("no file says which image"));
}

#[test]
fn a_deployment_and_the_module_file_of_another_image_are_refused() {
    let other = MODULE.replace("${REGISTRY}/edge/airfilter", "fabrikam.azurecr.io/other");
    let both = files(&[("deployment.json", DEPLOYMENT), ("module.json", &other)]);
    let told = one_line(&import(&both, &Choices::default()).unwrap_err());
    assert!(
        told[0].contains(
            "is of contoso.azurecr.io/edge/airfilter, and its module.json is of fabrikam"
        ),
        "{told:?}"
    );
}

#[test]
fn create_options_that_an_object_would_change_stay_a_text() {
    for (text, value) in [
        ("", json!({})),
        (r#"{"A": 1}"#, json!({"A": 1})),
        (r#"{"A":1,"A":2}"#, json!(r#"{"A":1,"A":2}"#)),
        (r#"{"A":1.50}"#, json!(r#"{"A":1.50}"#)),
        ("{\"A\":", json!("{\"A\":")),
        ("[]", json!("[]")),
    ] {
        assert_eq!(document(text), value, "{text}");
    }
}

/// Any JSON value, nested a little, with the names that a deployment has.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        "(\\$\\{[A-Z.<>/]{0,8}\\}|FROM /messages/\\* INTO \\$upstream|\\PC{0,12})"
            .prop_map(Value::from),
    ];
    let name = "(\\$edgeAgent|\\$edgeHub|properties\\.desired(\\.(modules|routes)(\\.[a-z])?)?|modules|routes|settings|image|tag|version|platforms|env|value|createOptions(0[1-3])?|repository|[a-z]{0,3})";
    leaf.prop_recursive(6, 48, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_an_offer_holds_is_what_the_deployment_said(
        twin in value(), options in value(), env in "\\PC{0,20}", route in "\\PC{0,20}",
    ) {
        let twin = object(json!({"t": twin}));
        let options = object(json!({"o": options}));
        let solution = json!({"modulesContent": {
            "$edgeAgent": {"properties.desired": {"modules": {"m": {
                "env": {"E": {"value": env}},
                "settings": {"image": "a.azurecr.io/m:1.0.0", "createOptions": options}}}}},
            "$edgeHub": {"properties.desired": {"routes": {"r": format!("FROM /messages/modules/m/* WHERE {route}")}}},
            "m": {"properties.desired": twin}}});
        let text = solution.to_string();
        let imported = import(&files(&[("d.json", &text)]), &Choices::default());
        let plan = imported.map_err(|told| TestCaseError::fail(format!("{told:?}")))?.read.offer.plan;
        prop_assert_eq!(plan.twin, Value::Object(twin).to_string());
        prop_assert_eq!(plan.create_options, Value::Object(options).to_string());
        prop_assert_eq!(&plan.env["E"], &env);
        prop_assert_eq!(plan.routes.len(), 1);
    }

    #[test]
    fn no_solution_makes_the_import_panic_and_what_it_makes_can_be_read(
        content in value(), image in value(), raw in "\\PC{0,60}",
    ) {
        let deployment = json!({"modulesContent": content}).to_string();
        let module = json!({"image": image}).to_string();
        let all = files(&[("d.json", &deployment), ("x/module.json", &module), ("raw.json", &raw)]);
        for some in [&all[..1], &all[1..2], &all[..2], &all[..]] {
            if let Ok(imported) = import(some, &Choices::default()) {
                prop_assert_eq!(read(&imported.text), Ok(imported.read));
            }
        }
    }
}
