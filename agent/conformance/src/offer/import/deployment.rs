//! One module of a deployment manifest or of its template, with the routes that name it.
//!
//! A manifest may hold the whole of a device, or be a layer, whose members name paths: `properties.desired.modules.NAME`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::documents;
use super::super::locate::child;
use super::super::walk::{Blank, Object, Walk, near_miss};
use super::routes;

/// What a deployment says of the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Deployed {
    /// Its name; empty where there is no deployment.
    pub(super) name: String,
    /// Its image as written, `${MODULES.…}` too, and where that stands.
    pub(super) image: Option<(String, super::Mistake)>,
    /// Its createOptions as IoT Edge would store them.
    pub(super) create_options: String,
    /// Its environment.
    pub(super) env: BTreeMap<String, String>,
    /// Its desired properties.
    pub(super) twin: Map<String, Value>,
    /// The routes that name it.
    pub(super) routes: Map<String, Value>,
}

impl Deployed {
    /// Without the module SDK a module has neither twin nor routes.
    pub(super) fn speaks_to_edge_hub(&self) -> bool {
        !self.twin.is_empty() || !self.routes.is_empty()
    }
}

const DESIRED: &str = "properties.desired";
const CONTENT: &str = "modulesContent";
/// Longest path of a subtree that is followed; a twin takes far less.
const DEEPEST: usize = 32;
/// What a deployment says of a module beside what an offer takes.
const NOT_IN_OFFERS: [&str; 6] = [
    "version",
    "status",
    "restartPolicy",
    "imagePullPolicy",
    "startupOrder",
    "digest",
];

/// A manifest, bare or in `content` as the command line of Azure takes it.
pub(super) fn is_one(value: &Value) -> bool {
    content(value).is_some()
}

fn content(value: &Value) -> Option<(&'static str, &Value)> {
    let bare = value
        .get(CONTENT)
        .map(|content| ("/modulesContent", content));
    bare.or_else(|| {
        let inner = value.get("content")?.get(CONTENT)?;
        Some(("/content/modulesContent", inner))
    })
}

/// Reads one module; several and no name are a mistake.
pub(super) fn read(walk: &mut Walk<'_>, value: &Value, wanted: Option<&str>) -> Option<Deployed> {
    let (at, content) = content(value)?;
    let content = walk.object(content, at)?;
    let agent = walk.required(&content, "$edgeAgent")?;
    let agent = walk.object(agent, &content.pointer_of("$edgeAgent"))?;
    let modules = named(walk, &agent, "modules");
    let (name, module) = chosen(walk, &agent, &modules, wanted)?;
    let mistakes_before = walk.mistakes.len();
    let module = walk.object(module, pointer_of(&modules, &name))?;
    let image = image_and_options(walk, &module);
    let env = environment(walk, &module);
    let twin = twin(walk, &content, &name);
    let hub = Walk::optional(&content, "$edgeHub")
        .and_then(|hub| walk.object(hub, &content.pointer_of("$edgeHub")));
    let routes = hub.map(|hub| named(walk, &hub, "routes"));
    let routes = routes::naming(walk, &routes.unwrap_or_default(), &name);
    left_out(walk, &module);
    let (image, create_options) = image?;
    (walk.mistakes.len() == mistakes_before).then_some(Deployed {
        name,
        image: Some(image),
        create_options,
        env,
        twin,
        routes,
    })
}

/// Entries by name, each with its place.
pub(super) type Named<'v> = Vec<(String, String, &'v Value)>;

fn pointer_of<'m>(named: &'m Named<'_>, name: &str) -> &'m str {
    named
        .iter()
        .find(|(known, ..)| known == name)
        .map_or("", |(_, pointer, _)| pointer)
}

/// The members of `properties.desired.<section>`, in whichever way the path is cut into names.
fn named<'v>(walk: &mut Walk<'_>, twin: &Object<'v>, section: &str) -> Named<'v> {
    let whole = format!("{DESIRED}.{section}");
    let mut found = Vec::new();
    let mut add = |walk: &mut Walk<'_>, value: &'v Value, pointer: &str| {
        if let Some(object) = walk.object(value, pointer) {
            let members = object.members.iter();
            found.extend(members.map(|(name, value)| (name.clone(), child(pointer, name), value)));
        }
    };
    for (name, value) in twin.members {
        let pointer = twin.pointer_of(name);
        if name == DESIRED {
            if let Some(inner) = walk.object(value, &pointer)
                && let Some(value) = Walk::optional(&inner, section)
            {
                add(walk, value, &inner.pointer_of(section));
            }
        } else if *name == whole {
            add(walk, value, &pointer);
        }
    }
    for (name, value) in twin.members {
        if let Some(one) = name.strip_prefix(&format!("{whole}.")) {
            found.push((one.to_owned(), twin.pointer_of(name), value));
        }
    }
    found
}

fn chosen<'v>(
    walk: &mut Walk<'_>,
    agent: &Object<'_>,
    modules: &Named<'v>,
    wanted: Option<&str>,
) -> Option<(String, &'v Value)> {
    let names: Vec<&str> = modules.iter().map(|(name, ..)| name.as_str()).collect();
    let all = names.join(", ");
    let found = match (wanted, modules.as_slice()) {
        (_, []) => {
            walk.mistake(
                &agent.pointer,
                "has no modules in its desired properties".to_owned(),
                "give a deployment with the module under `modules`",
            );
            return None;
        }
        (Some(wanted), _) => modules.iter().find(|(name, ..)| name == wanted),
        (None, [only]) => Some(only),
        (None, _) => {
            let message = format!("has {} modules: {all}", names.len());
            walk.mistake(
                &agent.pointer,
                message,
                "name one of them with --module NAME",
            );
            return None;
        }
    };
    if found.is_none() {
        let wanted = wanted.unwrap_or_default();
        let mend = match near_miss(wanted, names.into_iter()) {
            Some(meant) => format!("is --module {meant} meant?"),
            None => format!("name one of these with --module: {all}"),
        };
        walk.mistake(&agent.pointer, format!("has no module {wanted}"), mend);
    }
    found.map(|(name, _, value)| (name.clone(), *value))
}

type Image = (String, super::Mistake);

fn image_and_options(walk: &mut Walk<'_>, module: &Object<'_>) -> Option<(Image, String)> {
    let settings = walk.required(module, "settings")?;
    let settings = walk.object(settings, &module.pointer_of("settings"))?;
    let options = documents::create_options(walk, &settings);
    let image = walk.text(&settings, "image", Blank::Refused)?;
    let place = walk.place(&settings.pointer_of("image"));
    Some(((image, place), options?))
}

/// `{"NAME": {"value": …}}`, where a value is a text, a number or a truth value.
fn environment(walk: &mut Walk<'_>, module: &Object<'_>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let Some(given) = Walk::optional(module, "env")
        .and_then(|value| walk.object(value, &module.pointer_of("env")))
    else {
        return env;
    };
    for (name, entry) in given.members {
        let Some(entry) = walk.object(entry, &given.pointer_of(name)) else {
            continue;
        };
        let Some(value) = walk.required(&entry, "value") else {
            continue;
        };
        let pointer = entry.pointer_of("value");
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Bool(given) => given.to_string(),
            // As it is written: a number read and written again may look otherwise.
            Value::Number(number) => {
                let source = walk.places.source(&pointer);
                source.map_or_else(|| number.to_string(), str::to_owned)
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {
                walk.wrong_type(&pointer, value, "a string, a number, true or false");
                continue;
            }
        };
        env.insert(name.clone(), text);
    }
    env
}

/// The desired properties of the module's twin: the whole of them, or subtrees by their path.
fn twin(walk: &mut Walk<'_>, content: &Object<'_>, name: &str) -> Map<String, Value> {
    let mut twin = Map::new();
    let Some(given) = Walk::optional(content, name)
        .and_then(|value| walk.object(value, &content.pointer_of(name)))
    else {
        return twin;
    };
    if let Some(whole) = Walk::optional(&given, DESIRED)
        && let Some(whole) = walk.object(whole, &given.pointer_of(DESIRED))
    {
        twin = whole.members.clone();
    }
    for (member, value) in given.members {
        let pointer = given.pointer_of(member);
        match member.strip_prefix(&format!("{DESIRED}.")) {
            Some(path) if path.split('.').count() > DEEPEST => walk.mistake(
                &pointer,
                format!("has a path of more than {DEEPEST} names"),
                "flatten the document: a twin takes 10 levels",
            ),
            Some(path) => put(&mut twin, path, value),
            None if member == DESIRED => {}
            None => walk.warn(
                &pointer,
                "is no desired property, and is left out".to_owned(),
                "write desired properties under `properties.desired`",
            ),
        }
    }
    twin
}

/// Puts a value where its dotted path leads; what stood in the way makes room.
fn put(twin: &mut Map<String, Value>, path: &str, value: &Value) {
    match path.split_once('.') {
        None => {
            twin.insert(path.to_owned(), value.clone());
        }
        Some((first, rest)) => {
            let inner = twin.entry(first).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

fn left_out(walk: &mut Walk<'_>, module: &Object<'_>) {
    let names: Vec<&str> = NOT_IN_OFFERS
        .into_iter()
        .filter(|name| module.members.contains_key(*name))
        .collect();
    if !names.is_empty() {
        walk.warn(
            &module.pointer,
            format!(
                "{} are no part of an offer, and are left out",
                names.join(", ")
            ),
            "customers set them in their own deployment",
        );
    }
}
