//! How long it takes until a run is over a fault: measured and reported, never a reason to fail.

use std::time::{Duration, Instant};

use redis::{Connection, cmd};
use steno_tests::processes::Process;
use steno_tests::redis_server::RedisServer;

use crate::plan::LEASE;
use crate::report::Report;

/// What a run is still recovering from.
#[derive(Default)]
pub(crate) struct Recoveries {
    /// Items held by killed workers: the key of their shard's records, their id, their epoch, and since when.
    orphans: Vec<(String, String, String, Instant)>,
    /// When Redis came back, and how many items were done then.
    redis: Option<(Instant, u64)>,
}

impl Recoveries {
    /// Notes what a worker holds that is about to be killed.
    pub(crate) fn worker_dies(&mut self, worker: &Process, redis: &RedisServer) {
        let name = worker.arguments.iter().skip_while(|argument| *argument != "--name").nth(1);
        let Some((name, mut connection)) = name.zip(look(redis)) else { return };
        for (key, id, fields) in records(&mut connection) {
            let is_its = fields.get(9).is_some_and(|owner| owner.starts_with(&format!("{name}.")));
            let epoch = fields.get(2).cloned().unwrap_or_default();
            // Of a former worker of this place that was killed as well.
            let is_known = self.orphans.iter().any(|(_, known, its, _)| (known, its) == (&id, &epoch));
            if fields[0] == "l" && is_its && !is_known {
                self.orphans.push((key, id, epoch, Instant::now()));
            }
        }
    }

    /// Redis has been started again.
    pub(crate) fn redis_is_back(&mut self, redis: &RedisServer) {
        self.redis = look(redis).map(|mut connection| (Instant::now(), done(&mut connection)));
    }

    /// Looks what is over.
    pub(crate) fn look(&mut self, redis: &RedisServer, report: &mut Report) {
        if self.orphans.is_empty() && self.redis.is_none() {
            return;
        }
        let Some(mut connection) = look(redis) else { return };
        if let Some((since, before)) = self.redis
            && done(&mut connection) > before
        {
            report.redis_recoveries.push(since.elapsed());
            self.redis = None;
        }
        self.orphans.retain(|(key, id, epoch, since)| {
            let record: Option<String> = cmd("HGET").arg(key).arg(id).query(&mut connection).ok().flatten();
            let fields = record.as_deref().map(fields).unwrap_or_default();
            let is_held = fields.first().is_some_and(|state| state == "l") && fields.get(2) == Some(epoch);
            if !is_held {
                report.worker_recoveries.push(since.elapsed().div_duration_f64(LEASE));
            }
            is_held
        });
    }

    /// The round is over, and with it what was left of its items.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// A connection, unless Redis is away, hangs or loads.
fn look(redis: &RedisServer) -> Option<Connection> {
    let connection = redis.connection().ok()?;
    connection.set_read_timeout(Some(Duration::from_millis(200))).ok()?;
    Some(connection)
}

fn keys(connection: &mut Connection, part: &str) -> Vec<String> {
    cmd("KEYS").arg(format!("steno:*:{part}")).query(connection).unwrap_or_default()
}

fn done(connection: &mut Connection) -> u64 {
    let shards = keys(connection, "totals");
    shards
        .iter()
        .filter_map(|key| cmd("HGET").arg(key).arg("done").query::<Option<u64>>(connection).ok()?)
        .sum()
}

/// Key of the shard, id and fields of each record.
fn records(connection: &mut Connection) -> Vec<(String, String, Vec<String>)> {
    let mut found = Vec::new();
    for key in keys(connection, "items") {
        let items: Vec<(String, String)> = cmd("HGETALL").arg(&key).query(connection).unwrap_or_default();
        found.extend(items.into_iter().map(|(id, record)| (key.clone(), id, fields(&record))));
    }
    found
}

fn fields(record: &str) -> Vec<String> {
    record.lines().next().unwrap_or_default().split('|').map(str::to_owned).collect()
}
