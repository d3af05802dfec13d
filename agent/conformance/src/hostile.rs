//! Damaged texts against every parser of what an offer holds: nothing panics, and what is read keeps its promises.
//! `scripts/fuzz.sh` plays ten million of each; a few thousand of each are part of every test run.

mod documents;
mod sentences;

use documents::{create_options, offers, solutions};
use sentences::{paragraphs, references, routes};

/// Texts of the quick run.
const QUICK: u64 = 3_000;
/// Longer texts are cut: what is tried is the form, and sizes have tests of their own.
const LONGEST: usize = 4_096;

/// Numbers that are the same for the same seed (Marsaglia, xorshift64*).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Below `end`, which is not zero.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % (end as u64)).unwrap()
    }

    fn of<'t, T: ?Sized>(&mut self, items: &[&'t T]) -> &'t T {
        items[self.below(items.len())]
    }
}

/// What one parser is tried with.
struct Target {
    /// Real texts, to be damaged.
    seeds: Vec<&'static str>,
    /// Words that mean something to it.
    words: &'static [&'static str],
    /// Reads one text and holds what comes of it to its promises; whether it was taken.
    play: fn(&str) -> bool,
}

/// A real text, damaged in up to six places.
fn damaged(dice: &mut Dice, target: &Target) -> String {
    let mut bytes = dice.of(&target.seeds).as_bytes().to_vec();
    for _ in 0..dice.below(7) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(40)).min(bytes.len());
        match dice.below(8) {
            0 if at < end => bytes[at] = dice.roll().to_le_bytes()[0],
            1 if at < end => bytes[at] ^= 1 << dice.below(8),
            2 if at < end => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                // The tail of another text behind the head of this one.
                let other = dice.of(&target.seeds).as_bytes();
                let from = dice.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            5 if dice.below(8) == 0 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, dice.of(target.words).bytes())),
        }
    }
    bytes.truncate(LONGEST);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn campaign(target: &Target, texts: u64, seed: u64) {
    let mut dice = Dice(seed | 1);
    let mut taken: u64 = 0;
    for _ in 0..texts {
        let text = damaged(&mut dice, target);
        taken += u64::from((target.play)(&text));
    }
    // Else the damage kept everything out, and nothing behind the door was tried.
    assert!(taken > texts / 20, "only {taken} of {texts} were taken");
    assert!(taken < texts, "nothing was damaged");
}

#[test]
fn damaged_texts_of_every_kind_are_read_or_refused() {
    for target in [
        offers(),
        solutions(),
        paragraphs(),
        routes(),
        create_options(),
        references(),
    ] {
        campaign(&target, QUICK, 0x5eed);
    }
}

/// A number that the environment sets, or another.
fn set(name: &str, default: u64) -> u64 {
    #[allow(
        clippy::disallowed_methods,
        reason = "a campaign's length is the caller's"
    )]
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().unwrap())
}

fn whole(target: &Target) {
    campaign(target, set("FUZZ_N", 10_000_000), set("FUZZ_SEED", 1));
}

#[test]
#[ignore = "ten million texts: scripts/fuzz.sh"]
fn a_campaign_of_damaged_offers() {
    whole(&offers());
}

#[test]
#[ignore = "ten million texts: scripts/fuzz.sh"]
fn a_campaign_of_damaged_solutions() {
    whole(&solutions());
}

#[test]
#[ignore = "ten million texts: scripts/fuzz.sh"]
fn a_campaign_of_damaged_paragraphs() {
    whole(&paragraphs());
}

#[test]
#[ignore = "ten million texts: scripts/fuzz.sh"]
fn a_campaign_of_damaged_routes() {
    whole(&routes());
}

#[test]
#[ignore = "ten million texts: scripts/fuzz.sh"]
fn a_campaign_of_damaged_create_options() {
    whole(&create_options());
}

#[test]
#[ignore = "ten million texts: scripts/fuzz.sh"]
fn a_campaign_of_damaged_references() {
    whole(&references());
}
