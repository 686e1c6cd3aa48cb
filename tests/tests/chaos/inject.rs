//! Doing what the plan says, and undoing it when its time is over.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::Signal;
use redis::cmd;
use steno_tests::disk::Disk;
use steno_tests::processes::{self, Process};
use steno_tests::steno::Running;
use steno_tests::toxiproxy::Toxic;

use crate::plan::{Fault, Step};
use crate::recovery::Recoveries;
use crate::report::Report;
use crate::site::{Place, REDIS_LINK, STORE_LINK, Site};

/// What Redis loses when its machine loses power: at `appendfsync everysec`, a second.
const LOST_BY_REDIS: Duration = Duration::from_secs(1);
/// In seconds.
const HOUR: i64 = 3600;

/// What is still to be done about faults that have begun.
#[derive(Default)]
pub(crate) struct Injector {
    due: Vec<(Instant, Deed)>,
    /// How far Redis's clock is ahead.
    redis_seconds_ahead: i64,
}

enum Deed {
    Continue(i32),
    /// With the append-only files and what they held a while ago.
    KillRedis(Vec<(PathBuf, u64)>),
    StartRedis,
    ResumeRedis,
    GiveRedisMemory,
    StartStore,
    ResumeStore,
    HealLink(&'static str),
    EmptySpool,
    EmptyRedisDisk,
    SetClocksRight,
}

impl Injector {
    /// Whether all that has begun is over.
    pub(crate) fn is_idle(&self) -> bool {
        self.due.is_empty()
    }

    /// Whether the fault can begin: not while there is nobody to meet it, or another one of the same server or link lasts.
    pub(crate) fn is_ready_for(&self, fault: Fault, running: Option<&Running>) -> anyhow::Result<bool> {
        let needs_worker = matches!(
            fault,
            Fault::KillWorker(_) | Fault::TerminateWorker(_) | Fault::PauseWorker(_) | Fault::FillSpool
        );
        let needs_steno =
            matches!(fault, Fault::KillCoordinator | Fault::TerminateCoordinator | Fault::FreezeCoordinator);
        let meets_somebody =
            (!needs_worker || worker_of(running, 0)?.is_some()) && (!needs_steno || running.is_some());
        Ok(meets_somebody && self.is_free_for(fault))
    }

    fn is_free_for(&self, fault: Fault) -> bool {
        let redis = matches!(
            fault,
            Fault::KillRedis
                | Fault::TerminateRedis
                | Fault::RollBackRedis
                | Fault::HangRedis
                | Fault::FreezeRedis
                | Fault::FillRedis
                | Fault::EmptyRedis
                | Fault::ForgetScripts
                | Fault::FillRedisDisk
        );
        let store = matches!(fault, Fault::KillStore | Fault::TerminateStore | Fault::FreezeStore);
        let redis_link = matches!(fault, Fault::RedisLink(_) | Fault::LoseRedisLink).then_some(REDIS_LINK);
        let store_link = matches!(fault, Fault::StoreLink(_) | Fault::LoseStoreLink).then_some(STORE_LINK);
        let link = store_link.or(redis_link);
        !self.due.iter().any(|(_, deed)| match deed {
            Deed::KillRedis(_)
            | Deed::StartRedis
            | Deed::ResumeRedis
            | Deed::GiveRedisMemory
            | Deed::EmptyRedisDisk => redis,
            Deed::StartStore | Deed::ResumeStore => store,
            Deed::HealLink(name) => link == Some(*name),
            Deed::EmptySpool => fault == Fault::FillSpool,
            Deed::SetClocksRight => matches!(fault, Fault::SetClocks(_)),
            Deed::Continue(_) => false,
        })
    }

    /// Makes a fault. One that finds nothing that it could be done to is left out, and reported so.
    pub(crate) fn inject(
        &mut self,
        step: &Step,
        site: &mut Site,
        place: &Place,
        running: Option<&mut Running>,
        recoveries: &mut Recoveries,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let done = match step.fault {
            Fault::KillWorker(worker) => {
                let worker = worker_of(running.as_deref(), worker)?;
                if let Some(worker) = &worker {
                    recoveries.worker_dies(worker, &site.redis);
                }
                send(worker.as_ref(), Signal::SIGKILL)
            }
            Fault::TerminateWorker(worker) => {
                send(worker_of(running.as_deref(), worker)?.as_ref(), Signal::SIGTERM)
            }
            Fault::PauseWorker(worker) => {
                let worker = worker_of(running.as_deref(), worker)?;
                if let Some(worker) = &worker {
                    self.later(step.hold, Deed::Continue(worker.pid));
                }
                send(worker.as_ref(), Signal::SIGSTOP)
            }
            Fault::KillCoordinator => running.is_some_and(|steno| steno.signal(Signal::SIGKILL).is_ok()),
            Fault::TerminateCoordinator => running.is_some_and(|steno| steno.signal(Signal::SIGTERM).is_ok()),
            Fault::FreezeCoordinator => {
                if let Some(steno) = running.as_deref() {
                    self.later(step.hold, Deed::Continue(steno.pid()?));
                }
                running.is_some_and(|steno| steno.signal(Signal::SIGSTOP).is_ok())
            }
            Fault::KillRedis => {
                site.redis.kill()?;
                self.later(step.hold, Deed::StartRedis);
                true
            }
            Fault::TerminateRedis => {
                site.redis.terminate()?;
                self.later(step.hold, Deed::StartRedis);
                true
            }
            Fault::RollBackRedis => {
                self.later(LOST_BY_REDIS, Deed::KillRedis(append_only_files(site)?));
                self.later(LOST_BY_REDIS + step.hold, Deed::StartRedis);
                true
            }
            Fault::HangRedis | Fault::FreezeRedis => {
                site.redis.pause()?;
                self.later(step.hold, Deed::ResumeRedis);
                true
            }
            Fault::FillRedis => {
                cmd("CONFIG").arg("SET").arg("maxmemory").arg(1).exec(&mut site.redis.connection()?)?;
                self.later(step.hold, Deed::GiveRedisMemory);
                true
            }
            Fault::EmptyRedis => cmd("FLUSHALL").exec(&mut site.redis.connection()?).map(|()| true)?,
            Fault::ForgetScripts => {
                cmd("SCRIPT").arg("FLUSH").exec(&mut site.redis.connection()?).map(|()| true)?
            }
            Fault::KillStore => {
                site.store.kill()?;
                self.later(step.hold, Deed::StartStore);
                true
            }
            Fault::TerminateStore => {
                site.store.terminate()?;
                self.later(step.hold, Deed::StartStore);
                true
            }
            Fault::FreezeStore => {
                site.store.pause()?;
                self.later(step.hold, Deed::ResumeStore);
                true
            }
            Fault::RedisLink(toxic) => self.spoil(site, REDIS_LINK, toxic, step.hold)?,
            Fault::StoreLink(toxic) => self.spoil(site, STORE_LINK, toxic, step.hold)?,
            Fault::LoseRedisLink => self.spoil(site, REDIS_LINK, Toxic::BlackHole, step.hold)?,
            Fault::LoseStoreLink => self.spoil(site, STORE_LINK, Toxic::BlackHole, step.hold)?,
            Fault::Http(fault) => {
                site.http.fail_next(fault, step.requests);
                true
            }
            Fault::FillSpool => {
                let filled = place.fill_spool()?;
                if filled {
                    self.later(step.hold, Deed::EmptySpool);
                }
                filled
            }
            Fault::FillRedisDisk => {
                if let Some(disk) = &site.redis_disk {
                    disk.fill()?;
                    self.later(step.hold, Deed::EmptyRedisDisk);
                }
                site.redis_disk.is_some()
            }
            Fault::SetClocks(hours) => {
                if let Some(clock) = &site.clock {
                    clock.set(i64::from(hours) * HOUR)?;
                    self.later(step.hold, Deed::SetClocksRight);
                }
                site.clock.is_some()
            }
            Fault::AdvanceRedisClock => {
                if let Some(clock) = &site.redis_clock {
                    self.redis_seconds_ahead += HOUR;
                    clock.set(self.redis_seconds_ahead)?;
                }
                site.redis_clock.is_some()
            }
        };
        report.injected(step.fault, done);
        Ok(())
    }

    fn spoil(
        &mut self,
        site: &Site,
        link: &'static str,
        toxic: Toxic,
        hold: Duration,
    ) -> anyhow::Result<bool> {
        site.runtime.block_on(site.toxiproxy.spoil(link, toxic))?;
        self.later(hold, Deed::HealLink(link));
        Ok(true)
    }

    /// Whether Redis can be asked: not while it is killed or hangs.
    pub(crate) fn redis_answers(&self) -> bool {
        self.is_free_for(Fault::KillRedis)
    }

    /// Does what is due.
    pub(crate) fn act(
        &mut self,
        site: &mut Site,
        place: &Place,
        recoveries: &mut Recoveries,
    ) -> anyhow::Result<()> {
        let now = Instant::now();
        self.due.sort_by_key(|(at, _)| *at);
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            match self.due.remove(0).1 {
                // It may have been killed meanwhile.
                Deed::Continue(pid) => drop(processes::send(pid, Signal::SIGCONT)),
                Deed::KillRedis(files) => {
                    site.redis.kill()?;
                    for (path, bytes) in files {
                        std::fs::File::options().write(true).open(&path)?.set_len(bytes)?;
                    }
                }
                Deed::StartRedis => {
                    site.redis.restart()?;
                    recoveries.redis_is_back(&site.redis);
                }
                Deed::ResumeRedis => site.redis.resume()?,
                Deed::ResumeStore => site.store.resume()?,
                Deed::GiveRedisMemory => {
                    cmd("CONFIG").arg("SET").arg("maxmemory").arg(0).exec(&mut site.redis.connection()?)?;
                }
                Deed::StartStore => site.runtime.block_on(site.store.start_again())?,
                Deed::HealLink(link) => site.runtime.block_on(site.toxiproxy.heal(link))?,
                Deed::EmptySpool => place.empty_spool(),
                Deed::EmptyRedisDisk => site.redis_disk.iter().for_each(Disk::empty),
                Deed::SetClocksRight => site.clock.iter().try_for_each(|clock| clock.set(0))?,
            }
        }
        Ok(())
    }

    fn later(&mut self, after: Duration, deed: Deed) {
        self.due.push((Instant::now() + after, deed));
    }
}

/// Signals a worker. False if there is none, or none any more.
fn send(worker: Option<&Process>, signal: Signal) -> bool {
    worker.is_some_and(|worker| processes::send(worker.pid, signal).is_ok())
}

/// The worker at a place, or the next one that there is.
fn worker_of(running: Option<&Running>, place: u8) -> anyhow::Result<Option<Process>> {
    let Some(running) = running else { return Ok(None) };
    let mut workers = running.children("steno-worker")?;
    workers.sort_by_key(|process| process.pid);
    let index = usize::from(place) % workers.len().max(1);
    Ok(workers.into_iter().nth(index))
}

/// The files that Redis appends to, of version 6 or later ones, and how long they are.
fn append_only_files(site: &Site) -> anyhow::Result<Vec<(PathBuf, u64)>> {
    let data = site.redis.data();
    let mut files = Vec::new();
    for folder in [data.clone(), data.join("appendonlydir")] {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name == "appendonly.aof" || name.ends_with(".incr.aof") {
                let bytes = path.metadata().context("an append-only file is gone")?.len();
                files.push((path, bytes));
            }
        }
    }
    anyhow::ensure!(!files.is_empty(), "Redis keeps no append-only file in {}", data.display());
    Ok(files)
}
