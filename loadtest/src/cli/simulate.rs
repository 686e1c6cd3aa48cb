//! `steno-loadtest simulate`.

use std::io::BufReader;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use steno_coordinator::cli::{print, print_json};
use steno_coordinator::failure::Failure;
use steno_coordinator::quantities::{audio_seconds, counted, wall_seconds};

use super::drawn::DrawnArguments;
use super::files::{command_line, write_file, write_picture};
use super::numbers::{above_zero, up_to_three, zero_or_more};
use crate::lengths::read_seconds;
use crate::report::{PictureFile, nodes_of, simulated, table};
use crate::simulate::{Backlog, Comparison, Farm, Faults, Policy, Row, Run};

/// A start may take so many times as long as a node lives on average: one in twenty still gets through.
const LIVES_A_START: f64 = 3.0;
/// Nodes that can be simulated.
const NODES_MAX: u32 = 10_000;

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// The recordings of a manifest, in its order, as `steno manifest` writes it; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["lengths", "recordings"])]
    manifest: Option<PathBuf>,
    #[command(flatten)]
    drawn: DrawnArguments,
    /// GPU nodes.
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u32).range(1..=NODES_MAX.into()))]
    nodes: u32,
    /// Seconds of audio that a node gets through in a second.
    #[arg(long, value_name = "X", default_value = "60", value_parser = above_zero)]
    speed: f64,
    /// Speeds of single nodes relative to --speed, such as 1,1,0.33; the other nodes have 1.
    #[arg(long, value_name = "X,…", value_delimiter = ',', value_parser = above_zero)]
    node_speeds: Vec<f64>,
    /// Seconds from a pod's start to its first recording: image, model, engine.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = zero_or_more)]
    cold_start: f64,
    /// Seconds that each recording takes beside its audio.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = zero_or_more)]
    per_recording: f64,
    /// Nodes die at random moments: hours that one lives on average.
    #[arg(long, value_name = "HOURS", value_parser = above_zero)]
    node_life: Option<f64>,
    /// Seconds from a node's death until another pod starts in its place.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = zero_or_more)]
    back_after: f64,
    /// Seconds until what a dead node held is handed out anew.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = zero_or_more)]
    lease: f64,
    /// How wrong the planned lengths are: standard deviation of the logarithm of planned over true length.
    #[arg(long, value_name = "SIGMA", default_value = "0", value_parser = up_to_three)]
    prediction_error: f64,
    /// Only these schedules.
    #[arg(long, value_name = "POLICY,…", value_delimiter = ',', value_enum)]
    policies: Vec<Policy>,
    /// How many backlogs are drawn: with --seed, and with the seeds after it.
    #[arg(long, value_name = "N", default_value = "5", value_parser = clap::value_parser!(u32).range(1..=1000))]
    seeds: u32,
    /// What a node costs an hour, in whatever currency.
    #[arg(long, value_name = "PRICE", value_parser = zero_or_more)]
    price: Option<f64>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
    /// Write a page with tables and charts: one HTML file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write what each node does when as a picture: one SVG or PNG file, by its ending.
    #[arg(long, value_name = "FILE")]
    picture: Option<PictureFile>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    recordings: usize,
    audio_seconds: f64,
    longest_seconds: f64,
    nodes: usize,
    seeds: &'a [u64],
    lower_bound_seconds: f64,
    policies: &'a [Row],
}

/// Simulates, and prints a table or JSON.
pub(super) fn simulate(arguments: &SimulateArguments) -> Result<(), Failure> {
    let comparison = arguments.comparison()?;
    let runs = comparison.play();
    let rows = comparison.rows(&runs);
    let first = comparison.jobs(arguments.drawn.seed);
    if let Some(path) = &arguments.report {
        let page = simulated(&comparison, &first, &runs, &rows, command_line());
        write_file(path, page.html().as_bytes())?;
    }
    if let Some(file) = &arguments.picture {
        write_picture(file, &nodes_of(&comparison, &runs))?;
    }
    let seconds = first.iter().map(|job| job.seconds);
    let report = Report {
        recordings: first.len(),
        audio_seconds: seconds.clone().sum(),
        longest_seconds: seconds.fold(0.0, f64::max),
        nodes: comparison.farm.speeds.len(),
        seeds: &comparison.seeds,
        lower_bound_seconds: runs.first().map_or(0.0, |run: &Run| run.lower_bound),
        policies: &rows,
    };
    if arguments.json {
        print_json(&report)
    } else {
        print(&format!("{}\n{}", text(&report), table(&comparison, &rows).text().trim_end()))
    }
}

impl SimulateArguments {
    fn comparison(&self) -> Result<Comparison, Failure> {
        if self.node_speeds.len() > self.nodes as usize {
            return Err(Failure::usage(format!(
                "--node-speeds tells of {} nodes, and --nodes of {}; give no more speeds than nodes",
                self.node_speeds.len(),
                self.nodes
            )));
        }
        if let Some(hours) = self.node_life
            && hours * 3600.0 < self.cold_start / LIVES_A_START
        {
            return Err(Failure::usage(format!(
                "nodes that live {hours} h never get through a start of {} s; give --node-life more or --cold-start less",
                self.cold_start
            )));
        }
        let backlog = match &self.manifest {
            Some(path) => Backlog::Given(read_manifest(path)?),
            None => Backlog::Drawn {
                lengths: self.drawn.lengths.sampler().map_err(Failure::usage)?,
                recordings: self.drawn.recordings as usize,
            },
        };
        let nodes = NonZeroU32::new(self.nodes).unwrap_or(NonZeroU32::MIN);
        let mut farm = Farm::even(nodes, self.speed);
        for (speed, factor) in farm.speeds.iter_mut().zip(&self.node_speeds) {
            *speed *= factor;
        }
        farm.cold_start = self.cold_start;
        farm.per_recording = self.per_recording;
        farm.faults = self.node_life.map(|hours| Faults {
            mean_life: hours * 3600.0,
            back_after: self.back_after,
            lease: self.lease,
            seed: self.drawn.seed,
        });
        let is_random =
            matches!(backlog, Backlog::Drawn { .. }) || farm.faults.is_some() || self.prediction_error > 0.0;
        let seeds = if is_random { u64::from(self.seeds) } else { 1 };
        let policies = if self.policies.is_empty() { Policy::ALL.to_vec() } else { self.policies.clone() };
        Ok(Comparison {
            backlog,
            farm,
            policies,
            prediction_error: self.prediction_error,
            price: self.price,
            seeds: (self.drawn.seed..self.drawn.seed.saturating_add(seeds)).collect(),
        })
    }
}

fn read_manifest(path: &Path) -> Result<Vec<f64>, Failure> {
    let seconds = if path == Path::new("-") {
        read_seconds(std::io::stdin().lock(), "standard input")
    } else {
        let file = std::fs::File::open(path).map_err(|error| {
            Failure::usage(format!("failed to open the manifest {}: {error}", path.display()))
        })?;
        read_seconds(BufReader::new(file), &path.display().to_string())
    };
    let seconds = seconds.map_err(Failure::usage)?;
    if seconds.is_empty() {
        return Err(Failure::usage(format!("{} names no recordings", path.display())));
    }
    Ok(seconds)
}

/// What the table stands under.
fn text(report: &Report<'_>) -> String {
    let bound = wall_seconds(report.lower_bound_seconds);
    let seeds = match report.seeds {
        [first, _, ..] => format!(" (seed {first}; medians of {} seeds below)", report.seeds.len()),
        _ => String::new(),
    };
    format!(
        "{}, {} of audio, the longest {}; {}\nNo schedule that leaves recordings whole ends before {bound}{seeds}\n",
        counted(report.recordings as u64, "recording"),
        audio_seconds(report.audio_seconds),
        audio_seconds(report.longest_seconds),
        counted(report.nodes as u64, "node"),
    )
}
