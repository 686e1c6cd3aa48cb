//! A real S3 server (versitygw) with a data folder of its own, for as long as the value lives.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use aws_config::{BehaviorVersion, ConfigLoader, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use nix::sys::signal::Signal;
use steno_shared::storage::S3Config;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::processes;

/// The administrator's access key.
pub const ACCESS_KEY: &str = "steno-test-access";
/// The administrator's secret key.
pub const SECRET_KEY: &str = "steno-test-secret-0123456789";
/// The region that the server says it is in.
pub const REGION: &str = "us-east-1";

const READY_WITHIN: Duration = Duration::from_secs(60);
const POLL_EVERY: Duration = Duration::from_millis(20);
/// Between choosing a free port and the server's use of it, another process can take it.
const PORTS_TRIED: u32 = 5;

/// Runs a program and ends it when its own input closes, so that no server outlives a test process however that
/// dies. Ends with the program.
const LEASH: &str = r#"exec 3<&0; "$@" </dev/null 3<&- & server=$!
( read -r _ <&3; kill -9 "$server" ) >/dev/null 2>&1 & exec 3<&-; wait "$server""#;

/// A running server.
#[derive(Debug)]
pub struct S3Server {
    /// `http://127.0.0.1:port`.
    pub endpoint: String,
    port: u16,
    leash: Child,
    folder: tempfile::TempDir,
}

impl S3Server {
    /// Starts a server on a free port and waits until it is ready.
    ///
    /// # Errors
    /// When the program is missing or does not become ready.
    pub async fn start() -> anyhow::Result<Self> {
        let program = program();
        ensure!(
            program.exists(),
            "the S3 server for tests, {}, is missing: run make setup",
            program.display()
        );
        for _ in 0..PORTS_TRIED {
            if let Some(server) = Self::start_once(program).await? {
                return Ok(server);
            }
        }
        bail!("no port could be had in {PORTS_TRIED} tries");
    }

    async fn start_once(program: &Path) -> anyhow::Result<Option<Self>> {
        let folder = tempfile::tempdir().context("failed to make a folder for the S3 server")?;
        for name in ["iam", "data"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        let port = free_port()?;
        let leash = spawn(program, folder.path(), port)?;
        let mut server = Self { endpoint: format!("http://127.0.0.1:{port}"), port, leash, folder };
        Ok(server.becomes_ready().await?.then_some(server))
    }

    /// Kills the server with SIGKILL; its data stay.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        drop(self.leash.stdin.take());
        self.leash.wait()?;
        Ok(())
    }

    /// Asks the server to end, with SIGTERM, as whoever stops a service does: one that does not within a few seconds is killed.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::SIGTERM)?;
        processes::give_time_to_end(&mut self.leash)?;
        self.kill()
    }

    /// Stops the server's execution without closing its connections, until [`Self::resume`].
    ///
    /// # Errors
    /// When it is not running.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets a paused server go on.
    ///
    /// # Errors
    /// When it is not running.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let children = processes::children(i32::try_from(self.leash.id())?)?;
        let server = children.iter().find(|process| process.is("versitygw"));
        processes::send(server.context("the S3 server is not running")?.pid, signal)
    }

    /// Starts a killed server again, on its data and port.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.leash = spawn(program(), self.folder.path(), self.port)?;
        ensure!(self.becomes_ready().await?, "the S3 server's port was taken meanwhile: {}", self.log());
        Ok(())
    }

    /// Waits until it answers; false if its port was taken.
    async fn becomes_ready(&mut self) -> anyhow::Result<bool> {
        let deadline = Instant::now() + READY_WITHIN;
        while !is_healthy(self.port).await {
            if self.leash.try_wait()?.is_some() {
                let log = self.log();
                ensure!(log.contains("address already in use"), "the S3 server ended at its start: {log}");
                return Ok(false);
            }
            ensure!(Instant::now() < deadline, "the S3 server is not ready after a minute: {}", self.log());
            tokio::time::sleep(POLL_EVERY).await;
        }
        // Some other server may have answered on a port that this one could not have.
        Ok(self.leash.try_wait()?.is_none())
    }

    /// How Steno reaches the server.
    #[must_use]
    pub fn config(&self) -> S3Config {
        S3Config { endpoint: Some(self.endpoint.clone()), region: Some(REGION.to_owned()) }
    }

    /// SDK settings with the administrator's credentials, and none of this machine's.
    #[must_use]
    pub fn loader(&self) -> ConfigLoader {
        loader_with(ACCESS_KEY, SECRET_KEY)
    }

    /// The variables by which a process of Steno finds the credentials.
    #[must_use]
    pub fn env(&self) -> [(&'static str, &'static str); 3] {
        [("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY), ("AWS_REGION", REGION)]
    }

    /// A client of the SDK itself, to set a scene or to look behind Steno's back.
    pub async fn client(&self) -> Client {
        let sdk = self.loader().endpoint_url(&self.endpoint).load().await;
        Client::from_conf(aws_sdk_s3::config::Builder::from(&sdk).force_path_style(true).build())
    }

    /// Creates a bucket and gives its name back.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn bucket(&self, name: &str) -> anyhow::Result<String> {
        let request = self.client().await.create_bucket().bucket(name);
        request.send().await.with_context(|| format!("failed to create bucket {name}"))?;
        Ok(name.to_owned())
    }

    /// Makes a user who may do these actions in a bucket and nothing else; gives the variables for a process.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn user_who_may(
        &self,
        bucket: &str,
        actions: &[&str],
    ) -> anyhow::Result<[(&'static str, &'static str); 2]> {
        let (name, secret) = ("limited", "limited-secret-0123456789");
        let created = Command::new(program())
            .args(["admin", "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--endpoint-url", &self.endpoint])
            .args(["create-user", "--access", name, "--secret", secret, "--role", "user"])
            .output()?;
        ensure!(created.status.success(), "no user was made: {}", String::from_utf8_lossy(&created.stderr));
        let policy = serde_json::json!({"Statement": [{
            "Effect": "Allow",
            "Principal": [name],
            "Action": actions,
            "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")],
        }]});
        let client = self.client().await;
        client.put_bucket_policy().bucket(bucket).policy(policy.to_string()).send().await?;
        Ok([("AWS_ACCESS_KEY_ID", name), ("AWS_SECRET_ACCESS_KEY", secret)])
    }

    /// Where the server keeps a bucket's objects, as files.
    #[must_use]
    pub fn bucket_folder(&self, name: &str) -> PathBuf {
        self.folder.path().join("data").join(name)
    }

    /// What the server has written.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn spawn(program: &Path, folder: &Path, port: u16) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    Command::new("sh")
        .args(["-c", LEASH, "leash"])
        .arg(program)
        .args(["--port", &format!("127.0.0.1:{port}"), "--quiet", "--health", "/healthz", "--region", REGION])
        .arg("--iam-dir")
        .arg(folder.join("iam"))
        .arg("posix")
        .arg(folder.join("data"))
        .env("ROOT_ACCESS_KEY_ID", ACCESS_KEY)
        .env("ROOT_SECRET_ACCESS_KEY", SECRET_KEY)
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("failed to start sh")
}

/// A port that nobody uses, for now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn program() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.local/bin/versitygw"))
}

/// SDK settings with these credentials, and none of this machine's.
#[must_use]
pub fn loader_with(access_key: &str, secret_key: &str) -> ConfigLoader {
    aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(Credentials::new(access_key, secret_key, None, None, "steno-tests"))
        .region(Region::from_static(REGION))
}

impl Drop for S3Server {
    fn drop(&mut self) {
        drop(self.leash.stdin.take());
        // The data folder goes next: the server must have ended.
        let _ended = self.leash.wait();
    }
}

async fn is_healthy(port: u16) -> bool {
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.take(4096).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), ask).await, Ok(Ok(answer)) if answer.starts_with(b"HTTP/1.1 200"))
}
