//! Several redis-servers that stand in for each other: a Redis Cluster, and a primary with a replica behind a Sentinel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use redis::{Connection, cmd};
use tempfile::TempDir;

use crate::redis_server::{RedisOptions, RedisServer, program};
use crate::s3_server::free_port;
use crate::{audio, condition};

/// How far a node's second port, for the other nodes, is from its first: Redis 6 knows no other.
const BUS: u16 = 10_000;
/// Primaries of a cluster; each has a replica.
const PRIMARIES: usize = 3;
/// What a replica takes at most to become the primary: after five seconds it gives up, and is to be asked again.
const FAILOVER_TIME: Duration = Duration::from_secs(6);

/// A Redis Cluster of primaries with a replica each.
#[derive(Debug)]
pub struct RedisCluster {
    /// The nodes.
    pub nodes: Vec<RedisServer>,
    ports: Vec<u16>,
}

impl RedisCluster {
    /// Starts three primaries and three replicas.
    ///
    /// # Errors
    /// When they do not find together.
    pub fn start() -> Result<Self> {
        let (mut nodes, mut ports) = (Vec::new(), Vec::new());
        while nodes.len() < 2 * PRIMARIES {
            let port = port_with_bus()?;
            let args = ["--bind", "127.0.0.1", "--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
            let options = RedisOptions { aof: true, args: with_port(port, &args), ..RedisOptions::default() };
            // Another process may have taken one of its ports meanwhile.
            if let Ok(node) = RedisServer::start(options) {
                nodes.push(node);
                ports.push(port);
            }
        }
        let created = Command::new(audio::fetched("bin/redis-cli")?)
            .args(["--cluster", "create"])
            .args(ports.iter().map(|port| format!("127.0.0.1:{port}")))
            .args(["--cluster-replicas", "1", "--cluster-yes"])
            .stdin(Stdio::null())
            .output()?;
        ensure!(
            created.status.success(),
            "redis-cli --cluster create: {}",
            String::from_utf8_lossy(&created.stdout)
        );
        let cluster = Self { nodes, ports };
        for node in &cluster.nodes {
            condition::until_so("the node says that the cluster is whole", || {
                let info: String = cmd("CLUSTER").arg("INFO").query(&mut node.connection()?)?;
                Ok(info.contains("cluster_state:ok"))
            })?;
        }
        for node in &cluster.nodes {
            condition::until_so("a replica follows its primary", || {
                let info = replication(&mut node.connection()?)?;
                Ok(info.contains("role:master") || info.contains("master_link_status:up"))
            })?;
        }
        Ok(cluster)
    }

    /// How Steno reaches it: by two of its nodes.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+cluster://127.0.0.1:{},127.0.0.1:{}", self.ports[0], self.ports[5])
    }

    /// Kills the first node that is a primary with keys.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_a_primary(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            let keys: u64 = cmd("DBSIZE").query(&mut node.connection()?)?;
            if keys > 0 && replication(&mut node.connection()?)?.contains("role:master") {
                return node.kill();
            }
        }
        bail!("no primary has a key")
    }
}

/// A primary and a replica, and a Sentinel that watches them as the service `calls`.
#[derive(Debug)]
pub struct Watched {
    /// The primary at the start.
    pub primary: RedisServer,
    /// The other one.
    pub replica: RedisServer,
    sentinel: Child,
    port: u16,
    password: String,
    _folder: TempDir,
}

impl Watched {
    /// Starts all three, with a password for the servers.
    ///
    /// # Errors
    /// When they do not find together.
    pub fn start(password: &str) -> Result<Self> {
        let ports = [free_port()?, free_port()?];
        let own = ["--bind", "127.0.0.1", "--requirepass", password, "--masterauth", password];
        let server = |port, args: &[&str]| {
            RedisServer::start(RedisOptions {
                aof: true,
                args: with_port(port, args),
                ..RedisOptions::default()
            })
        };
        let primary = server(ports[0], &own)?;
        let master = ports[0].to_string();
        let replica = server(ports[1], &[&own[..], &["--replicaof", "127.0.0.1", &master]].concat())?;
        condition::until_so("the replica follows", || {
            let mut connection = replica.connection()?;
            cmd("AUTH").arg(password).exec(&mut connection)?;
            Ok(replication(&mut connection)?.contains("master_link_status:up"))
        })?;
        let folder = tempfile::Builder::new().prefix("steno-sentinel-").tempdir()?;
        let port = free_port()?;
        let file = folder.path().join("sentinel.conf");
        std::fs::write(
            &file,
            format!(
                "port {port}\nbind 127.0.0.1\ndir {}\nsentinel monitor calls 127.0.0.1 {master} 1\nsentinel auth-pass calls {password}\n\
                 sentinel down-after-milliseconds calls 500\nsentinel failover-timeout calls 3000\n",
                folder.path().display()
            ),
        )?;
        let log = std::fs::File::create(folder.path().join("log"))?;
        let sentinel = Command::new(program()?)
            .arg(&file)
            .arg("--sentinel")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("failed to start a Sentinel")?;
        let watched =
            Self { primary, replica, sentinel, port, password: password.to_owned(), _folder: folder };
        condition::until_so("the Sentinel knows the replica", || {
            let Ok(mut connection) = redis::Client::open(format!("redis://127.0.0.1:{port}"))
                .and_then(|client| client.get_connection())
            else {
                return Ok(false);
            };
            let replicas: redis::Value =
                cmd("SENTINEL").arg("REPLICAS").arg("calls").query(&mut connection)?;
            Ok(matches!(replicas, redis::Value::Array(replicas) if !replicas.is_empty()))
        })?;
        Ok(watched)
    }

    /// Has the Sentinel make the replica the primary, and the primary a replica.
    ///
    /// # Errors
    /// When it does not.
    pub fn fail_over(&self) -> Result<()> {
        let mut sentinel =
            redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?.get_connection()?;
        cmd("SENTINEL").arg("FAILOVER").arg("calls").exec(&mut sentinel)?;
        condition::until_so("the old primary is a replica", || {
            let mut connection = self.primary.connection()?;
            cmd("AUTH").arg(&self.password).exec(&mut connection)?;
            Ok(replication(&mut connection)?.contains("role:slave"))
        })
    }

    /// How Steno reaches the primary, whichever it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/calls", self.port)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // It has ended when that fails.
        let _ = self.sentinel.kill();
        let _ = self.sentinel.wait();
    }
}

/// Gives the slot of a key to another primary, with all keys in it, from the node that has it now. Clients learn of it when they are sent
/// on.
///
/// # Errors
/// When a node refuses.
pub fn move_slot(owner: &mut Connection, key: &str) -> Result<()> {
    let slot: u16 = cmd("CLUSTER").arg("KEYSLOT").arg(key).query(owner)?;
    let nodes = members(owner)?;
    let own = nodes.iter().find(|node| node.is_asked).context("the node does not know itself")?;
    let others = nodes.iter().filter(|node| !node.slots.is_empty() && node.id != own.id);
    // The next one by its id, and after the last the first.
    let target = others.min_by_key(|node| (node.id < own.id, &node.id));
    let target = target.context("there is no other primary")?;
    let mut to = target.connect()?;
    let set = |connection: &mut Connection, state: &str, node: &Member| {
        cmd("CLUSTER").arg("SETSLOT").arg(slot).arg(state).arg(&node.id).exec(connection)
    };
    set(&mut to, "IMPORTING", own)?;
    set(owner, "MIGRATING", target)?;
    loop {
        let keys: Vec<String> = cmd("CLUSTER").arg("GETKEYSINSLOT").arg(slot).arg(100).query(owner)?;
        if keys.is_empty() {
            break;
        }
        let mut migrate = cmd("MIGRATE");
        migrate.arg("127.0.0.1").arg(target.port).arg("").arg(0).arg(5000).arg("KEYS").arg(keys);
        migrate.exec(owner)?;
    }
    set(&mut to, "NODE", target)?;
    set(owner, "NODE", target)?;
    // A replica that does not know yet would not stand in for this slot.
    for node in &nodes {
        let mut node = node.connect()?;
        condition::until_so("the node knows where the slot is", || {
            let nodes = members(&mut node)?;
            let now = nodes
                .iter()
                .find(|node| node.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot)));
            Ok(now.is_some_and(|now| now.id == target.id))
        })?;
    }
    Ok(())
}

/// Makes a replica of this primary the primary. Nothing that was answered is lost.
///
/// # Errors
/// When there is none, or it does not.
pub fn fail_over(owner: &mut Connection) -> Result<()> {
    settled(owner)?;
    // It hears of a new one a moment later.
    let replica = condition::until("the primary knows a replica", || {
        let nodes = members(owner)?;
        let own = nodes.iter().find(|node| node.is_asked).map(|node| node.id.clone());
        Ok(nodes.into_iter().find(|node| own.is_some() && node.primary == own))
    })?;
    let mut replica = replica.connect()?;
    condition::until_so("the replica follows", || {
        Ok(replication(&mut replica)?.contains("master_link_status:up"))
    })?;
    let mut asked: Option<Instant> = None;
    condition::until_so("the replica is the primary, and the primary a replica", || {
        let has_changed = replication(&mut replica)?.contains("role:master");
        if !has_changed && asked.is_none_or(|asked| asked.elapsed() > FAILOVER_TIME) {
            cmd("CLUSTER").arg("FAILOVER").exec(&mut replica)?;
            asked = Some(Instant::now());
        }
        // Until it knows, it still answers reads.
        Ok(has_changed && replication(owner)?.contains("role:slave"))
    })?;
    settled(owner)
}

/// Waits until all nodes agree which primary has which epoch. A node that takes a slot takes the next epoch without asking the others; a
/// replica that is elected meanwhile may have been given the same one, and then one of the two takes back what the other has got.
fn settled(asked: &mut Connection) -> Result<()> {
    let mut nodes: Vec<Connection> = members(asked)?.iter().map(Member::connect).collect::<Result<_>>()?;
    condition::until_so("all nodes agree on the epochs", || {
        let mut views = BTreeSet::new();
        for node in &mut nodes {
            let primaries = members(node)?.into_iter().filter(|member| member.primary.is_none());
            let epochs: BTreeMap<u64, String> = primaries.map(|member| (member.epoch, member.id)).collect();
            let info: String = cmd("CLUSTER").arg("INFO").query(node)?;
            let current = info.lines().find(|line| line.starts_with("cluster_current_epoch:"));
            views.insert((epochs, current.map(str::to_owned)));
        }
        // Two primaries of one epoch are one entry less.
        Ok(views.len() == 1 && views.iter().all(|(epochs, _)| epochs.len() == PRIMARIES))
    })
}

/// A node as another one knows it.
struct Member {
    id: String,
    port: u16,
    /// Of a replica, its primary's id.
    primary: Option<String>,
    /// What decides between two primaries that claim the same slot: the greater one has it.
    epoch: u64,
    /// Whether it is the one that was asked.
    is_asked: bool,
    /// Its slots, first and last of each range. What has been a primary and is none any more has none.
    slots: Vec<(u16, u16)>,
}

impl Member {
    fn connect(&self) -> Result<Connection> {
        Ok(redis::Client::open(format!("redis://127.0.0.1:{}", self.port))?.get_connection()?)
    }
}

/// The nodes of a cluster, as one of them knows them: `ID 127.0.0.1:PORT@BUS[,…] FLAGS PRIMARY PING PONG EPOCH LINK SLOT…`.
fn members(asked: &mut Connection) -> Result<Vec<Member>> {
    let nodes: String = cmd("CLUSTER").arg("NODES").query(asked)?;
    let member = |line: &str| {
        let mut fields = line.split(' ');
        let (id, address, flags, primary) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let port = address.split('@').next()?.rsplit(':').next()?.parse().ok()?;
        let primary = Some(primary.to_owned()).filter(|primary| primary != "-");
        let epoch = fields.nth(2)?.parse().ok()?;
        // Behind them, in brackets, those that are on their way.
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let slots = fields.skip(1).filter_map(range).collect();
        let is_asked = flags.contains("myself");
        Some(Member { id: id.to_owned(), port, primary, epoch, is_asked, slots })
    };
    nodes.lines().map(|line| member(line).with_context(|| format!("{line:?} is no node"))).collect()
}

fn replication(node: &mut Connection) -> Result<String> {
    Ok(cmd("INFO").arg("replication").query(node)?)
}

fn with_port(port: u16, args: &[&str]) -> Vec<String> {
    ["--port", &port.to_string()].iter().chain(args).map(|arg| (*arg).to_owned()).collect()
}

fn port_with_bus() -> Result<u16> {
    for _ in 0..100 {
        let port = rand::random_range(10_000..22_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok()
            && TcpListener::bind(("127.0.0.1", port + BUS)).is_ok()
        {
            return Ok(port);
        }
    }
    bail!("no two ports could be had in 100 tries")
}
