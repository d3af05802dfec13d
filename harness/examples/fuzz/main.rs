//! Damaged input against one parser: `fuzz TARGET [N [SEED]]`. The same seed plays the same N.
//!
//! A line every ten seconds says how far it is. It ends 0 with what it came to, 1 if the process took more memory than an
//! inspection may, or one execution more time, 101 with a panic's words and the number of the execution, 64 for wrong usage
//! with a list of the targets. `scripts/fuzz.sh` builds it with checks of overflow and plays them all.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the result of a program"
)]

mod watch;

use std::process::ExitCode;
use std::time::Duration;

use conformance::hostile as texts;
use harness::inspect::hostile as images;
use harness::registry::hostile as registries;
use standin::hub::hostile as conversations;

use self::watch::Watch;

/// What a parser of text is played by default, and what of a whole archive or manifest.
const MANY: u64 = 10_000_000;
const FEWER: u64 = 1_000_000;

/// Most memory of the process. Source: the bar of `edgeproof inspect`.
const MOST_MEMORY_KIB: u64 = 64 << 10;
/// Longest that one execution may take, on a machine that does other things too.
const LONGEST: Duration = Duration::from_secs(10);

/// Plays so many from a seed, tells after each, and answers how many got past the first door.
type Play = fn(u64, u64, &mut dyn FnMut()) -> u64;

/// Name, how many are played unless it is said, and how.
const TARGETS: [(&str, u64, Play); 12] = [
    ("mqtt", MANY, conversations::mqtt),
    ("amqp", MANY, conversations::amqp),
    ("references", MANY, |n, seed, after| {
        texts::references().campaign(n, seed, after)
    }),
    ("routes", MANY, |n, seed, after| {
        texts::routes().campaign(n, seed, after)
    }),
    ("create-options", MANY, |n, seed, after| {
        texts::create_options().campaign(n, seed, after)
    }),
    ("offers", MANY, |n, seed, after| {
        texts::offers().campaign(n, seed, after)
    }),
    ("solutions", MANY, |n, seed, after| {
        texts::solutions().campaign(n, seed, after)
    }),
    ("paragraphs", MANY, |n, seed, after| {
        texts::paragraphs().campaign(n, seed, after)
    }),
    ("manifests", FEWER, |n, seed, after| {
        registries::manifests().campaign(n, seed, after)
    }),
    ("configs", FEWER, |n, seed, after| {
        registries::configs().campaign(n, seed, after)
    }),
    ("answers", FEWER, |n, seed, after| {
        registries::answers().campaign(n, seed, after)
    }),
    ("layers", FEWER, images::layers),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, n, seed, play)) = wanted(&arguments) else {
        eprintln!("usage: fuzz TARGET [N [SEED]]; the targets, and N unless it is said:");
        for (name, n, _) in TARGETS {
            eprintln!("  {name} {n}");
        }
        return ExitCode::from(64);
    };
    let mut watch = Watch::start(name, n);
    let taken = play(n, seed, &mut || watch.after());
    let slowest = watch.slowest();
    let seconds = watch.elapsed().as_secs_f64();
    let peak = watch::peak_kib();
    println!(
        "{name}: {n} executions with seed {seed}, {taken} taken; {seconds:.1} s, {:.0}/s, the slowest {:.1} ms, at most {:.1} MiB",
        n as f64 / seconds,
        slowest.as_secs_f64() * 1e3,
        peak as f64 / 1024.0,
    );
    if peak > MOST_MEMORY_KIB {
        eprintln!("{name}: that is more than {MOST_MEMORY_KIB} KiB");
        return ExitCode::FAILURE;
    }
    if slowest > LONGEST {
        eprintln!("{name}: one execution took more than {LONGEST:?}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn wanted(arguments: &[String]) -> Option<(&'static str, u64, u64, Play)> {
    let (name, numbers) = arguments.split_first()?;
    let (name, default, play) = TARGETS.into_iter().find(|(known, ..)| known == name)?;
    let (n, seed) = match numbers {
        [] => (default, 1),
        [n] => (n.parse().ok()?, 1),
        [n, seed] => (n.parse().ok()?, seed.parse().ok()?),
        _ => return None,
    };
    Some((name, n, seed, play))
}
