//! The paths of the service API, what each needs a right to, and whose modules it is about.

use percent_encoding::percent_decode_str;

use super::super::identity::Identity;
use super::access::Right;

/// What is done to one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Put,
    Patch,
    Delete,
}

/// One request of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `GET /devices`
    Devices,
    /// `GET /devices/{d}/modules`
    Modules { device: String },
    /// `GET`, `PUT` or `DELETE` of `/devices/{d}` or `/devices/{d}/modules/{m}`
    Identity { verb: Verb, identity: Identity },
    /// `GET`, `PUT` or `PATCH` of `/twins/{d}` or `/twins/{d}/modules/{m}`
    Twin { verb: Verb, identity: Identity },
    /// `POST /twins/…/methods`
    Method { identity: Identity },
    /// `POST /devices/query`
    Query,
    /// `POST /devices/{d}/applyConfigurationContent`
    Apply { device: String },
    /// `GET /configurations`
    Configurations,
    /// `POST /configurations/testQueries`
    TestQueries,
    /// `GET`, `PUT` or `DELETE` of `/configurations/{id}`
    Configuration { verb: Verb, id: String },
}

/// What a device's own token can be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject<'a> {
    ModulesOf(&'a str),
}

/// Why there is no route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Astray {
    /// Nothing is served at this path.
    Path,
    /// Something is, but not with this method.
    Method,
}

impl Route {
    /// The right that it needs. Taken from documentation, except for queries and for applying content, where it is our reading.
    pub(crate) fn right(&self) -> Right {
        match self {
            Self::Twin { .. } | Self::Method { .. } | Self::Query => Right::ServiceConnect,
            Self::Devices | Self::Modules { .. } | Self::Configurations | Self::TestQueries => {
                Right::RegistryRead
            }
            Self::Identity { verb, .. } | Self::Configuration { verb, .. } => match verb {
                Verb::Get => Right::RegistryRead,
                Verb::Put | Verb::Patch | Verb::Delete => Right::RegistryWrite,
            },
            Self::Apply { .. } => Right::RegistryWrite,
        }
    }

    /// Whose modules it is about, if it is one of the requests that a device may make for itself.
    pub(crate) fn subject(&self) -> Option<Subject<'_>> {
        match self {
            Self::Modules { device }
            | Self::Identity {
                identity: Identity::Module { device, .. },
                ..
            } => Some(Subject::ModulesOf(device)),
            Self::Devices
            | Self::Identity { .. }
            | Self::Twin { .. }
            | Self::Method { .. }
            | Self::Query
            | Self::Apply { .. }
            | Self::Configurations
            | Self::TestQueries
            | Self::Configuration { .. } => None,
        }
    }
}

/// The path's segments, decoded once; `None` where one is not UTF-8.
pub(crate) fn segments(path: &str) -> Option<Vec<String>> {
    let decoded = path.trim_matches('/').split('/');
    let decoded = decoded.map(|part| percent_decode_str(part).decode_utf8());
    let decoded = decoded.map(|part| part.map(std::borrow::Cow::into_owned));
    decoded.collect::<Result<_, _>>().ok()
}

/// What is asked for.
pub(crate) fn route(method: &str, path: &[String]) -> Result<Route, Astray> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let identity = |device: &str, module: Option<&&str>| match module {
        Some(module) => Identity::module(device, module),
        None => Identity::device(device),
    };
    let only = |wanted: &str, route: Route| {
        let is_it = method == wanted;
        is_it.then_some(route).ok_or(Astray::Method)
    };
    match &path[..] {
        ["devices"] => only("GET", Route::Devices),
        ["devices", "query"] if method == "POST" => Ok(Route::Query),
        ["devices", device, "applyConfigurationContent"] => {
            let device = (*device).to_owned();
            only("POST", Route::Apply { device })
        }
        ["devices", device, "modules"] => {
            let device = (*device).to_owned();
            only("GET", Route::Modules { device })
        }
        ["devices", device, rest @ ..] if matches!(rest, [] | ["modules", _]) => {
            let identity = identity(device, rest.get(1));
            let verb = verb(method, Verb::Patch)?;
            Ok(Route::Identity { verb, identity })
        }
        ["twins", device, rest @ .., "methods"] if matches!(rest, [] | ["modules", _]) => {
            let identity = identity(device, rest.get(1));
            only("POST", Route::Method { identity })
        }
        ["twins", device, rest @ ..] if matches!(rest, [] | ["modules", _]) => {
            let identity = identity(device, rest.get(1));
            let verb = verb(method, Verb::Delete)?;
            Ok(Route::Twin { verb, identity })
        }
        ["configurations"] => only("GET", Route::Configurations),
        ["configurations", "testQueries"] if method == "POST" => Ok(Route::TestQueries),
        ["configurations", id] => {
            let id = (*id).to_owned();
            let verb = verb(method, Verb::Patch)?;
            Ok(Route::Configuration { verb, id })
        }
        _ => Err(Astray::Path),
    }
}

/// The verb, unless it is the one that is not served here.
fn verb(method: &str, unserved: Verb) -> Result<Verb, Astray> {
    let verb = match method {
        "GET" => Verb::Get,
        "PUT" => Verb::Put,
        "PATCH" => Verb::Patch,
        "DELETE" => Verb::Delete,
        _ => return Err(Astray::Method),
    };
    (verb != unserved).then_some(verb).ok_or(Astray::Method)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: &str, path: &str) -> Result<Route, Astray> {
        route(method, &segments(path).unwrap())
    }

    #[test]
    fn the_five_requests_of_the_identity_daemon_are_about_a_devices_own_modules() {
        for (method, path) in [
            ("GET", "/devices/d1/modules"),
            ("GET", "/devices/d1/modules/$edgeAgent"),
            ("GET", "/devices/d1/modules/%24edgeAgent"),
            ("PUT", "/devices/d1/modules/m1"),
            ("DELETE", "/devices/d1/modules/m1"),
        ] {
            let route = at(method, path).unwrap();
            assert_eq!(
                route.subject(),
                Some(Subject::ModulesOf("d1")),
                "{method} {path}"
            );
        }
        for (method, path) in [
            ("GET", "/devices/d1"),
            ("DELETE", "/devices/d1"),
            ("GET", "/twins/d1/modules/m1"),
            ("POST", "/twins/d1/modules/m1/methods"),
            ("POST", "/devices/d1/applyConfigurationContent"),
        ] {
            assert_eq!(at(method, path).unwrap().subject(), None, "{method} {path}");
        }
    }

    #[test]
    fn ids_are_decoded_once() {
        let Ok(Route::Twin {
            verb: Verb::Get,
            identity,
        }) = at("GET", "/twins/a%2Bb/modules/%24edgeHub")
        else {
            panic!("a twin was wanted");
        };
        assert_eq!(identity, Identity::module("a+b", "$edgeHub"));
        assert_eq!(segments("/devices/%ff"), None);
    }

    #[test]
    fn what_is_not_served_is_told_apart() {
        for (method, path, astray) in [
            ("POST", "/devices", Astray::Method),
            ("PATCH", "/devices/d1", Astray::Method),
            ("DELETE", "/twins/d1", Astray::Method),
            ("GET", "/twins/d1/methods", Astray::Method),
            ("GET", "/jobs/v2/query", Astray::Path),
            ("GET", "/", Astray::Path),
            ("GET", "/twins/d1/modules/m1/x", Astray::Path),
        ] {
            assert_eq!(at(method, path), Err(astray), "{method} {path}");
        }
    }
}
