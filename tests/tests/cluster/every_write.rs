//! A coordinator that is killed before and after each of its writes to the cluster.
//!
//! It runs on this machine, as the same program with the same settings, so that its requests to the API server pass a gate. The
//! addresses of the cluster's nodes must be reachable from here.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use steno_tests::condition;
use steno_tests::processes;

use super::world::{World, gpu_nodes, reviewed};

/// How long a coordinator with nothing left to do is watched for writing all the same.
const QUIET: Duration = Duration::from_secs(5);

/// When a coordinator dies of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// The API server never hears of it.
    Before,
    /// It is done, and the coordinator never hears so.
    After,
}

/// One life of a coordinator.
#[derive(Debug, Default)]
struct Life {
    pid: Option<i32>,
    death: Option<Death>,
    /// Method and path of the write that it died of.
    died_of: Option<String>,
    /// Where earlier lives made something: making it again changes nothing, and passes. A batch with one launch makes one object
    /// of a kind.
    made: Vec<String>,
}

/// Between the coordinator and the API server: what reads passes, the first write kills.
struct Gate {
    address: SocketAddr,
    life: Arc<Mutex<Life>>,
    proxy: Child,
}

impl Gate {
    fn open() -> Result<Self> {
        // It adds the credentials.
        let mut proxy = Command::new("kubectl").args(["proxy", "--port=0"]).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        BufReader::new(proxy.stdout.take().context("no pipe")?).read_line(&mut said)?;
        let upstream: SocketAddr = said.trim().rsplit(' ').next().unwrap_or_default().parse()?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let gate = Self { address: listener.local_addr()?, life: Arc::default(), proxy };
        let life = Arc::clone(&gate.life);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if let Ok(server) = TcpStream::connect(upstream) {
                    pass(client, server, &life);
                }
            }
        });
        Ok(gate)
    }

    fn kubeconfig(&self) -> String {
        serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "gate",
            "clusters": [{"name": "gate", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "gate", "context": {"cluster": "gate", "user": "gate"}}],
            "users": [{"name": "gate", "user": {}}],
        })
        .to_string()
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        locked(&self.life)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn locked(life: &Mutex<Life>) -> MutexGuard<'_, Life> {
    life.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets a connection's bytes pass both ways, until a write comes.
fn pass(client: TcpStream, server: TcpStream, life: &Arc<Mutex<Life>>) {
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    let its = Arc::clone(life);
    std::thread::spawn(move || {
        let _ = copy(&mut from_client, &mut to_server, |chunk| {
            let Some(write) = write_in(chunk) else { return true };
            let mut life = locked(&its);
            match life.death {
                _ if life.made.contains(&write) => true,
                Some(death) if life.died_of.is_none() => {
                    if death == Death::Before {
                        kill(&life);
                    } else if write.starts_with("POST") {
                        life.made.push(write.clone());
                    }
                    life.died_of = Some(write);
                    death == Death::After
                }
                // After its death nothing of it is heard any more.
                Some(_) => false,
                None => true,
            }
        });
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let its = Arc::clone(life);
    let (mut from_server, mut to_client) = (server, client);
    std::thread::spawn(move || {
        let _ = copy(&mut from_server, &mut to_client, |chunk| {
            let life = locked(&its);
            // The answer to the write: this connection may be another one, whose answer is then lost as well.
            let is_answer = life.died_of.is_some() && chunk.starts_with(b"HTTP/1.1 20");
            if is_answer {
                kill(&life);
            }
            !is_answer
        });
        let _ = to_client.shutdown(Shutdown::Both);
    });
}

fn copy(from: &mut TcpStream, to: &mut TcpStream, passes: impl Fn(&[u8]) -> bool) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer)?;
        let chunk = buffer.get(..read).unwrap_or_default();
        if chunk.is_empty() || !passes(chunk) {
            return Ok(());
        }
        to.write_all(chunk)?;
    }
}

/// Method and path of a request that changes something of a batch; the coordinator's own Lease is none.
fn write_in(chunk: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(chunk.split(|byte| *byte == b'\r').next()?).into_owned();
    let mut words = line.split(' ');
    let (method, path) = (words.next()?, words.next()?.split('?').next()?);
    let is_write =
        matches!(method, "POST" | "PUT" | "PATCH" | "DELETE") && !path.contains("coordination.k8s.io");
    is_write.then(|| format!("{method} {path}"))
}

fn kill(life: &Life) {
    if let Some(pid) = life.pid {
        let _ = processes::send(pid, Signal::SIGKILL);
    }
}

/// Whatever it was about to do or had just done, the next one goes on from there, and makes no second Job.
#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_killed_at_each_of_its_writes_gets_the_batch_done() -> Result<()> {
    let nodes = gpu_nodes()?.len();
    let world = World::without_steno(&[]).await?;
    // Where pods and this machine alike reach it.
    let endpoint = format!("storage.endpoint=http://{}", world.expose("s3", 7070)?);
    world.install(&[&endpoint, "networkPolicy.enabled=false", "coordinator.replicas=0"])?;
    let recordings = world.record(&[6; 9]).await?;
    let gate = Gate::open()?;
    let folder = tempfile::tempdir()?;
    let (settings, kubeconfig) = (folder.path().join("cluster.json"), folder.path().join("kubeconfig"));
    let json = "--output=jsonpath={.data.cluster\\.json}";
    std::fs::write(&settings, world.kubectl(&["get", "configmap", "steno-settings", json])?)?;
    std::fs::write(&kubeconfig, gate.kubeconfig())?;
    world.submit(nodes)?;
    let mut deaths: Vec<(Death, String)> = Vec::new();
    for death in [Death::Before, Death::After].into_iter().cycle() {
        // As if it had run out: each life has a name of its own, and would wait for that.
        world.kubectl(&["delete", "lease", "steno-coordinator", "--ignore-not-found"])?;
        {
            let mut life = gate.life();
            (life.pid, life.death, life.died_of) = (None, Some(death), None);
        }
        let coordinate = ["coordinate", "--settings", &settings.to_string_lossy()].map(str::to_owned);
        let kubeconfig = kubeconfig.to_string_lossy();
        let name = format!("life-{}", deaths.len());
        let variables =
            [("KUBECONFIG", &*kubeconfig), ("POD_NAME", &name), ("POD_NAMESPACE", &world.namespace)];
        let mut coordinator = world.command()?.args(coordinate).envs(variables).start()?;
        gate.life().pid = Some(coordinator.pid()?);
        let mut settled: Option<Instant> = None;
        let dies = condition::until("it dies, or has nothing left to do", || {
            if !coordinator.is_running()? {
                return Ok(Some(true));
            }
            if settled.is_none() && world.status()?["settled"] == true {
                settled = Some(Instant::now());
            }
            Ok(settled.filter(|since| since.elapsed() > QUIET).map(|_| false))
        })?;
        if !dies {
            break;
        }
        let died_of = gate.life().died_of.take();
        deaths.push((death, died_of.with_context(|| format!("it ended by itself: {}", coordinator.said()))?));
        ensure!(deaths.len() < 60, "it gets nowhere: {deaths:#?}");
    }
    insta::assert_snapshot!(reviewed(&world.watch(0)?));
    world.check_transcripts(&recordings).await?;
    ensure!(world.jobs()?.len() == 1, "more than one Job was made: {:?}", world.jobs()?);
    let of = |death: Death, write: &str| {
        deaths.iter().filter(|(when, what)| *when == death && what.starts_with(write)).count()
    };
    let core = format!("/api/v1/namespaces/{}/configmaps", world.namespace);
    let jobs = format!("POST /apis/batch/v1/namespaces/{}/jobs", world.namespace);
    for write in [format!("POST {core}"), format!("PATCH {core}"), jobs] {
        for death in [Death::Before, Death::After] {
            ensure!(of(death, &write) > 0, "it never died {death:?} a {write}: {deaths:#?}");
        }
    }
    world.passed()
}
