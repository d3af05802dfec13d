//! What was asked for, in bounded memory whatever a module asks.

use std::net::IpAddr;
use std::time::Duration;

/// Names kept.
const NAMES: usize = 200;
/// Addresses kept with a name.
const ADDRESSES: usize = 8;

/// Everything that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Names, in the order of first sight.
    pub names: Vec<AskedName>,
    /// Questions for names beyond those kept, and such as could not be read.
    pub further: u64,
}

/// A name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedName {
    /// Lower case, without the last dot.
    pub name: String,
    /// Time from the start of the service to the first question.
    pub first: Duration,
    /// The same for the last one.
    pub last: Duration,
    /// Questions.
    pub times: u64,
    /// The best answer so far.
    pub answer: Answer,
    /// Addresses in its answers.
    pub addresses: Vec<IpAddr>,
}

/// What a question came to, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Nobody was asked.
    NoWayOut,
    /// Nobody answered in time, or none has yet.
    Unanswered,
    /// A server said that it failed or refuses.
    Failed,
    /// There is no such name.
    NoSuchName,
    /// The name is there, without what was asked for.
    Empty,
    /// An answer that holds something.
    Found,
}

impl Questions {
    /// A question for a name; its place, where it is kept.
    pub(super) fn take(&mut self, name: &str, at: Duration) -> Option<usize> {
        if let Some(place) = self.names.iter().position(|one| one.name == name) {
            self.names[place].times += 1;
            self.names[place].last = at;
            return Some(place);
        }
        if self.names.len() >= NAMES {
            self.further += 1;
            return None;
        }
        self.names.push(AskedName {
            name: name.to_owned(),
            first: at,
            last: at,
            times: 1,
            answer: Answer::NoWayOut,
            addresses: Vec::new(),
        });
        Some(self.names.len() - 1)
    }

    pub(super) fn answered(&mut self, place: usize, answer: Answer, addresses: &[IpAddr]) {
        let one = &mut self.names[place];
        one.answer = one.answer.max(answer);
        for address in addresses {
            if one.addresses.len() < ADDRESSES && !one.addresses.contains(address) {
                one.addresses.push(*address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_names_take_no_more_room_than_two_hundred() {
        let mut asked = Questions::default();
        for n in 0..1_000_000_u64 {
            asked.take(&n.to_string(), Duration::from_millis(n));
        }
        assert_eq!((asked.names.len(), asked.further), (200, 999_800));
        assert_eq!(asked.take("7", Duration::from_secs(9)), Some(7));
        assert_eq!(asked.names[7].times, 2);
        assert_eq!(asked.names[7].last, Duration::from_secs(9));
    }

    #[test]
    fn the_best_answer_of_a_name_stays() {
        let mut asked = Questions::default();
        let place = asked.take("a", Duration::ZERO).unwrap();
        let address = "192.0.2.1".parse().unwrap();
        asked.answered(place, Answer::Found, &[address, address]);
        asked.answered(place, Answer::Empty, &[]);
        assert_eq!(asked.names[place].answer, Answer::Found);
        assert_eq!(asked.names[place].addresses, [address]);
    }
}
