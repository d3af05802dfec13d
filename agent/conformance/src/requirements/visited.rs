//! What a visit of a link says of it: it works, it is dead, or that is open.

use crate::finding::{Outcome, Reason, Unseen};
use crate::observation::{
    LinkAnswer, LinkEnd, LinkFailureKind, LinkVisit, Observed, is_nothing_looked,
};
use crate::record::Record;

/// How a link stands, each with what was seen in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nobody was to visit it: the run visits no links, or this is none to visit. Its form is all there is.
    NotVisited(String),
    /// A page was there.
    Works(String),
    /// No page is there.
    Dead(String),
    /// A visit was tried and shows neither.
    Open(Unseen),
    /// No visit could be tried.
    Untried(Unseen),
}

/// How a link of the offer stands.
pub(super) fn standing(record: &Record, url: &str) -> Standing {
    let links = &record.observations.links;
    if is_nothing_looked(links) {
        return Standing::NotVisited("not visited".to_owned());
    }
    let visits = match links {
        Observed::Seen(visits) => visits,
        Observed::Unseen(unseen) => return Standing::Untried(unseen.clone()),
    };
    let Some(visit) = visits.iter().find(|visit| visit.url == url.trim()) else {
        return Standing::Untried(Unseen::new(
            Reason::InputMissing,
            "it is not among the links that were visited",
        ));
    };
    of_visit(visit)
}

/// How the link of one visit stands.
pub(crate) fn of_visit(visit: &LinkVisit) -> Standing {
    let at = &visit.at;
    match &visit.end {
        LinkEnd::LeftAlone(why) => Standing::NotVisited(format!("not visited: {why}")),
        LinkEnd::Answered(answer) => answered(answer, at),
        LinkEnd::Failed(failure) => {
            let because = format!("visited on {at}: {}", failure.because);
            let open = |reason| Unseen::new(reason, because.clone());
            match failure.kind {
                LinkFailureKind::NoSuchName | LinkFailureKind::TooManyRedirects => {
                    Standing::Dead(because)
                }
                LinkFailureKind::Refused => Standing::Untried(open(Reason::Configuration)),
                LinkFailureKind::NoNames | LinkFailureKind::LeftOut => {
                    Standing::Untried(open(Reason::Infrastructure))
                }
                LinkFailureKind::Unreachable
                | LinkFailureKind::Tls
                | LinkFailureKind::Slow
                | LinkFailureKind::Unreadable => Standing::Open(open(Reason::Infrastructure)),
            }
        }
    }
}

/// A page that is not for everybody, or not today, is neither there nor gone.
///
/// Source: RFC 9110, "HTTP Semantics", section 15; RFC 6585 for 429, RFC 7725 for 451.
fn answered(answer: &LinkAnswer, at: &str) -> Standing {
    let LinkAnswer {
        status, redirects, ..
    } = answer;
    let from = match redirects {
        0 => String::new(),
        _ => format!(" at {}", answer.url),
    };
    let said = format!("answered {status}{from} on {at}");
    match status {
        200..=299 if answer.read.0 == 0 => {
            Standing::Dead(format!("{said}, with nothing in its answer"))
        }
        200..=299 => {
            let media_type = answer.media_type.as_deref().unwrap_or("of no told type");
            let cut = if answer.whole { "" } else { "the first " };
            Standing::Works(format!("{said}, {media_type}, {cut}{}", answer.read))
        }
        401 | 403 | 407 | 408 | 425 | 429 | 451 | 500..=599 => Standing::Open(Unseen::new(
            Reason::Infrastructure,
            format!("{said}, which may be for this visitor alone or for today"),
        )),
        _ => Standing::Dead(said),
    }
}

/// The outcome of a requirement that rests on one link alone.
pub(super) fn rests_on(
    record: &Record,
    pointer: &str,
    url: &str,
    wanted: &str,
) -> Result<Outcome, Unseen> {
    match standing(record, url) {
        Standing::NotVisited(how) | Standing::Works(how) => {
            Ok(Outcome::met(format!("{pointer} is {url} ({how})"), wanted))
        }
        Standing::Dead(how) => Ok(Outcome::unmet(
            format!("{pointer} is {url}, and no page is there: {how}"),
            wanted,
            format!("publish the page there again, or put a link that works into {pointer}"),
        )),
        Standing::Open(unseen) | Standing::Untried(unseen) => Err(Unseen::new(
            unseen.reason,
            format!("{pointer} is {url}; {}", unseen.because),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{answering, failing, visiting};

    const URL: &str = "https://contoso.com/a";

    fn check(end: LinkEnd, wanted: fn(&Standing) -> bool) {
        let seen = standing(&visiting(URL, end.clone()), URL);
        assert!(wanted(&seen), "{end:?}: {seen:?}");
    }

    #[test]
    fn an_answer_says_whether_a_page_is_there() {
        for status in [200, 203, 206] {
            check(answering(status), |seen| matches!(seen, Standing::Works(_)));
        }
        for status in [302, 400, 404, 405, 410] {
            check(answering(status), |seen| matches!(seen, Standing::Dead(_)));
        }
        for status in [401, 403, 429, 451, 500, 503] {
            check(
                answering(status),
                |seen| matches!(seen, Standing::Open(unseen) if unseen.reason == Reason::Infrastructure),
            );
        }
        let LinkEnd::Answered(mut empty) = answering(200) else {
            unreachable!()
        };
        empty.read.0 = 0;
        check(LinkEnd::Answered(empty), |seen| {
            matches!(seen, Standing::Dead(_))
        });
    }

    #[test]
    fn only_a_name_that_nobody_has_and_a_circle_are_dead_without_an_answer() {
        use LinkFailureKind as Kind;
        for kind in [Kind::NoSuchName, Kind::TooManyRedirects] {
            check(failing(kind), |seen| matches!(seen, Standing::Dead(_)));
        }
        for kind in [Kind::Unreachable, Kind::Tls, Kind::Slow, Kind::Unreadable] {
            check(failing(kind), |seen| matches!(seen, Standing::Open(_)));
        }
        for kind in [Kind::NoNames, Kind::LeftOut] {
            check(
                failing(kind),
                |seen| matches!(seen, Standing::Untried(unseen) if unseen.reason == Reason::Infrastructure),
            );
        }
        check(
            failing(Kind::Refused),
            |seen| matches!(seen, Standing::Untried(unseen) if unseen.reason == Reason::Configuration),
        );
    }

    #[test]
    fn what_is_none_to_visit_is_judged_by_its_form_and_what_was_missed_is_not() {
        check(LinkEnd::LeftAlone("why".to_owned()), |seen| {
            *seen == Standing::NotVisited("not visited: why".to_owned())
        });
        let record = visiting("https://contoso.com/other", answering(200));
        assert!(matches!(standing(&record, URL), Standing::Untried(_)));
        let before = crate::sample::record();
        assert!(matches!(standing(&before, URL), Standing::NotVisited(_)));
    }
}
