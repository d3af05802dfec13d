//! The words after `--`. Pure.

/// How it is called.
pub(crate) const USAGE: &str = "\
usage: cargo bench -p edgeproof-tests --bench probe_cost -- [--format text|json] [--containers LIST]
  --containers 1,10,50   how many containers, one part of the bench each (1 is the whole probe)";

/// How the result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) format: Format,
    pub(crate) containers: Vec<usize>,
}

impl Arguments {
    /// Reads them. Cargo adds `--bench`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Arguments, String> {
        let mut arguments = Arguments {
            format: Format::Text,
            containers: vec![1, 10, 50],
        };
        let mut words = words.filter(|word| word != "--bench");
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, words.next()),
            };
            match (name.as_str(), value.as_deref()) {
                ("--format", Some("text")) => arguments.format = Format::Text,
                ("--format", Some("json")) => arguments.format = Format::Json,
                ("--containers", Some(list)) => arguments.containers = numbers(list)?,
                (name, value) => {
                    return Err(format!("{name} {} is unknown", value.unwrap_or_default()));
                }
            }
        }
        Ok(arguments)
    }
}

/// One, or from five up: one of each load.
fn numbers(list: &str) -> Result<Vec<usize>, String> {
    let numbers = list.split(',').map(|word| match word.parse() {
        Ok(number @ (1 | 5..=200)) => Ok(number),
        Ok(_) | Err(_) => Err(format!("{word} containers: 1, or from 5 to 200")),
    });
    numbers.collect()
}
