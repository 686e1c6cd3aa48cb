//! Several redis-servers that stand in for each other: a Redis Cluster, and a primary with a replica behind a Sentinel.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use redis::cmd;
use tempfile::TempDir;

use crate::redis_server::{RedisOptions, RedisServer, program};
use crate::s3_server::free_port;
use crate::{audio, condition};

/// How far a node's second port, for the other nodes, is from its first: Redis 6 knows no other.
const BUS: u16 = 10_000;

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
        while nodes.len() < 6 {
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
                let info = replication(node)?;
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
            if keys > 0 && replication(node)?.contains("role:master") {
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
            let info: String = cmd("INFO").arg("replication").query(&mut connection)?;
            Ok(info.contains("master_link_status:up"))
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
            let info: String = cmd("INFO").arg("replication").query(&mut connection)?;
            Ok(info.contains("role:slave"))
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

fn replication(node: &RedisServer) -> Result<String> {
    Ok(cmd("INFO").arg("replication").query(&mut node.connection()?)?)
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
