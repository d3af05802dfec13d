//! The fault campaign's program: `campaign --seed 17 --count 1 --lanes 1 --candidates all|soon --deaths kill|term --out FILE`.
//!
//! Each lane is a process of its own in a network namespace of its own, so that no engine's firewall is another's. This file
//! hands out seeds and tells what came of them; `scripts/campaign.sh` is how it is run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use support::campaign::draw::{CANDIDATES, Candidate, Draw, Manner, SOON_JUDGED, cycle, draw};
use support::campaign::lane::Lane;
use support::campaign::outcome::{Outcome, Undisturbed};

const USAGE: &str = "usage: campaign --seed N --count N --lanes N --candidates all|soon --deaths kill|term --out FILE";

/// Undisturbed runs more that one seed may ask for.
const SETTLED_BY: u32 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["lane", candidates @ ..] => lane(candidates).map(|()| true),
        options => asked(options).and_then(|asked| campaign(&asked)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// What is asked for.
#[derive(Debug)]
struct Asked {
    seed: u64,
    count: u64,
    lanes: u64,
    candidates: Vec<Candidate>,
    manner: Manner,
    out: String,
}

fn asked(options: &[&str]) -> anyhow::Result<Asked> {
    let mut asked = Asked {
        seed: 0,
        count: 1,
        lanes: 1,
        candidates: CANDIDATES.to_vec(),
        manner: Manner::Killed,
        out: "target/campaign.jsonl".to_owned(),
    };
    for pair in options.chunks(2) {
        let [name, value] = pair else { bail!(USAGE) };
        match *name {
            "--seed" => asked.seed = value.parse().context(USAGE)?,
            "--count" => asked.count = value.parse().context(USAGE)?,
            "--lanes" => asked.lanes = value.parse().context(USAGE)?,
            "--out" => (*value).clone_into(&mut asked.out),
            "--deaths" => {
                asked.manner = match *value {
                    "kill" => Manner::Killed,
                    "term" => Manner::Asked,
                    _ => bail!(USAGE),
                }
            }
            "--candidates" => {
                asked.candidates = match *value {
                    "all" => CANDIDATES.to_vec(),
                    "soon" => vec![SOON_JUDGED],
                    _ => bail!(USAGE),
                }
            }
            _ => bail!(USAGE),
        }
    }
    ensure!(asked.lanes > 0 && asked.count > 0, USAGE);
    Ok(asked)
}

/// A lane: one line of JSON in, one out, until the input ends.
fn lane(candidates: &[&str]) -> anyhow::Result<()> {
    let up = Command::new("ip")
        .args(["link", "set", "lo", "up"])
        .status();
    ensure!(
        up.context("run ip; install iproute2")?.success(),
        "no loopback in the lane"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let lane = runtime.block_on(Lane::start(candidates))?;
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let word = |name: &str| asked[name].as_str().context("no such word");
        let outcome = runtime.block_on(lane.play(word("candidate")?, word("plan")?))?;
        say(&serde_json::to_string(&outcome)?);
    }
    lane.stop()
}

/// The process of a lane, as the campaign sees it.
struct Hand {
    child: Child,
    asks: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Hand {
    fn start(candidates: &[Candidate]) -> anyhow::Result<Hand> {
        let mut child = as_root("unshare")?
            .args(["--net", "--"])
            .arg(std::env::current_exe()?)
            .arg("lane")
            .args(candidates.iter().map(|candidate| candidate.name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("run unshare, which takes root (util-linux)")?;
        let answers = BufReader::new(child.stdout.take().context("not piped")?);
        Ok(Hand {
            asks: child.stdin.take(),
            child,
            answers,
        })
    }

    fn play(&mut self, candidate: &str, plan: &str) -> anyhow::Result<Outcome> {
        let line = json!({"candidate": candidate, "plan": plan});
        writeln!(self.asks.as_mut().context("it has ended")?, "{line}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        serde_json::from_str(&answer)
            .with_context(|| format!("a lane ended, with `{}`", answer.trim()))
    }

    fn end(mut self) -> anyhow::Result<()> {
        drop(self.asks.take());
        let ended = self.child.wait()?;
        ensure!(ended.success(), "a lane ended with {ended}");
        Ok(())
    }
}

/// Everything that the lanes share.
struct Campaign<'a> {
    asked: &'a Asked,
    undisturbed: Mutex<BTreeMap<&'static str, Undisturbed>>,
    next: AtomicU64,
    tally: Mutex<Tally>,
    out: Mutex<File>,
}

/// What is counted.
#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    failed: BTreeSet<u64>,
    boundaries: BTreeSet<(&'static str, String)>,
    unreached: u64,
    deaths: usize,
    messages: usize,
    again: usize,
    undecided: usize,
    stops: Vec<i64>,
}

/// Whether all went well.
fn campaign(asked: &Asked) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let campaign = Campaign {
        asked,
        undisturbed: Mutex::default(),
        next: AtomicU64::new(asked.seed),
        tally: Mutex::default(),
        out: Mutex::new(File::create(&asked.out).with_context(|| asked.out.clone())?),
    };
    let lanes: Vec<Hand> = (0..asked.lanes)
        .map(|_| Hand::start(&asked.candidates))
        .collect::<anyhow::Result<_>>()?;
    let lanes = on_each(lanes, |lane| campaign.calm(lane))?;
    for (name, undisturbed) in lock(&campaign.undisturbed)?.iter() {
        say(&format!(
            "{name}: an undisturbed run takes {} steps",
            undisturbed.steps
        ));
    }
    say(&format!(
        "undisturbed runs and engines took {} s",
        begun.elapsed().as_secs()
    ));
    let lanes = on_each(lanes, |lane| campaign.seeds(lane))?;
    for lane in lanes {
        lane.end()?;
    }
    let steps_drawn = campaign.every_step_is_drawn()?;
    let tally = lock(&campaign.tally)?;
    say(&format!(
        "{} seeds from {} in {} s, {} lanes: {} deaths at {} of {} boundaries ({} deaths not reached), {} messages of which {} came again, {} findings left undecided, {} stops when asked, the longest of {} ms; failed: {:?}",
        tally.runs,
        asked.seed,
        begun.elapsed().as_secs(),
        asked.lanes,
        tally.deaths,
        tally.boundaries.len(),
        cycle(&asked.candidates),
        tally.unreached,
        tally.messages,
        tally.again,
        tally.undecided,
        tally.stops.len(),
        tally.stops.iter().max().unwrap_or(&0),
        tally.failed,
    ));
    Ok(tally.failed.is_empty() && tally.runs == asked.count && steps_drawn)
}

/// The same on each lane, side by side.
fn on_each(
    lanes: Vec<Hand>,
    act: impl Fn(&mut Hand) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Vec<Hand>> {
    std::thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = lanes
            .into_iter()
            .map(|mut lane| scope.spawn(move || act(&mut lane).map(|()| lane)))
            .collect();
        let done = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => bail!("a thread of the campaign panicked"),
        });
        done.collect()
    })
}

impl Campaign<'_> {
    /// One undisturbed run of every candidate.
    fn calm(&self, lane: &mut Hand) -> anyhow::Result<()> {
        let mut candidates = self.asked.candidates.iter();
        candidates.try_for_each(|candidate| self.undisturbed(lane, candidate.name))
    }

    fn undisturbed(&self, lane: &mut Hand, name: &'static str) -> anyhow::Result<()> {
        let outcome = lane.play(name, "never")?;
        self.note(&json!({"candidate": name, "outcome": outcome}))?;
        let mut undisturbed = lock(&self.undisturbed)?;
        let known = undisturbed.entry(name).or_default();
        if let Err(wrong) = known.take(&outcome) {
            bail!("{name}, undisturbed: {}", wrong.join("; "));
        }
        Ok(())
    }

    /// Plays undisturbed runs until there is something to compare with, a few at most: what they all leave open is the
    /// complaint that it is.
    fn settle(&self, lane: &mut Hand, name: &'static str, outcome: &Outcome) -> anyhow::Result<()> {
        for _ in 0..SETTLED_BY {
            let known = lock(&self.undisturbed)?.get(name).cloned();
            if !known.is_some_and(|known| known.is_open_beside(outcome)) {
                break;
            }
            self.undisturbed(lane, name)?;
        }
        Ok(())
    }

    fn seeds(&self, lane: &mut Hand) -> anyhow::Result<()> {
        loop {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.asked.seed + self.asked.count {
                return Ok(());
            }
            let drawn = draw(&self.asked.candidates, self.asked.manner, seed);
            let outcome = lane.play(drawn.candidate.name, &drawn.plan())?;
            self.settle(lane, drawn.candidate.name, &outcome)?;
            self.judge(seed, &drawn, &outcome)?;
        }
    }

    fn judge(&self, seed: u64, drawn: &Draw, outcome: &Outcome) -> anyhow::Result<()> {
        let name = drawn.candidate.name;
        let (complaints, undecided) = {
            let all = lock(&self.undisturbed)?;
            let calm = all.get(name).context("no undisturbed run")?;
            (outcome.complaints(calm), outcome.undecided(calm))
        };
        self.note(&json!({"seed": seed, "candidate": name, "plan": drawn.plan(), "outcome": outcome, "complaints": complaints}))?;
        let deaths = outcome.places();
        let places: Vec<String> = deaths
            .iter()
            .map(|(point, what)| format!("{point} ({})", short(what)))
            .collect();
        let mut tally = lock(&self.tally)?;
        tally.runs += 1;
        tally.deaths += deaths.len();
        tally.unreached += drawn.deaths.len().saturating_sub(deaths.len()) as u64;
        tally.messages += outcome.arrived.messages;
        tally.again += outcome.arrived.again;
        tally.undecided += undecided;
        tally.stops.extend(outcome.stops());
        // The boundary that the cycle counts is the first life's.
        let first = outcome.lives.first();
        let is_first = first.is_some_and(|life| life.died.is_some() || life.asked.is_some());
        let first = deaths.first().filter(|_| is_first);
        tally
            .boundaries
            .extend(first.map(|(point, _)| (name, point.clone())));
        let verdict = outcome.verdict.as_deref().unwrap_or("no report");
        let killed = if places.is_empty() {
            "not reached".to_owned()
        } else {
            places.join(", then ")
        };
        say(&format!(
            "seed {seed}: {name}, {} {killed}: {verdict}, {:.1} s",
            drawn.plan(),
            outcome.seconds
        ));
        if !complaints.is_empty() {
            tally.failed.insert(seed);
            say(&format!(
                "seed {seed} FAILED: {}; alone: make faults SEED={seed} N=1",
                complaints.join("; ")
            ));
        }
        Ok(())
    }

    fn every_step_is_drawn(&self) -> anyhow::Result<bool> {
        let undisturbed = lock(&self.undisturbed)?;
        let beyond = self.asked.candidates.iter().filter(|candidate| {
            let taken = undisturbed
                .get(candidate.name)
                .map_or(0, |known| known.steps);
            taken > candidate.steps
        });
        let names: Vec<&str> = beyond.map(|candidate| candidate.name).collect();
        if !names.is_empty() {
            say(&format!(
                "more steps than are drawn, raise the number in draw.rs: {names:?}"
            ));
        }
        Ok(names.is_empty())
    }

    fn note(&self, line: &Value) -> anyhow::Result<()> {
        let mut out = self
            .out
            .lock()
            .map_err(|_| anyhow::anyhow!("a lane panicked"))?;
        writeln!(out, "{line}").context("write the evidence")
    }
}

/// A command that runs as root, through `sudo` where this program does not.
fn as_root(program: &str) -> anyhow::Result<Command> {
    if std::fs::metadata("/proc/self")?.uid() == 0 {
        return Ok(Command::new(program));
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["--non-interactive", program]);
    Ok(sudo)
}

/// A step's name without the directories of its file.
fn short(what: &str) -> String {
    let (words, path) = what.rsplit_once(' ').unwrap_or(("", what));
    let file = path.rsplit('/').next().unwrap_or(path);
    format!("{words} {file}").trim().to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> anyhow::Result<std::sync::MutexGuard<'_, T>> {
    mutex.lock().map_err(|_| anyhow::anyhow!("a lane panicked"))
}

#[allow(clippy::print_stdout, reason = "it is what this program is for")]
fn say(text: &str) {
    println!("{text}");
}
