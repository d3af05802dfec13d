//! The store against a model, over random operations with a power cut after every effect; and what is torn.

use super::super::replay::power_cut;
use super::*;
use proptest::prelude::*;

const NOTHING: &[String] = &[];
/// Thousands of disks are made: none of them has to outlast a real power cut.
const IN_MEMORY: &str = "/dev/shm";

/// What is done to the store.
#[derive(Debug, Clone)]
enum Act {
    /// Keep the report of a run, of so many bytes; it may be one that was kept before.
    Put(u8, usize),
    /// The hub has the next message.
    Acknowledge,
}

/// Report of a run in the model: always the same text for the same run.
fn text(run: u8, length: usize) -> Vec<u8> {
    vec![b'a' + run % 26; length]
}

/// Runs with what is unsent of them: the next message, and how many there are in all.
type Model = Vec<(String, usize, usize)>;

fn seen(store: &Store) -> Model {
    let entries = store.entries().into_iter();
    entries
        .map(|entry| (entry.run, entry.next, 1 + entry.parts))
        .collect()
}

fn act(store: &mut Store, model: &mut Model, act: &Act) {
    match *act {
        Act::Put(run, length) => {
            let name = format!("run-{run}");
            let report = text(run, length);
            let new = New {
                run: &name,
                report: Some(&report),
                summary: "{}",
                left_out: NOTHING,
            };
            store.put(new).unwrap();
            let messages = 1 + length.div_ceil(MAX_PART_BYTES).max(1);
            match model.iter_mut().find(|known| known.0 == name) {
                Some(known) => known.1 = 0,
                None => model.push((name, 0, messages)),
            }
        }
        Act::Acknowledge => {
            let Some(message) = store.next().unwrap() else {
                return assert!(model.is_empty());
            };
            assert_eq!(
                (&message.entry.run, message.key.message),
                (&model[0].0, model[0].1)
            );
            store.acknowledged(message.key).unwrap();
            model[0].1 += 1;
            if model[0].1 == model[0].2 {
                model.remove(0);
            }
        }
    }
}

/// The length belongs to the run, since a run has one report.
fn length_of(run: u8) -> usize {
    match run {
        0 => MAX_PART_BYTES + 1,
        1 => 0,
        _ => usize::from(run) * 37,
    }
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let put = (0u8..6).prop_map(|run| Act::Put(run, length_of(run)));
    prop::collection::vec(prop_oneof![put, Just(Act::Acknowledge)], 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_power_cut_after_any_effect_leaves_what_was_before_or_after_the_operation(
        acts in acts(),
        mut seed: u64,
    ) {
        let here = tempfile::tempdir_in(IN_MEMORY).unwrap();
        let mut store = Store::open(here.path(), Disk::default()).unwrap();
        let mut model = Model::new();
        // What the store may hold after so many effects: before the operation, and after it.
        let mut moments = vec![(0, Model::new(), Model::new())];
        for one in &acts {
            let before = model.clone();
            act(&mut store, &mut model, one);
            prop_assert_eq!(&seen(&store), &model);
            let effects = store.disk().watched.effects().len();
            moments.push((effects, before, model.clone()));
        }
        let effects = store.disk().watched.effects();
        let mut choose = |choices: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % choices
        };
        for count in 0..=effects.len() {
            let there = tempfile::tempdir_in(IN_MEMORY).unwrap();
            power_cut(&effects[..count], here.path(), there.path(), &mut choose);
            let again = Store::open(there.path(), Disk::default()).unwrap();
            let (done, before, after) = moments.iter().find(|moment| count <= moment.0).unwrap();
            let found = seen(&again);
            if count == *done {
                prop_assert_eq!(&found, after, "after all of the operation's effects");
            } else {
                prop_assert!(found == *before || found == *after, "{:?} is neither {:?} nor {:?}", found, before, after);
            }
            reads_as_written(again);
        }
    }
}

/// Sends everything and holds it against what was put.
fn reads_as_written(mut store: Store) {
    while let Some(message) = store.next().unwrap() {
        let part = message.key.message;
        if part > 0 {
            let run = message.entry.run.strip_prefix("run-").unwrap();
            let run: u8 = run.parse().unwrap();
            let report = text(run, length_of(run));
            let wanted = report
                .chunks(MAX_PART_BYTES)
                .nth(part - 1)
                .unwrap_or_default();
            assert!(message.body == wanted, "run {run}, part {part}");
        }
        store.acknowledged(message.key).unwrap();
    }
    assert_eq!(store.totals(), (0, 0));
}

fn with_one() -> (tempfile::TempDir, PathBuf) {
    let here = tempfile::tempdir().unwrap();
    let mut store = Store::open(here.path(), Disk::default()).unwrap();
    for run in [2, 3] {
        act(
            &mut store,
            &mut Model::new(),
            &Act::Put(run, length_of(run)),
        );
    }
    let directory = here.path().join("run-2");
    (here, directory)
}

#[test]
fn a_torn_entry_is_set_aside_and_the_others_are_sent() {
    let (here, directory) = with_one();
    let whole = fs::read(directory.join(UNSENT)).unwrap();
    fs::write(directory.join(UNSENT), &whole[..whole.len() / 2]).unwrap();
    let store = Store::open(here.path(), Disk::default()).unwrap();
    assert_eq!(seen(&store), [("run-3".to_owned(), 0, 2)]);
    assert!(directory.join(SET_ASIDE).exists() && !directory.join(UNSENT).exists());
    // It is set aside once and for all.
    let store = Store::open(here.path(), Disk::default()).unwrap();
    assert_eq!(seen(&store).len(), 1);
}

#[test]
fn a_torn_report_is_never_sent() {
    let (here, directory) = with_one();
    fs::write(directory.join(REPORT), "half").unwrap();
    let store = Store::open(here.path(), Disk::default()).unwrap();
    assert_eq!(seen(&store), [("run-3".to_owned(), 0, 2)]);
    assert!(directory.join(SET_ASIDE).exists());
}

#[test]
fn a_report_that_vanishes_while_it_waits_does_not_hold_up_the_others() {
    let (here, directory) = with_one();
    let mut store = Store::open(here.path(), Disk::default()).unwrap();
    let summary = store.next().unwrap().unwrap();
    store.acknowledged(summary.key).unwrap();
    fs::remove_file(directory.join(REPORT)).unwrap();
    let (sequence, _) = store.next().unwrap_err();
    store.set_aside(sequence);
    assert_eq!(store.next().unwrap().unwrap().entry.run, "run-3");
}

#[test]
fn an_acknowledgement_from_before_a_report_was_put_again_counts_for_nothing() {
    let here = tempfile::tempdir().unwrap();
    let mut store = Store::open(here.path(), Disk::default()).unwrap();
    let mut model = Model::new();
    act(&mut store, &mut model, &Act::Put(2, 74));
    act(&mut store, &mut model, &Act::Acknowledge);
    let part = store.next().unwrap().unwrap();
    act(&mut store, &mut model, &Act::Put(2, 74));
    store.acknowledged(part.key).unwrap();
    assert_eq!(seen(&store), [("run-2".to_owned(), 0, 2)]);
}

#[test]
fn a_disk_that_does_not_take_the_report_keeps_nothing_of_it() {
    let here = tempfile::tempdir().unwrap();
    let mut store = Store::open(here.path(), Disk::default()).unwrap();
    *store.disk().watched.largest.lock().unwrap() = Some(1_000);
    let report = text(1, 1_001);
    let new = New {
        run: "r",
        report: Some(&report),
        summary: "{}",
        left_out: NOTHING,
    };
    let error = store.put(new).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(store.totals(), (0, 0));
    let left: Vec<_> = fs::read_dir(here.path().join("r"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
