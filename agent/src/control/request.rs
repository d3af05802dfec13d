//! What a desired property or a call of `start` asks for, read with every mistake in it. Nothing is done here.

use conformance::offer;
use conformance::record::{ProfileName, RunOptions, ScopeName};
use conformance::run_request::{PackedOffer, RunRequest, sha256_hex};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::is_sha256;

/// A run that can begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// What was asked for, without the packed offer.
    pub request: RunRequest,
    /// SHA-256 of it: the same for the same run, however its offer travelled.
    pub digest: String,
    /// The offer's text, read without a mistake.
    pub offer: String,
}

/// Reads a request. `stored` gives the text of an offer that was handed over before, by its SHA-256.
///
/// # Errors
/// Every mistake, each after a JSON pointer into `value`.
pub fn read(
    value: &Value,
    stored: &dyn Fn(&str) -> Option<String>,
) -> Result<Accepted, Vec<String>> {
    let Value::Object(members) = value else {
        return Err(vec![": a JSON object is wanted".to_owned()]);
    };
    let mut reading = Reading {
        members,
        mistakes: Vec::new(),
    };
    let request = reading.request();
    let mut mistakes = reading.mistakes;
    if let Some(request) = &request {
        // What stands in for a member that cannot be read has no mistake that is worth telling.
        let told: Vec<String> = mistakes.iter().map(|mistake| place(mistake)).collect();
        let own = request.mistakes().into_iter();
        mistakes.extend(own.filter(|mistake| {
            !told.contains(&place(mistake)) && !mistake.starts_with("/offer: missing")
        }));
        let text = if told.iter().any(|at| at == "/offer" || at == "/offerSha256") {
            None
        } else {
            offer_text(request, stored, &mut mistakes)
        };
        if let (true, Some(offer)) = (mistakes.is_empty(), text) {
            let mut request = request.clone();
            request.offer = None;
            let bytes = serde_json::to_vec(&request).map_err(|error| vec![format!(": {error}")])?;
            return Ok(Accepted {
                digest: sha256_hex(&bytes),
                request,
                offer,
            });
        }
    }
    Err(mistakes)
}

fn place(mistake: &str) -> String {
    mistake.split(':').next().unwrap_or_default().to_owned()
}

/// The offer's text, whole and without a mistake of its own.
fn offer_text(
    request: &RunRequest,
    stored: &dyn Fn(&str) -> Option<String>,
    mistakes: &mut Vec<String>,
) -> Option<String> {
    let text = match &request.offer {
        Some(_) => request.offer_text(),
        None => stored(&request.offer_sha256).ok_or_else(|| {
            "/offer: missing, and no offer with this offerSha256 was handed over".to_owned()
        }),
    };
    let text = text.map_err(|mistake| mistakes.push(mistake)).ok()?;
    if let Err(own) = offer::read(&text) {
        mistakes.extend(own.iter().map(|mistake| format!("/offer: {mistake}")));
        return None;
    }
    Some(text)
}

struct Reading<'a> {
    members: &'a Map<String, Value>,
    mistakes: Vec<String>,
}

impl Reading<'_> {
    /// The request, with something harmless where a member cannot be read; `None` if that is the offer.
    fn request(&mut self) -> Option<RunRequest> {
        let known = ["id", "profile", "scope", "offerSha256", "offer", "options"];
        for name in self
            .members
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
        {
            self.mistakes
                .push(format!("/{}: no such member", pointer(name)));
        }
        let id: Option<String> = self.member("id");
        let profile: Option<ProfileName> = self.member("profile");
        let scope: Option<ScopeName> = self.member("scope");
        let digest: Option<String> = self.member("offerSha256");
        if digest.as_ref().is_some_and(|digest| !is_sha256(digest)) {
            self.mistakes
                .push("/offerSha256: 64 lower-case hexadecimal digits".to_owned());
        }
        let offer: Option<PackedOffer> = match self.members.get("offer") {
            None | Some(Value::Null) => None,
            Some(_) => self.member("offer"),
        };
        Some(RunRequest {
            id: id.unwrap_or_default(),
            profile: profile.unwrap_or(ProfileName::Quick),
            scope: scope.unwrap_or(ScopeName::Device),
            offer_sha256: digest.unwrap_or_default(),
            offer,
            options: self.options(),
        })
    }

    fn member<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let Some(value) = self.members.get(name) else {
            self.mistakes.push(format!("/{name}: missing"));
            return None;
        };
        let read = T::deserialize(value);
        read.map_err(|error| self.mistakes.push(format!("/{name}: {error}")))
            .ok()
    }

    /// Every option by itself, so that one mistake does not hide another.
    fn options(&mut self) -> RunOptions {
        let members = match self.members.get("options") {
            None => return RunOptions::default(),
            Some(Value::Object(members)) => members,
            Some(_) => {
                self.mistakes
                    .push("/options: a JSON object is wanted".to_owned());
                return RunOptions::default();
            }
        };
        let mut sound = Map::new();
        for (name, value) in members {
            let at = format!("/options/{}", pointer(name));
            let before = self.mistakes.len();
            if let Value::Array(items) = value {
                for (index, item) in items.iter().enumerate() {
                    self.option(name, &json!([item]), &format!("{at}/{index}"));
                }
            }
            if self.mistakes.len() == before && self.option(name, value, &at) {
                sound.insert(name.clone(), value.clone());
            }
        }
        serde_json::from_value(Value::Object(sound)).unwrap_or_default()
    }

    fn option(&mut self, name: &str, value: &Value, at: &str) -> bool {
        let read = serde_json::from_value::<RunOptions>(json!({ name: value }));
        let Err(error) = read else { return true };
        let words = error.to_string();
        let words = if words.starts_with("unknown field") {
            "no such option"
        } else {
            &words
        };
        self.mistakes.push(format!("{at}: {words}"));
        false
    }
}

/// A name as part of a JSON pointer. Source: RFC 6901.
fn pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFER: &str = include_str!("../../../tests/candidates/well-behaved/offer.json");

    fn sound() -> Value {
        let options = RunOptions::default();
        let request =
            RunRequest::new("r1", ProfileName::Quick, ScopeName::Device, OFFER, options).unwrap();
        serde_json::to_value(request).unwrap()
    }

    fn nothing_stored(_: &str) -> Option<String> {
        None
    }

    fn mistakes(value: &Value) -> Vec<String> {
        read(value, &nothing_stored).unwrap_err()
    }

    #[test]
    fn a_run_is_the_same_however_its_offer_travels() {
        let with = read(&sound(), &nothing_stored).unwrap();
        let mut value = sound();
        value.as_object_mut().unwrap().remove("offer");
        assert_eq!(
            mistakes(&value),
            ["/offer: missing, and no offer with this offerSha256 was handed over"]
        );
        let digest = sha256_hex(OFFER.as_bytes());
        let stored = |asked: &str| (asked == digest).then(|| OFFER.to_owned());
        assert_eq!(read(&value, &stored).unwrap(), with);
        value["options"]["hermetic"] = json!(true);
        assert_ne!(read(&value, &stored).unwrap().digest, with.digest);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let mut value = sound();
        value["id"] = json!("../x");
        value["profile"] = json!("yearly");
        value["scope"] = json!("fleet");
        value["pro~file/"] = json!(1);
        value["options"] = json!({"starts": "two", "cadenceHz": 0, "grants": [7], "x": 1});
        let told = mistakes(&value);
        let places: Vec<String> = told.iter().map(|mistake| place(mistake)).collect();
        let mut wanted = [
            "/pro~0file~1",
            "/profile",
            "/options/starts",
            "/options/grants/0",
            "/options/x",
            "/id",
            "/scope",
            "/options/cadenceHz",
        ];
        wanted.sort_unstable();
        let mut sorted = places.clone();
        sorted.sort();
        assert_eq!(sorted, wanted, "{told:?}");
    }

    #[test]
    fn an_empty_request_misses_everything_and_no_object_is_none() {
        let told = mistakes(&json!({}));
        let places: Vec<String> = told.iter().map(|mistake| place(mistake)).collect();
        assert_eq!(places, ["/id", "/profile", "/scope", "/offerSha256"]);
        for value in [json!(null), json!([]), json!("run"), json!(7)] {
            assert_eq!(mistakes(&value), [": a JSON object is wanted"]);
        }
    }

    #[test]
    fn the_offer_s_own_mistakes_are_the_request_s() {
        let options = RunOptions::default();
        let request = RunRequest::new("r1", ProfileName::Quick, ScopeName::Device, "{}", options);
        let told = mistakes(&serde_json::to_value(request.unwrap()).unwrap());
        assert!(
            told.len() > 1 && told.iter().all(|m| m.starts_with("/offer: ")),
            "{told:?}"
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec(("[a-z/~.]{0,8}", inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_stands_in_a_member_it_is_accepted_or_told(name in prop::sample::select(vec!["id", "profile", "scope", "offerSha256", "offer", "options", "other"]), value in any_json()) {
            let mut request = sound();
            request[name] = value;
            match read(&request, &nothing_stored) {
                Ok(accepted) => prop_assert!(super::super::is_run_id(&accepted.request.id)),
                Err(mistakes) => prop_assert!(!mistakes.is_empty() && mistakes.iter().all(|m| m.starts_with('/')), "{mistakes:?}"),
            }
        }
    }
}
