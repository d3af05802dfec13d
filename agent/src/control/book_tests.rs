//! The queue by itself, one case after the other and in random orders.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

fn ticket(run: &str, digest: &str, source: Source) -> Ticket {
    Ticket {
        run: run.to_owned(),
        digest: digest.to_owned(),
        source,
        begun: false,
    }
}

fn queued(position: usize) -> Taken {
    Taken::Queued {
        position,
        instead_of: None,
    }
}

#[test]
fn runs_begin_one_after_the_other_in_their_order() {
    let mut book = Book::default();
    assert_eq!(book.ask(ticket("a", "1", Source::Method)), queued(0));
    assert_eq!(book.begin().unwrap().run, "a");
    assert_eq!(book.ask(ticket("b", "1", Source::Method)), queued(1));
    assert_eq!(book.ask(ticket("c", "1", Source::Twin)), queued(2));
    assert_eq!(book.begin(), None);
    assert_eq!(book.end(Ending::Done).unwrap().run, "a");
    assert_eq!(book.begin().unwrap().run, "b");
    assert_eq!(book.standing("a"), Some(Standing::Ended(Ending::Done)));
    assert_eq!(book.standing("c"), Some(Standing::Queued));
    assert_eq!(book.standing("d"), None);
}

#[test]
fn the_same_run_twice_is_harmless_and_other_content_is_refused_wherever_it_stands() {
    let mut book = Book::default();
    for begun in [false, true, true] {
        if begun && book.running().is_some() {
            book.end(Ending::Failed);
        } else if begun {
            book.begin();
        }
        let first = book.ask(ticket("a", "1", Source::Method));
        assert!(first == queued(0) || first == Taken::Known, "{first:?}");
        assert_eq!(book.ask(ticket("a", "1", Source::Twin)), Taken::Known);
        assert_eq!(
            book.ask(ticket("a", "2", Source::Method)),
            Taken::OtherContent
        );
    }
    assert_eq!(book.begin(), None);
}

#[test]
fn a_new_desired_run_replaces_a_queued_desired_one_and_no_other() {
    let mut book = Book::default();
    book.ask(ticket("first", "1", Source::Twin));
    book.begin();
    book.ask(ticket("called", "1", Source::Method));
    book.ask(ticket("second", "1", Source::Twin));
    let third = book.ask(ticket("third", "1", Source::Twin));
    let instead_of = Some("second".to_owned());
    assert_eq!(
        third,
        Taken::Queued {
            position: 2,
            instead_of
        }
    );
    assert_eq!(book.running().unwrap().run, "first");
    assert_eq!(book.queue().collect::<Vec<_>>(), ["called", "third"]);
    assert_eq!(book.withdraw(Some("third")), None);
    assert_eq!(book.withdraw(None).as_deref(), Some("third"));
    assert_eq!(book.queue().collect::<Vec<_>>(), ["called"]);
}

#[test]
fn a_full_queue_says_so() {
    let mut book = Book::default();
    for n in 0..MOST_QUEUED {
        assert_eq!(
            book.ask(ticket(&n.to_string(), "1", Source::Method)),
            queued(n)
        );
    }
    assert_eq!(book.ask(ticket("more", "1", Source::Method)), Taken::Full);
    assert_eq!(book.standing("more"), None);
}

#[test]
fn a_canceled_run_does_not_begin_and_one_under_way_is_not_canceled_here() {
    let mut book = Book::default();
    book.ask(ticket("a", "1", Source::Method));
    book.ask(ticket("b", "1", Source::Method));
    book.begin();
    assert_eq!(book.cancel_queued("a"), None);
    assert_eq!(book.cancel_queued("b").unwrap().run, "b");
    assert_eq!(book.cancel_queued("b"), None);
    assert_eq!(book.begin(), None);
    book.end(Ending::Canceled);
    let canceled = Some(Standing::Ended(Ending::Canceled));
    assert_eq!(
        (book.standing("a"), book.standing("b")),
        (canceled, canceled)
    );
    assert_eq!(book.begin(), None);
}

#[test]
fn the_desired_run_is_never_forgotten() {
    let mut book = Book::default();
    book.ask(ticket("wanted", "1", Source::Twin));
    book.begin();
    book.end(Ending::Done);
    for n in 0..2 * MOST_REMEMBERED {
        book.ask(ticket(&n.to_string(), "1", Source::Method));
        book.begin();
        book.end(Ending::Done);
    }
    assert_eq!(book.standing("0"), None);
    assert_eq!(book.ask(ticket("wanted", "1", Source::Twin)), Taken::Known);
}

/// What can happen to a probe.
#[derive(Debug, Clone)]
enum Event {
    Ask(u8, bool, Source),
    Withdraw,
    Begin,
    End(Ending),
    Cancel(u8),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let source = prop_oneof![Just(Source::Twin), Just(Source::Method)];
    let ending = prop_oneof![Just(Ending::Done), Just(Ending::Failed)];
    prop_oneof![
        6 => (0u8..30, prop::bool::weighted(0.1), source).prop_map(|(run, other, source)| Event::Ask(run, other, source)),
        1 => Just(Event::Withdraw),
        4 => Just(Event::Begin),
        3 => ending.prop_map(Event::End),
        2 => (0u8..30).prop_map(Event::Cancel),
        1 => Just(Event::Restart),
    ]
}

/// What a store on disk would give back: runs of `start`, the interrupted run, ended runs, and no queued desired run.
fn restart(book: &Book) -> Book {
    let kept = |ticket: &&Ticket| ticket.begun || ticket.source == Source::Method;
    let (begun, queued): (Vec<Ticket>, Vec<Ticket>) = book
        .queue
        .iter()
        .filter(kept)
        .cloned()
        .partition(|ticket| ticket.begun);
    let interrupted = book.running.iter().cloned().chain(begun).collect();
    Book::restored(
        book.ended.iter().cloned().collect(),
        book.wanted.clone(),
        interrupted,
        queued,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn whatever_happens_a_run_begins_once_alone_and_none_is_lost(events in prop::collection::vec(event(), 0..120)) {
        let mut book = Book::default();
        let mut begun = HashSet::new();
        // Runs that somebody was promised: by their source.
        let mut promised: HashMap<String, Source> = HashMap::new();
        for event in events {
            match event {
                Event::Ask(n, other, source) => {
                    let run = n.to_string();
                    let before = book.standing(&run);
                    let taken = book.ask(ticket(&run, if other { "2" } else { "1" }, source));
                    if let Taken::Queued { instead_of, .. } = taken {
                        prop_assert_eq!(before, None);
                        if let Some(old) = instead_of {
                            prop_assert_eq!(promised.remove(&old), Some(Source::Twin));
                        }
                        promised.insert(run, source);
                    } else {
                        prop_assert_eq!(book.standing(&run), before);
                    }
                }
                Event::Withdraw => if let Some(old) = book.withdraw(None) {
                    prop_assert_eq!(promised.remove(&old), Some(Source::Twin));
                },
                Event::Begin => {
                    let busy = book.running().is_some();
                    if let Some(ticket) = book.begin() {
                        prop_assert!(!busy, "two at a time");
                        prop_assert!(begun.insert(ticket.run.clone()) || ticket.begun, "{} began twice", ticket.run);
                    }
                }
                Event::End(ending) => { book.end(ending); }
                Event::Cancel(n) => { book.cancel_queued(&n.to_string()); }
                Event::Restart => {
                    let queued: Vec<String> = book.queue.iter().filter(|t| is_replaceable(t)).map(|t| t.run.clone()).collect();
                    for run in queued {
                        promised.remove(&run);
                    }
                    book = restart(&book);
                }
            }
            prop_assert!(book.queue().count() <= MOST_QUEUED + 1);
            let distinct: HashSet<&str> = book.queue().collect();
            prop_assert_eq!(distinct.len(), book.queue().count());
            prop_assert!(book.running().is_none_or(|ticket| !distinct.contains(ticket.run.as_str())));
            for run in promised.keys() {
                prop_assert!(book.standing(run).is_some(), "{} is lost", run);
            }
        }
    }
}
