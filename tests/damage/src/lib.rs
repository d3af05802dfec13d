//! Real input, damaged: numbers that are the same for the same seed, and what they do to bytes.
//!
//! Each parser keeps its own real inputs and promises beside itself, in a module `hostile` that no product has.

/// Longer texts are cut: what is tried is the form, and sizes have tests of their own.
const LONGEST: usize = 4_096;

/// Numbers that are the same for the same seed (Marsaglia, xorshift64*).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice for a seed; an even one and the odd one after it throw the same.
    #[must_use]
    pub const fn new(seed: u64) -> Dice {
        Dice(seed | 1)
    }

    /// 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Eight bits.
    pub fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    /// Below `end`.
    ///
    /// # Panics
    /// `end` is zero.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % (end as u64)).expect("it is below a size")
    }

    /// One of several.
    ///
    /// # Panics
    /// There is none.
    pub fn of<'t, T: ?Sized>(&mut self, items: &[&'t T]) -> &'t T {
        items[self.below(items.len())]
    }
}

/// Damages one place: a byte, a piece gone or twice, the tail of `other` behind the head, the end, or a word put in.
pub fn hurt(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[&[u8]], words: &[&[u8]]) {
    let at = dice.below(bytes.len() + 1);
    let end = (at + dice.below(40)).min(bytes.len());
    match dice.below(8) {
        0 if at < end => bytes[at] = dice.byte(),
        1 if at < end => bytes[at] ^= 1 << dice.below(8),
        2 if at < end => drop(bytes.drain(at..end)),
        3 => {
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        4 => {
            let other = dice.of(other);
            let from = dice.below(other.len() + 1);
            bytes.truncate(at);
            bytes.extend(&other[from..]);
        }
        5 if dice.below(8) == 0 => bytes.truncate(at),
        _ => drop(bytes.splice(at..at, dice.of(words).iter().copied())),
    }
}

/// What one parser of texts is tried with.
#[derive(Debug)]
pub struct Target {
    /// Real texts, to be damaged.
    pub seeds: Vec<&'static str>,
    /// Words that mean something to it.
    pub words: &'static [&'static str],
    /// Reads one text and holds what comes of it to its promises; whether it was taken.
    pub play: fn(&str) -> bool,
}

impl Target {
    /// Plays so many texts, each a real one damaged in up to six places, tells the caller after each, and answers how many were
    /// taken. The same seed plays the same ones.
    ///
    /// # Panics
    /// A promise is broken, or the damage kept nearly everything out, or nothing.
    pub fn campaign(&self, texts: u64, seed: u64, after: &mut dyn FnMut()) -> u64 {
        let seeds: Vec<&[u8]> = self.seeds.iter().map(|text| text.as_bytes()).collect();
        let words: Vec<&[u8]> = self.words.iter().map(|text| text.as_bytes()).collect();
        let mut dice = Dice::new(seed);
        let mut taken: u64 = 0;
        for _ in 0..texts {
            let mut bytes = dice.of(&seeds).to_vec();
            for _ in 0..dice.below(7) {
                hurt(&mut dice, &mut bytes, &seeds, &words);
            }
            bytes.truncate(LONGEST);
            taken += u64::from((self.play)(&String::from_utf8_lossy(&bytes)));
            after();
        }
        // Else nothing behind the door was tried.
        assert!(taken > texts / 20, "only {taken} of {texts} were taken");
        assert!(taken < texts, "nothing was damaged");
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(bytes: &[u8]) -> u64 {
        let mixed = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, mixed)
    }

    #[test]
    fn a_seed_throws_the_same_in_every_release() {
        let mut dice = Dice::new(1);
        assert_eq!(dice.roll(), 0x47e4_ce4b_896c_dd1d);
        let mut bytes = b"a real text".to_vec();
        for _ in 0..50 {
            hurt(&mut dice, &mut bytes, &[b"another"], &[b"word"]);
        }
        assert_eq!(sum(&bytes), 0xeafa_aff1_7e2b_305f);
    }

    #[test]
    fn a_campaign_tells_of_each_text_and_counts_what_was_taken() {
        let target = Target {
            seeds: vec!["12", "345"],
            words: &["6", "x"],
            play: |text| text.parse::<u64>().is_ok(),
        };
        let (mut told, mut again) = (0, 0);
        let taken = target.campaign(1_000, 7, &mut || told += 1);
        assert_eq!(told, 1_000);
        assert_eq!(target.campaign(1_000, 7, &mut || again += 1), taken);
    }
}
