//! The report of a simulation.

use steno_coordinator::quantities::{audio_seconds, counted, wall_seconds};

use super::charts::{Bar, BarKind, Series, gantt, histogram, lines};
use super::page::{Chart, Page, Table};
use crate::simulate::{Comparison, Doing, Job, Outcome, Policy, Row, Run, Span};

/// The page of a comparison: its table, and the pictures of the first seed's runs, which had these recordings.
#[must_use]
pub fn simulated(comparison: &Comparison, jobs: &[Job], runs: &[Run], rows: &[Row], command: String) -> Page {
    let first: Vec<&Run> = runs.iter().filter(|run| run.seed == comparison.seeds[0]).collect();
    let nodes = comparison.farm.speeds.len();
    let mut charts = Vec::new();
    let longest = first.iter().map(|run| run.outcome.makespan).fold(0.0, f64::max);
    for run in &first {
        charts.push(nodes_over_time(run, nodes, longest, "all on one scale"));
    }
    charts.push(left_over_time(&first));
    let is_small = |run: &&&Run| run.outcome.makespan < longest / 2.0;
    if let Some(steno) = first.iter().find(|run| run.policy == Policy::Steno).filter(is_small) {
        charts.push(nodes_over_time(steno, nodes, steno.outcome.makespan, "on its own scale"));
    }
    charts.push(lengths(jobs));
    Page {
        title: format!(
            "{} on {}",
            counted(jobs.len() as u64, "recording"),
            counted(nodes as u64, "GPU node")
        ),
        facts: facts(comparison, jobs, first.first().map_or(0.0, |run| run.lower_bound)),
        table: table(comparison, rows),
        charts,
        command,
    }
}

/// The first seed's runs on one scale, for a picture.
#[must_use]
pub fn nodes_of(comparison: &Comparison, runs: &[Run]) -> Vec<Chart> {
    let first: Vec<&Run> = runs.iter().filter(|run| run.seed == comparison.seeds[0]).collect();
    let nodes = comparison.farm.speeds.len();
    let longest = first.iter().map(|run| run.outcome.makespan).fold(0.0, f64::max);
    let chart = |run: &&Run| {
        let idle = run.outcome.idle_share(nodes) * 100.0;
        let title = format!("{}: {}, nodes idle {idle:.0}%", run.policy, wall_seconds(run.outcome.makespan));
        Chart { title, ..nodes_over_time(run, nodes, longest, "") }
    };
    first.iter().map(chart).collect()
}

fn facts(comparison: &Comparison, jobs: &[Job], lower_bound: f64) -> Vec<String> {
    let farm = &comparison.farm;
    let seconds = jobs.iter().map(|job| job.seconds);
    let (slowest, fastest) = farm
        .speeds
        .iter()
        .fold((f64::INFINITY, 0.0_f64), |(least, most), &speed| (least.min(speed), most.max(speed)));
    let speeds = if slowest < fastest { format!("{slowest} to {fastest}") } else { format!("{fastest}") };
    let mut facts = vec![
        format!(
            "{} of audio, the longest recording {}; nodes get through {speeds} seconds of audio in a second, and a pod \
             takes {} to start.",
            audio_seconds(seconds.clone().sum()),
            audio_seconds(seconds.fold(0.0, f64::max)),
            wall_seconds(farm.cold_start),
        ),
        format!(
            "No schedule that leaves recordings whole ends before {}: one start, then the mean load or the longest \
             recording. The load is one start and the mean load: no schedule at all ends before.",
            wall_seconds(lower_bound)
        ),
    ];
    if let Some(faults) = farm.faults {
        facts.push(format!(
            "Nodes live {} on average; another pod starts {} later.",
            wall_seconds(faults.mean_life),
            wall_seconds(faults.back_after)
        ));
    }
    if comparison.prediction_error > 0.0 {
        facts.push(format!(
            "Lengths are planned wrongly, by a factor whose logarithm has a standard deviation of {}.",
            comparison.prediction_error
        ));
    }
    if comparison.seeds.len() > 1 {
        facts.push(format!(
            "Medians of {} backlogs; the pictures show the first one.",
            comparison.seeds.len()
        ));
    }
    facts
}

/// The figures of a comparison, for the page and for a terminal.
#[must_use]
pub fn table(comparison: &Comparison, rows: &[Row]) -> Table {
    let has_range = comparison.seeds.len() > 1;
    let has_again = rows.iter().any(|row| row.begun_again_hours > 0.0);
    let has_lost = rows.iter().any(|row| row.given_up > 0);
    let has_cost = comparison.price.is_some();
    let mut head = vec!["schedule", "makespan", "÷ bound"];
    head.extend(has_range.then_some("range"));
    head.extend(["÷ load", "idle", "node hours"]);
    head.extend(has_again.then_some("begun again"));
    head.extend(has_lost.then_some("given up"));
    head.extend(has_cost.then_some("cost"));
    let row = |row: &Row| {
        let mut cells = vec![
            row.policy.to_string(),
            wall_seconds(row.makespan_seconds),
            format!("{:.3}", row.over_bound),
        ];
        cells
            .extend(has_range.then(|| format!("{:.3}–{:.3}", row.over_bound_least, row.over_bound_greatest)));
        cells.extend([
            format!("{:.3}", row.over_load),
            format!("{:.1}%", row.idle_share * 100.0),
            format!("{:.1}", row.node_hours),
        ]);
        cells.extend(has_again.then(|| format!("{:.1} h", row.begun_again_hours)));
        cells.extend(has_lost.then(|| row.given_up.to_string()));
        cells.extend(row.cost.map(|cost| format!("{cost:.2}")));
        cells
    };
    Table { head: head.into_iter().map(str::to_owned).collect(), rows: rows.iter().map(row).collect() }
}

fn nodes_over_time(run: &Run, nodes: usize, until: f64, scale: &str) -> Chart {
    let bar = |span: &Span| Bar {
        node: span.node,
        from: span.from,
        until: span.until,
        kind: match span.doing {
            Doing::Working => BarKind::Work,
            Doing::Starting => BarKind::Start,
            Doing::Dying => BarKind::Vain,
        },
    };
    let bars: Vec<Bar> = run.outcome.spans.iter().map(bar).collect();
    Chart {
        title: format!("{}: {}", run.policy, wall_seconds(run.outcome.makespan)),
        caption: format!(
            "What each node does, {scale}; idle {:.1}% of the time to the end. Blue works, light blue starts, red is \
             in vain, grey is idle.",
            run.outcome.idle_share(nodes) * 100.0
        ),
        svg: gantt(nodes, &bars, until),
    }
}

fn left_over_time(runs: &[&Run]) -> Chart {
    let series = runs.iter().map(|run| Series {
        name: run.policy.to_string(),
        points: left(&run.outcome),
        colour: Policy::ALL.iter().position(|policy| *policy == run.policy).unwrap_or_default(),
    });
    Chart {
        title: "Recordings, and parts of them, left".to_owned(),
        caption: "Whoever takes the longest first has many left for long, and ends first.".to_owned(),
        svg: lines(&series.collect::<Vec<_>>(), "recordings"),
    }
}

fn left(outcome: &Outcome) -> Vec<(f64, f64)> {
    let mut ends: Vec<f64> =
        outcome.spans.iter().filter(|span| span.doing == Doing::Working).map(|span| span.until).collect();
    ends.sort_by(f64::total_cmp);
    let all = ends.len() + outcome.given_up;
    let left = |(done, end)| (end, (all - done - 1) as f64);
    std::iter::once((0.0, all as f64)).chain(ends.into_iter().enumerate().map(left)).collect()
}

fn lengths(jobs: &[Job]) -> Chart {
    let seconds: Vec<f64> = jobs.iter().map(|job| job.seconds).collect();
    Chart {
        title: "How long the recordings are".to_owned(),
        caption: "Each class by its share of all recordings, and of all audio.".to_owned(),
        svg: histogram(&seconds),
    }
}
