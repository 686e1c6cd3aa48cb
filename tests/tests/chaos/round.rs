//! A chaos run: rounds of a backlog each, with faults as planned, and what must hold after each.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use steno_tests::steno::{Ended, Running};

use crate::backlog::{Recording, bad_ones, recordings};
use crate::conservation;
use crate::inject::Injector;
use crate::plan::{Settings, Step};
use crate::recovery::Recoveries;
use crate::report::Report;
use crate::site::{Place, Site};

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Before a run that ended is started again, as a person or a service manager would.
const PAUSE: Duration = Duration::from_millis(200);
/// After the last fault: against a run that never gets done.
const QUIET_MAX: Duration = Duration::from_secs(300);
/// How a run may end under faults, before its batch is over: unusable, interrupted, lost.
const ALLOWED: [i32; 3] = [3, 5, 6];

/// Plays a whole plan.
pub(crate) fn play(settings: &Settings) -> anyhow::Result<Report> {
    let mut site = Site::start()?;
    let mut report = Report::default();
    let mut plan = settings.plan()?.into_iter().peekable();
    while plan.peek().is_some() {
        report.rounds += 1;
        let recordings = recordings(settings.seed, report.rounds);
        let place = site.place(report.rounds, &recordings)?;
        let mut round = Round {
            site: &mut site,
            place: &place,
            injector: Injector::default(),
            recoveries: Recoveries::default(),
            report: &mut report,
        };
        let before = round.memory()?;
        round.under_faults(&mut plan, &recordings)?;
        round.in_peace(&recordings)?;
        round.recoveries.forget();
        conservation::check(round.site, &place, &recordings, round.report)?;
        round.delete(before)?;
    }
    Ok(report)
}

struct Round<'a> {
    site: &'a mut Site,
    place: &'a Place,
    injector: Injector,
    recoveries: Recoveries,
    report: &'a mut Report,
}

impl Round<'_> {
    /// Runs the batch to its end, again and again, while faults come as planned.
    fn under_faults(
        &mut self,
        plan: &mut std::iter::Peekable<impl Iterator<Item = Step>>,
        recordings: &[Recording],
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut last = began;
        let mut running: Option<Running> = None;
        let mut is_over = false;
        let mut start_at = began;
        while !(is_over && self.injector.is_idle()) {
            ensure!(
                last.elapsed() < QUIET_MAX,
                "the round has no end; steno said: {}",
                said(running.as_ref())
            );
            self.injector.act(self.site, self.place, &mut self.recoveries)?;
            let is_due = match plan.peek() {
                Some(step) if !is_over && last.elapsed() >= step.after => {
                    self.injector.is_ready_for(step.fault, running.as_ref())?
                }
                Some(_) | None => false,
            };
            if let Some(step) = plan.next_if(|_| is_due) {
                last = Instant::now();
                say(&format!("{:8.2} s: {}", began.elapsed().as_secs_f64(), step.fault.name()));
                self.injector.inject(
                    &step,
                    self.site,
                    self.place,
                    running.as_mut(),
                    &mut self.recoveries,
                    self.report,
                )?;
            }
            if self.injector.redis_answers() {
                self.recoveries.look(&self.site.redis, self.report);
            }
            let has_ended = running.as_mut().map(|steno| steno.is_running()).transpose()? == Some(false);
            if let Some(steno) = running.take_if(|_| has_ended) {
                is_over = self.ended(&steno.ended()?, recordings)?;
                start_at = Instant::now() + PAUSE;
            }
            if running.is_none() && !is_over && Instant::now() >= start_at {
                running = Some(self.site.run(self.place)?.start()?);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        self.site.http.calm();
        Ok(())
    }

    /// Notes how a run ended, and whether its batch is over.
    fn ended(&mut self, ended: &Ended, recordings: &[Recording]) -> anyhow::Result<bool> {
        ensure!(!ended.stderr.contains("panicked"), "steno panicked:\n{}", ended.stderr);
        let how = ended.code.map_or_else(|| "killed".to_owned(), |code| code.to_string());
        self.report.ended(&how);
        say(&format!("steno run ended ({how}): {}", ended.stderr.trim_end()));
        match ended.code {
            None => Ok(false),
            Some(code @ (0 | 1)) => {
                conservation::check_said(self.site, self.place, recordings, ended, code)?;
                Ok(true)
            }
            Some(code) if ALLOWED.contains(&code) => Ok(false),
            Some(code) => bail!("steno ended with exit code {code}:\n{}", ended.stderr),
        }
    }

    /// Requeues what failed for faults, and runs without any, some hours later: then all is done but what cannot be, and what
    /// killed processes left in the output is gone.
    fn in_peace(&mut self, recordings: &[Recording]) -> anyhow::Result<()> {
        let bad = bad_ones(recordings);
        let failed = self.place.world.items(&["--failed"])?;
        failed.iter().try_for_each(conservation::check_failed)?;
        let is_innocent = |item: &Value| {
            let own = bad.get(item["name"].as_str().unwrap_or_default());
            !own.is_some_and(|own| conservation::is_for(item, own))
        };
        let innocent: Vec<&Value> = failed.iter().filter(|item| is_innocent(item)).collect();
        self.report.requeued += innocent.len();
        if !innocent.is_empty() {
            let mut requeue =
                self.place.world.steno()?.args(["requeue", "--state"]).arg(self.place.world.state());
            for item in &innocent {
                requeue = requeue.args(["--id", item["id"].as_str().context("an item without id")?]);
            }
            requeue.run()?.expect(0)?;
        }
        self.report.temporaries += self.site.age_temporaries(self.place)?;
        let last = self.site.run(self.place)?.run()?;
        self.ended(&last, recordings)?;
        last.expect(1).context("without faults")?;
        Ok(())
    }

    fn memory(&self) -> anyhow::Result<i64> {
        let mut connection = self.site.redis.connection()?;
        // Scripts stay known, whatever is deleted.
        redis::cmd("SCRIPT").arg("FLUSH").exec(&mut connection)?;
        let info: String = redis::cmd("INFO").arg("memory").query(&mut connection)?;
        let used =
            info.lines().find_map(|line| line.strip_prefix("used_memory:")).context("no used_memory")?;
        Ok(used.trim().parse()?)
    }

    /// Deletes the batch: nothing of it is left in Redis.
    fn delete(&mut self, before: i64) -> anyhow::Result<()> {
        let state = self.place.world.state();
        self.place.unmount();
        self.place.world.steno()?.args(["delete", "--state"]).arg(&state).run()?.expect(0)?;
        ensure!(!state.exists(), "{} is still there", state.display());
        let mut connection = self.site.redis.connection()?;
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut connection)?;
        ensure!(keys.is_empty(), "Redis still has {keys:?}");
        let after = self.memory()?;
        ensure!(after < before + (64 << 10), "Redis used {before} bytes before, {after} after");
        Ok(())
    }
}

/// For whoever runs it with `--nocapture`, or looks why it failed.
#[expect(clippy::print_stdout, reason = "a test's course")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

fn said(running: Option<&Running>) -> String {
    running.map(Running::said).unwrap_or_default()
}
