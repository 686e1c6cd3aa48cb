//! `steno-loadtest run`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde::Serialize;
use steno_coordinator::cli::{ClusterArguments, S3Arguments, print, print_json};
use steno_coordinator::failure::Failure;
use steno_coordinator::progress::write_line;
use steno_coordinator::quantities::{audio_seconds, counted};
use steno_shared::exit::Exit;
use steno_shared::leases::Operation;
use steno_shared::storage::{Location, Store};

use super::files::{command_line, write_file, write_picture};
use super::numbers::{above_zero, zero_or_more};
use super::wer;
use crate::report::{PictureFile, measured};
use crate::run::{Launch, Limits, Place, Round, Samples, measure};
use crate::word_errors::{ErrorRates, compare};

/// Worker processes that can be asked for.
const WORKERS_MAX: i64 = 1_000;

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Folder or s3://bucket/prefix with recordings, such as `steno-loadtest generate` makes.
    #[arg(value_name = "INPUT")]
    input: Location,
    /// Folder or s3://bucket/prefix for the transcripts; each round gets a place of its own in it.
    #[arg(long, value_name = "OUTPUT")]
    out: Location,
    /// Worker processes, or with --kube nodes; in a ramp, the most.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=WORKERS_MAX))]
    workers: u32,
    /// What is run: the backlog once (burst), with 1, 2, 4, … workers (ramp), or again and again (soak).
    #[arg(long, value_enum, default_value = "burst")]
    profile: Profile,
    /// How long a soak begins new rounds, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    soak_for: u64,
    /// Seconds of audio that a worker of the simulated engine gets through in a second; several for the first worker, the second, and so
    /// on, and from the first again.
    #[arg(long, value_name = "X", default_value = "200", value_parser = above_zero, value_delimiter = ',', conflicts_with = "real")]
    speed: Vec<f64>,
    /// Transcribe with this model, instead of the simulated engine.
    #[arg(long, value_name = "FOLDER", group = "real", conflicts_with = "kube")]
    model: Option<PathBuf>,
    /// Transcribe with the model that the cluster's installation has, instead of the simulated engine.
    #[arg(long, group = "real", requires = "kube")]
    installed_model: bool,
    /// Where the state of each round is kept [default: a temporary folder, kept if something fails].
    #[arg(long, value_name = "FOLDER", conflicts_with = "kube")]
    state: Option<PathBuf>,
    /// Break off with exit code 1 if the makespan is more than this many times the lower bound.
    #[arg(long, value_name = "RATIO", value_parser = zero_or_more)]
    max_over_bound: Option<f64>,
    /// The same if 99 of 100 claims take longer.
    #[arg(long, value_name = "MS", value_parser = zero_or_more)]
    max_claim_p99_ms: Option<f64>,
    /// The same if the workers' mean busy share is less.
    #[arg(long, value_name = "SHARE", value_parser = zero_or_more)]
    min_busy: Option<f64>,
    /// The same if more recordings fail.
    #[arg(long, value_name = "N", default_value = "0")]
    max_failed: u64,
    /// What is said in the recordings, as `generate --speech` writes it: the word error rate is told as well.
    #[arg(long, value_name = "PLACE", requires = "real")]
    references: Option<Location>,
    /// Break off with exit code 1 if the word error rate is above this; 0.1 is one word in ten.
    #[arg(long, value_name = "RATE", value_parser = zero_or_more, requires = "references")]
    max_wer: Option<f64>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
    /// Write a page with tables and charts: one HTML file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the charts of the last round as a picture: one SVG or PNG file, by its ending.
    #[arg(long, value_name = "FILE")]
    picture: Option<PictureFile>,
    #[command(flatten)]
    cluster: ClusterArguments,
    #[command(flatten)]
    s3: S3Arguments,
    /// What else `steno run`, or with --kube `steno submit`, is told, after `--`: --redis, --threads and others.
    #[arg(last = true, value_name = "OPTIONS OF STENO RUN")]
    more: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// The backlog once, all of it at once.
    Burst,
    /// The backlog again and again, with twice as many workers each time.
    Ramp,
    /// The backlog again and again, with all workers.
    Soak,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    rounds: &'a [Round],
    broken: &'a [String],
}

/// Runs and measures; `Exit::SomeFailed` if a limit is broken.
pub(super) async fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let temporary = tempfile::Builder::new().prefix("steno-loadtest-").tempdir();
    let temporary = temporary
        .map_err(|error| Failure::unusable(format!("failed to make a temporary folder: {error}")))?;
    let state = arguments.state.clone().unwrap_or_else(|| temporary.path().to_owned());
    let Measured { rounds, broken, failure } = rounds(arguments, &state).await;
    let is_good = broken.is_empty() && failure.is_none();
    if !is_good && arguments.state.is_none() && arguments.cluster.meant().is_none() {
        write_line(&format!("State and logs are kept in {}", temporary.keep().display()));
    }
    // What was measured before something failed is worth knowing.
    if !rounds.is_empty() {
        if arguments.json {
            print_json(&Report { rounds: &rounds, broken: &broken })?;
        } else {
            print(&text(&rounds))?;
        }
        if arguments.report.is_some() || arguments.picture.is_some() {
            let page = measured(&rounds, command_line());
            if let Some(path) = &arguments.report {
                write_file(path, page.html().as_bytes())?;
            }
            if let Some(file) = &arguments.picture {
                write_picture(file, &page.charts)?;
            }
        }
    }
    for limit in &broken {
        write_line(&format!("Limit broken: {limit}"));
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(if is_good { Exit::Success } else { Exit::SomeFailed }),
    }
}

/// What was measured, up to the first round that broke a limit or failed.
#[derive(Default)]
struct Measured {
    rounds: Vec<Round>,
    broken: Vec<String>,
    failure: Option<Failure>,
}

async fn rounds(arguments: &RunArguments, state: &Path) -> Measured {
    let limits = arguments.limits();
    let began = Instant::now();
    let mut measured = Measured::default();
    for number in 1_u32.. {
        let Some(workers) = arguments.workers_of(number, began.elapsed()) else { break };
        match arguments.measure(&arguments.launch(state, number, workers)).await {
            Ok(round) => {
                measured.broken = limits.broken_by(&round);
                // Only the last one is drawn.
                measured.rounds.iter_mut().for_each(|before| before.samples = Samples::default());
                measured.rounds.push(round);
            }
            Err(failure) => measured.failure = Some(failure),
        }
        if measured.failure.is_some() || !measured.broken.is_empty() {
            break;
        }
    }
    measured
}

impl RunArguments {
    /// How many workers the round of this number, from 1, has; `None` if there is none any more.
    fn workers_of(&self, number: u32, elapsed: Duration) -> Option<u32> {
        match self.profile {
            Profile::Burst => (number == 1).then_some(self.workers),
            Profile::Ramp => {
                let doubled = |number: u32| 1_u32.checked_shl(number - 1).unwrap_or(u32::MAX);
                let is_next = number == 1 || doubled(number - 1) < self.workers;
                is_next.then(|| doubled(number).min(self.workers))
            }
            Profile::Soak => (number == 1 || elapsed.as_secs() < self.soak_for).then_some(self.workers),
        }
    }

    fn launch(&self, state: &Path, number: u32, workers: u32) -> Launch {
        let is_real = self.installed_model || self.model.is_some();
        let mut more = Vec::new();
        if !is_real {
            let speeds: Vec<String> = self.speed.iter().map(f64::to_string).collect();
            more.extend(["--engine", "simulated", "--simulated-speed", &speeds.join(",")].map(str::to_owned));
        }
        if let Some(model) = &self.model {
            more.extend(["--model".to_owned(), model.display().to_string()]);
        }
        let place = match self.cluster.meant() {
            Some(place) => Place::Cluster(place),
            None => {
                let s3 = self.s3.config();
                for (option, value) in [("--s3-endpoint", s3.endpoint), ("--s3-region", s3.region)] {
                    more.extend(value.into_iter().flat_map(|value| [option.to_owned(), value]));
                }
                Place::Machine { state: state.join(format!("round-{number}")) }
            }
        };
        more.extend(self.more.iter().cloned());
        Launch {
            input: self.input.to_string(),
            output: format!("{}/round-{number}", self.out.to_string().trim_end_matches('/')),
            place,
            workers,
            speeds: if is_real { Vec::new() } else { self.speed.clone() },
            more,
        }
    }

    async fn measure(&self, launch: &Launch) -> Result<Round, Failure> {
        let round = measure(launch).await?;
        Ok(Round { word_errors: self.word_errors(launch).await?, ..round })
    }

    async fn word_errors(&self, launch: &Launch) -> Result<Option<ErrorRates>, Failure> {
        let Some(references) = &self.references else { return Ok(None) };
        let output: Location = launch.output.parse().map_err(Failure::usage)?;
        let s3 = self.s3.config();
        let (transcripts, references) =
            (Store::open(&output, &s3).await?, Store::open(references, &s3).await?);
        compare(&transcripts, &references).await.map(Some)
    }

    fn limits(&self) -> Limits {
        Limits {
            over_bound: self.max_over_bound,
            claim_p99_ms: self.max_claim_p99_ms,
            busy: self.min_busy,
            failed: Some(self.max_failed),
            wer: self.max_wer,
        }
    }
}

fn text(rounds: &[Round]) -> String {
    let mut out = format!(
        "{:>7} {:>10} {:>10} {:>10} {:>8} {:>7} {:>10} {:>7} {:>7} {:>22} {:>10} {:>9}\n",
        "workers",
        "recordings",
        "makespan",
        "bound",
        "÷ bound",
        "÷ load",
        "simulated",
        "busy",
        "failed",
        "claim p50/p99/max ms",
        "Redis CPU",
        "Redis MiB"
    );
    for round in rounds {
        let claim = round.latency(Operation::Claim).map_or_else(String::new, |claim| {
            format!("{:.2}/{:.2}/{:.1}", claim.p50_ms, claim.p99_ms, claim.max_ms)
        });
        let _ = writeln!(
            out,
            "{:>7} {:>10} {:>8.1} s {:>8.1} s {:>8.3} {:>7.3} {:>8.1} s {:>6.1}% {:>7} {:>22} {:>8.2} s {:>9.1}",
            round.workers,
            round.recordings,
            round.makespan_seconds,
            round.lower_bound_seconds,
            round.over_bound,
            round.over_load,
            round.predicted_seconds,
            round.mean_busy() * 100.0,
            round.failed,
            claim,
            round.redis_cpu_seconds,
            round.redis_memory_bytes as f64 / f64::from(1 << 20),
        );
    }
    if let Some(last) = rounds.last() {
        let audio = audio_seconds(last.audio_seconds);
        let _ = write!(out, "{audio} of audio in each; {}", counted(rounds.len() as u64, "round"));
        if let Some(errors) = &last.word_errors {
            let _ = write!(out, "\n\n{}", wer::text(errors));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: RunArguments,
    }

    fn workers(options: &[&str], seconds_a_round: u64) -> Vec<u32> {
        let line = [&["x", "in", "--out", "out"], options].concat();
        let arguments = Line::try_parse_from(line).unwrap().arguments;
        (1..20)
            .map_while(|number| {
                arguments.workers_of(number, Duration::from_secs(u64::from(number - 1) * seconds_a_round))
            })
            .collect()
    }

    #[test]
    fn profiles_have_their_rounds() {
        assert_eq!(workers(&["--workers", "6"], 60), [6]);
        assert_eq!(workers(&["--workers", "6", "--profile", "ramp"], 60), [1, 2, 4, 6]);
        assert_eq!(workers(&["--workers", "8", "--profile", "ramp"], 60), [1, 2, 4, 8]);
        assert_eq!(workers(&["--workers", "1", "--profile", "ramp"], 60), [1]);
        assert_eq!(workers(&["--workers", "3", "--profile", "soak", "--soak-for", "150"], 60), [3, 3, 3]);
    }
}
