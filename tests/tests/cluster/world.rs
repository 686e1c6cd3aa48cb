//! A namespace with Steno, an S3 server and recordings in it. Its state is written down when a scenario fails.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use serde_json::Value;
use steno_tests::s3_server::{ACCESS_KEY, SECRET_KEY, loader_with};
use steno_tests::steno::{Ended, Steno};
use steno_tests::{audio, condition};
use tempfile::TempDir;

/// The chart's values for images that lie on the nodes and imaginary GPUs.
const VALUES: &str = include_str!("values.yaml");
/// An S3 server that any pod of the namespace reaches as `http://s3:7070`.
const S3: &str = include_str!("s3.yaml");
/// Far more than any batch here takes on a busy machine, the waiting for a dead node included.
const SETTLED_WITHIN: Duration = Duration::from_secs(480);

/// What programs of this machine are given for the S3 server.
const CREDENTIALS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];

/// A namespace with everything in it.
pub(crate) struct World {
    pub(crate) namespace: String,
    folder: TempDir,
    forward: Option<Child>,
    endpoint: String,
}

impl World {
    /// A namespace, an S3 server with an empty bucket `calls` and the model, and Steno with these further values.
    pub(crate) async fn new(values: &[&str]) -> Result<Self> {
        let world = Self::without_steno(&[]).await?;
        world.install(values)?;
        Ok(world)
    }

    /// The same before Steno is installed; pods are given these credentials, or the administrator's.
    pub(crate) async fn without_steno(credentials: &[(&str, &str)]) -> Result<Self> {
        let namespace = format!("steno-test-{:08x}", rand::random::<u32>());
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        kubectl(&["create", "namespace", &namespace])?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let mut world =
            Self { namespace: namespace.clone(), folder: tempfile::tempdir()?, forward: None, endpoint };
        let mut secret = vec![
            "create".to_owned(),
            "secret".to_owned(),
            "generic".to_owned(),
            "objectstore-creds".to_owned(),
            format!("--namespace={namespace}"),
        ];
        let administrator = [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)];
        let credentials = if credentials.is_empty() { &administrator } else { credentials };
        secret.extend(credentials.iter().map(|(name, value)| format!("--from-literal={name}={value}")));
        kubectl(&secret)?;
        let manifest = S3
            .replace("THE_ADMINISTRATOR", ACCESS_KEY)
            .replace("THE_SECRET", SECRET_KEY)
            .replace("TAG", &tag())
            .replace("HOME_NODE", &home_node()?);
        apply(&namespace, &manifest)?;
        kubectl(&["wait", "--for=condition=Ready", "pod/s3", "--timeout=120s", "--namespace", &namespace])?;
        let forward = Command::new("kubectl")
            .args(["port-forward", "pod/s3", &format!("{port}:7070"), "--namespace", &namespace])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start kubectl")?;
        world.forward = Some(forward);
        condition::until_so("the S3 server is reached", || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())
        })?;
        let client = world.client().await;
        for bucket in ["calls", "models"] {
            client.create_bucket().bucket(bucket).send().await?;
        }
        let model = audio::fetched("models/tiny.en")?;
        let pull = world.command()?.args(["model", "pull"]).arg(&model);
        pull.args(["--to", "s3://models/tiny.en", "--s3-endpoint", &world.endpoint]).run()?.expect(0)?;
        Ok(world)
    }

    /// Installs Steno, or upgrades it.
    pub(crate) fn install(&self, values: &[&str]) -> Result<()> {
        let file = self.folder.path().join("values.yaml");
        std::fs::write(&file, VALUES.replace("TAG", &tag()).replace("HOME_NODE", &home_node()?))?;
        let chart = audio::repository().join("deploy/helm/steno");
        let mut command = Command::new("helm");
        command.args(["upgrade", "--install", "steno"]).arg(chart).arg("--values").arg(file);
        command.args(["--namespace", &self.namespace, "--wait", "--timeout=120s"]);
        for value in values {
            command.arg("--set").arg(value);
        }
        output(&mut command).map(|_| ())
    }

    /// A client of the S3 server.
    pub(crate) async fn client(&self) -> Client {
        let sdk = loader_with(ACCESS_KEY, SECRET_KEY).endpoint_url(&self.endpoint).load().await;
        Client::from_conf(aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build())
    }

    /// The S3 server's address from here.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Puts recordings of real speech of these lengths, in seconds, into the bucket; gives their names.
    pub(crate) async fn record(&self, lengths: &[u32]) -> Result<BTreeMap<String, u32>> {
        let client = self.client().await;
        let mut made = BTreeMap::new();
        for (index, seconds) in lengths.iter().enumerate() {
            let extension = ["flac", "mp3", "opus", "m4a", "wav"][index % 5];
            let name = format!("{index:02}.{extension}");
            let path = self.folder.path().join(&name);
            let length = seconds.to_string();
            let speech = audio::speech();
            let loops =
                ["-stream_loop", "-1", "-i", &speech.to_string_lossy(), "-t", &length].map(str::to_owned);
            audio::ffmpeg(&loops.iter().map(String::as_str).collect::<Vec<_>>(), &path)?;
            let body = ByteStream::from(std::fs::read(&path)?);
            client.put_object().bucket("calls").key(format!("in/{name}")).body(body).send().await?;
            std::fs::remove_file(&path)?;
            made.insert(name, *seconds);
        }
        Ok(made)
    }

    /// That each recording has its transcript, of its own length, and nothing else is there.
    pub(crate) async fn check_transcripts(&self, recordings: &BTreeMap<String, u32>) -> Result<()> {
        let client = self.client().await;
        let listed = client.list_objects_v2().bucket("calls").prefix("out/").send().await?;
        let keys: Vec<String> =
            listed.contents().iter().filter_map(|object| object.key().map(str::to_owned)).collect();
        let wanted: Vec<String> = recordings.keys().map(|name| format!("out/{name}.json")).collect();
        ensure!(keys == wanted, "the output holds {keys:?}");
        for (name, seconds) in recordings {
            let object = client.get_object().bucket("calls").key(format!("out/{name}.json")).send().await?;
            let transcript: Value = serde_json::from_slice(&object.body.collect().await?.into_bytes())?;
            ensure!(
                transcript["filename"] == *name,
                "{name} holds the transcript of {}",
                transcript["filename"]
            );
            let duration = transcript["duration"].as_f64().unwrap_or_default();
            ensure!(
                (duration - f64::from(*seconds)).abs() < 0.3,
                "{name} of {seconds} s: {duration} s transcribed"
            );
        }
        Ok(())
    }

    /// `steno`, of this machine.
    pub(crate) fn command(&self) -> Result<Steno> {
        Ok(Steno::new(self.folder.path())?.envs(CREDENTIALS))
    }

    /// `steno-loadtest`, of this machine.
    pub(crate) fn loadtest(&self) -> Result<Steno> {
        Ok(Steno::loadtest(self.folder.path())?.envs(CREDENTIALS))
    }

    /// Whether a service account of the namespace may do this to that: `yes` or `no`.
    pub(crate) fn may(&self, account: &str, verb: &str, object: &str) -> Result<String> {
        let who = format!("--as=system:serviceaccount:{}:{account}", self.namespace);
        // Its exit code says the same, and is an error for us.
        let asked = ["auth", "can-i", verb, object, &who, "--namespace", &self.namespace];
        let answer = Command::new("kubectl").args(asked).output()?;
        Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    }

    /// `steno COMMAND… --kube` in the namespace.
    pub(crate) fn steno(&self, arguments: &[&str]) -> Result<Steno> {
        Ok(self.command()?.args(arguments).args(["--kube", "--namespace", &self.namespace]))
    }

    /// The command that submits the recordings in the bucket for so many nodes.
    pub(crate) fn submission(&self, nodes: usize) -> Result<Steno> {
        self.steno(&["submit", "s3://calls/in", "--out", "s3://calls/out", "--nodes", &nodes.to_string()])
    }

    /// Submits them.
    pub(crate) fn submit(&self, nodes: usize) -> Result<Ended> {
        self.submission(nodes)?.run()?.expect(0)
    }

    /// The state of the batch.
    pub(crate) fn status(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.steno(&["status", "--json"])?.run()?.expect(0)?.stdout)?)
    }

    /// Waits until the status is so.
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<Value> {
        let began = Instant::now();
        loop {
            let status = self.status()?;
            if is_so(&status) {
                return Ok(status);
            }
            ensure!(status["settled"] == false, "the batch ended before {what}: {status:#}");
            ensure!(began.elapsed() < SETTLED_WITHIN, "not within {SETTLED_WITHIN:?}: {what}: {status:#}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Waits until some recordings are done and some are in hand.
    pub(crate) fn until_in_the_middle(&self) -> Result<Value> {
        self.until("some are done", |status| {
            let count = |name: &str| status["totals"][name].as_u64().unwrap_or_default();
            count("done") > 0 && count("leased") > 0
        })
    }

    /// Waits for the batch's end by `steno watch`, and gives its last words: what a user would see.
    pub(crate) fn watch(&self, code: i32) -> Result<String> {
        Self::to_its_end(self.steno(&["watch"])?, code)
    }

    /// The same with this `steno watch`.
    pub(crate) fn to_its_end(watch: Steno, code: i32) -> Result<String> {
        let mut watch = watch.start()?;
        let began = Instant::now();
        while watch.is_running()? {
            ensure!(began.elapsed() < SETTLED_WITHIN, "steno watch does not end:\n{}", watch.said());
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(watch.ended()?.expect(code)?.stdout)
    }

    /// The names of the Jobs made so far.
    pub(crate) fn jobs(&self) -> Result<Vec<String>> {
        let names = self.kubectl(&["get", "jobs", "--output", "jsonpath={.items[*].metadata.name}"])?;
        Ok(names.split_whitespace().map(str::to_owned).collect())
    }

    /// The names of the workers' pods that are running.
    pub(crate) fn running_pods(&self) -> Result<Vec<String>> {
        let names = self.kubectl(&[
            "get",
            "pods",
            "--selector=app.kubernetes.io/component=worker",
            "--field-selector=status.phase=Running",
            "--output",
            "jsonpath={.items[*].metadata.name}",
        ])?;
        Ok(names.split_whitespace().map(str::to_owned).collect())
    }

    /// kubectl in the namespace.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        kubectl(&[arguments, &["--namespace", &self.namespace]].concat())
    }

    /// The scenario has passed: its state need not be kept.
    pub(crate) fn passed(&self) -> Result<()> {
        Ok(std::fs::write(self.folder.path().join("passed"), "")?)
    }

    fn write_down(&self) -> Result<PathBuf> {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&self.namespace);
        std::fs::create_dir_all(&folder)?;
        for (name, arguments) in [
            (
                "objects.yaml",
                &["get", "all,configmaps,events,persistentvolumeclaims", "--output", "yaml"][..],
            ),
            ("pods.txt", &["describe", "pods"]),
            ("coordinator.log", &["logs", "--selector=app.kubernetes.io/component=coordinator", "--tail=-1"]),
            (
                "workers.log",
                &[
                    "logs",
                    "--selector=app.kubernetes.io/component=worker",
                    "--tail=-1",
                    "--all-containers",
                    "--prefix",
                ],
            ),
        ] {
            let said = self.kubectl(arguments).unwrap_or_else(|error| format!("{error:#}"));
            std::fs::write(folder.join(name), said)?;
        }
        Ok(folder)
    }
}

impl Drop for World {
    #[expect(clippy::print_stderr, reason = "a test's words, and an error can be returned no more")]
    fn drop(&mut self) {
        if let Some(forward) = &mut self.forward {
            let _ = forward.kill();
            let _ = forward.wait();
        }
        // A scenario that fails by an error is past telling here, so the state is written down unless it said that it passed.
        match self.write_down() {
            Ok(folder) if std::thread::panicking() || !self.folder.path().join("passed").exists() => {
                eprintln!("the state of {} is in {}", self.namespace, folder.display());
            }
            Ok(folder) => drop(std::fs::remove_dir_all(folder)),
            Err(error) => eprintln!("the state of {} could not be written down: {error:#}", self.namespace),
        }
        let _ = kubectl(&["delete", "namespace", &self.namespace, "--wait=false"]);
    }
}

/// Whether a pod, or a place without one, waits for a reason of these words.
pub(crate) fn waits_because(status: &Value, words: &str) -> bool {
    let says =
        |pod: &Value| pod["state"]["waiting"]["because"].as_str().is_some_and(|text| text.contains(words));
    status["nodes"].as_array().is_some_and(|pods| pods.iter().any(says))
}

/// How many places have a worker that has told what it does.
pub(crate) fn at_work(status: &Value) -> usize {
    status["nodes"].as_array().map_or(0, |pods| pods.iter().filter(|pod| pod["worker"].is_object()).count())
}

/// The images' tag.
pub(crate) fn tag() -> String {
    std::env::var("STENO_IMAGE_TAG").unwrap_or_else(|_| "test".to_owned())
}

/// The nodes that offer a GPU, by name.
pub(crate) fn gpu_nodes() -> Result<Vec<String>> {
    let listed: Value = serde_json::from_str(&kubectl(&["get", "nodes", "--output", "json"])?)?;
    let mut names = Vec::new();
    for node in listed["items"].as_array().into_iter().flatten() {
        if node["status"]["allocatable"]["nvidia.com/gpu"].as_str().is_some_and(|gpus| gpus != "0") {
            names.push(node["metadata"]["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    ensure!(
        names.len() > 1,
        "these scenarios need two nodes or more that offer nvidia.com/gpu, real or imaginary: {names:?}"
    );
    names.sort();
    Ok(names)
}

/// The node of all that is not to die with a worker's.
pub(crate) fn home_node() -> Result<String> {
    Ok(gpu_nodes()?.swap_remove(0))
}

/// Runs a command of the user's shell that a variable gives, with the node's name as NODE.
pub(crate) fn on_node(variable: &str, otherwise: &str, node: &str) -> Result<()> {
    let command = std::env::var(variable).unwrap_or_else(|_| otherwise.to_owned());
    output(Command::new("sh").args(["-c", &command]).env("NODE", node)).map(|_| ())
}

/// kubectl.
pub(crate) fn kubectl<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Result<String> {
    output(Command::new("kubectl").args(arguments))
}

/// Makes objects in a namespace.
pub(crate) fn apply(namespace: &str, manifest: &str) -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), manifest)?;
    let path = file.path().to_string_lossy().into_owned();
    kubectl(&["apply", "--namespace", namespace, "--filename", &path]).map(|_| ())
}

/// Runs a command to its end, and gives what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let ran =
        command.stdin(Stdio::null()).output().with_context(|| format!("failed to start {command:?}"))?;
    if !ran.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// What a user saw, without what differs from run to run: times, costs, and the names of nodes and pods.
pub(crate) fn reviewed(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = match line.split_once(" node-hours") {
            Some((_, rest)) => format!("… node-hours{}", rest.split(" about ").next().unwrap_or_default()),
            None => line.to_owned(),
        };
        let words = line.split(' ').map(|word| match word.trim_end_matches(':') {
            node if node.starts_with("node") && node[4..].parse::<u32>().is_ok() => {
                word.replace(node, "NODE")
            }
            _ => word.to_owned(),
        });
        lines.push(words.collect::<Vec<_>>().join(" "));
    }
    lines.join("\n")
}
