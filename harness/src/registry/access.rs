//! Who asks: nobody first, then a user, where the registry insists and credentials are at hand. Tokens are kept for their time.

use std::time::{Duration, Instant};

use conformance::observation::Access;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::challenge::Challenge;
use super::credentials::{Credentials, Secret};

/// A token that was refused is fetched anew only if it is at least this old: it may have run out.
const FRESH: Duration = Duration::from_secs(30);
/// Longest answer of a token service.
pub(super) const LONGEST_TOKEN: u64 = 1 << 20;

/// What has been tried so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// The header `Authorization` of every call.
    pub(super) header: Option<String>,
    /// Counts up with every change, so that calls at the same time sign in once.
    pub(super) turn: u64,
    stage: Stage,
    since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing was sent along.
    #[default]
    Bare,
    /// A token that anybody gets.
    AnyToken,
    /// A user's token or password.
    User,
}

/// What to do next after the registry said that it wants to know who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask for a token without saying who.
    AnyToken,
    /// Sign in.
    User,
    /// Nothing is left to try.
    Refused,
}

impl Session {
    /// The next step after a refusal.
    pub(super) fn step(
        &self,
        challenge: &Challenge,
        credentials: Option<&Credentials>,
        now: Instant,
    ) -> Step {
        let old = self
            .since
            .is_none_or(|since| now.duration_since(since) >= FRESH);
        let user = if credentials.is_some() {
            Step::User
        } else {
            Step::Refused
        };
        match (self.stage, challenge) {
            (Stage::Bare, Challenge::Bearer { .. }) => Step::AnyToken,
            (Stage::Bare, Challenge::Basic) => user,
            (Stage::AnyToken, Challenge::Bearer { .. }) if old => Step::AnyToken,
            (Stage::AnyToken, _) => user,
            (Stage::User, Challenge::Bearer { .. }) if old => Step::User,
            (Stage::User, _) => Step::Refused,
        }
    }

    /// Keeps what a step brought.
    pub(super) fn keep(&mut self, step: &Step, header: String, now: Instant) {
        self.stage = match step {
            Step::AnyToken => Stage::AnyToken,
            Step::User => Stage::User,
            Step::Refused => self.stage,
        };
        self.header = Some(header);
        self.turn += 1;
        self.since = Some(now);
    }

    /// The token for anybody was refused itself.
    pub(super) fn give_up_anonymous(&mut self, now: Instant) {
        self.stage = Stage::AnyToken;
        self.since = Some(now);
    }

    /// How the registry let us in.
    pub(super) fn access(&self) -> Access {
        match self.stage {
            Stage::Bare | Stage::AnyToken => Access::Anonymous,
            Stage::User => Access::SignedIn,
        }
    }
}

/// A call to a token service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenCall {
    pub(super) url: String,
    pub(super) authorization: Option<String>,
    /// A form to post; without one the call is a GET.
    pub(super) form: Option<String>,
}

/// What a token is to allow: pulling, and what else the registry says that a question needs, if that is reading too. An Azure
/// registry wants `metadata_read` for a list of tags. Source: Microsoft Learn, "Azure Container Registry", repository permissions.
pub(super) fn scope(repository: &str, asked: Option<&str>) -> String {
    let own = format!("repository:{repository}:");
    let actions = asked
        .and_then(|asked| asked.strip_prefix(own.as_str()))
        .unwrap_or_default();
    let metadata = actions.split(',').any(|action| action == "metadata_read");
    let more = if metadata { ",metadata_read" } else { "" };
    format!("{own}pull{more}")
}

/// How to ask for a token to pull from a repository.
///
/// Sources: Distribution documentation, "Token Authentication Specification" and "OAuth2 Token Authentication".
pub(super) fn token_call(
    realm: &str,
    service: Option<&str>,
    scope: &str,
    credentials: Option<&Credentials>,
) -> TokenCall {
    let coded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let mut query = format!("scope={}", coded(scope));
    if let Some(service) = service {
        query = format!("service={}&{query}", coded(service));
    }
    if let Some(Credentials {
        secret: Secret::Refresh(token),
        ..
    }) = credentials
    {
        let form = format!(
            "grant_type=refresh_token&client_id=edgeproof&{query}&refresh_token={}",
            coded(token)
        );
        return TokenCall {
            url: realm.to_owned(),
            authorization: None,
            form: Some(form),
        };
    }
    let joint = if realm.contains('?') { '&' } else { '?' };
    TokenCall {
        url: format!("{realm}{joint}{query}"),
        authorization: credentials.map(Credentials::basic),
        form: None,
    }
}

/// The token in an answer, as a header.
///
/// # Errors
/// There is none. The message shows nothing of the answer.
pub(super) fn token(body: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct Answer {
        token: Option<String>,
        access_token: Option<String>,
    }
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "no JSON with a token".to_owned())?;
    let token = answer
        .token
        .or(answer.access_token)
        .filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| "an answer without a token".to_owned())?;
    let plain = |b: u8| b.is_ascii_graphic();
    if token.bytes().all(plain) {
        Ok(format!("Bearer {token}"))
    } else {
        Err("a token with characters that no header takes".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer() -> Challenge {
        Challenge::Bearer {
            realm: "https://a/token".to_owned(),
            service: None,
            scope: None,
        }
    }

    fn user() -> Credentials {
        Credentials {
            user: "u".to_owned(),
            secret: Secret::Password("p".to_owned()),
        }
    }

    #[test]
    fn nobody_asks_first_and_a_user_only_where_that_is_refused() {
        let now = Instant::now();
        let mut session = Session::default();
        let user = user();
        assert_eq!(session.step(&bearer(), Some(&user), now), Step::AnyToken);
        session.keep(&Step::AnyToken, "Bearer x".to_owned(), now);
        assert_eq!(session.access(), Access::Anonymous);
        assert_eq!(session.step(&bearer(), None, now), Step::Refused);
        assert_eq!(session.step(&bearer(), Some(&user), now), Step::User);
        session.keep(&Step::User, "Bearer y".to_owned(), now);
        assert_eq!(session.access(), Access::SignedIn);
        assert_eq!(session.step(&bearer(), Some(&user), now), Step::Refused);
        // A token that has run out is fetched again.
        assert_eq!(
            session.step(&bearer(), Some(&user), now + FRESH),
            Step::User
        );
    }

    #[test]
    fn a_password_is_no_use_against_a_registry_that_refused_it() {
        let now = Instant::now();
        let mut session = Session::default();
        assert_eq!(session.step(&Challenge::Basic, None, now), Step::Refused);
        assert_eq!(
            session.step(&Challenge::Basic, Some(&user()), now),
            Step::User
        );
        session.keep(&Step::User, "Basic x".to_owned(), now);
        assert_eq!(
            session.step(&Challenge::Basic, Some(&user()), now + FRESH),
            Step::Refused
        );
    }

    #[test]
    fn a_token_is_asked_for_by_name_password_or_refresh_token() {
        let call = token_call("https://a/t", Some("s t"), "repository:air:pull", None);
        assert_eq!(
            call.url,
            "https://a/t?service=s%20t&scope=repository%3Aair%3Apull"
        );
        assert_eq!((call.authorization, call.form), (None, None));
        let call = token_call("https://a/t?x=1", None, "s", Some(&user()));
        assert_eq!(call.url, "https://a/t?x=1&scope=s");
        assert_eq!(call.authorization.unwrap(), "Basic dTpw");
        let refresh = Credentials {
            secret: Secret::Refresh("r/t".to_owned()),
            ..user()
        };
        let call = token_call("https://a/t", None, "s", Some(&refresh));
        assert!(call.form.unwrap().ends_with("scope=s&refresh_token=r%2Ft"));
    }

    #[test]
    fn a_token_never_allows_more_than_reading() {
        for (asked, scope_of) in [
            (None, "repository:air:pull"),
            (Some("repository:air:pull,push"), "repository:air:pull"),
            (
                Some("repository:air:metadata_read"),
                "repository:air:pull,metadata_read",
            ),
            (
                Some("repository:other:metadata_read"),
                "repository:air:pull",
            ),
        ] {
            assert_eq!(scope("air", asked), scope_of);
        }
    }

    #[test]
    fn an_answer_without_a_usable_token_says_so_and_shows_nothing() {
        assert_eq!(token(br#"{"access_token":"abc"}"#).unwrap(), "Bearer abc");
        for body in ["", "{}", r#"{"token":""}"#, "{\"token\":\"se\\nsame\"}"] {
            assert!(
                !token(body.as_bytes()).unwrap_err().contains("same"),
                "{body}"
            );
        }
    }
}
