//! A real toxiproxy: TCP connections between two parties, with faults in them.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::s3_server::free_port;
use crate::{audio, wait};

/// A running toxiproxy. It is killed when dropped.
#[derive(Debug)]
pub struct Toxiproxy {
    child: Child,
    api: String,
    client: reqwest::Client,
}

/// What is wrong with the connections through a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Toxic {
    /// Answers come later, by up to twice these milliseconds.
    Latency(u64),
    /// Connections are reset.
    Reset,
    /// What is sent gets lost in both directions, and nobody is told.
    BlackHole,
    /// Requests arrive, answers do not.
    HalfOpen,
    /// Answers come at so many kB/s.
    Bandwidth(u64),
    /// Connections break after so many bytes of answers.
    CutAfter(u64),
    /// Nobody listens.
    Refused,
}

impl Toxiproxy {
    /// Starts it, and waits until it answers.
    ///
    /// # Errors
    /// When it is missing or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let port = free_port()?;
        let child = Command::new(audio::fetched("bin/toxiproxy")?)
            .args(["-host", "127.0.0.1", "-port", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start toxiproxy")?;
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let proxy = Self { child, api: format!("http://127.0.0.1:{port}"), client };
        let version = format!("{}/version", proxy.api);
        wait::until("toxiproxy to answer", async || proxy.client.get(&version).send().await.ok()).await;
        Ok(proxy)
    }

    /// Stands between a party and `upstream` (`host:port`); gives the port that the party is to use.
    ///
    /// # Errors
    /// When toxiproxy refuses.
    pub async fn stand_before(&self, name: &str, upstream: &str) -> anyhow::Result<u16> {
        let proxy = json!({"name": name, "listen": "127.0.0.1:0", "upstream": upstream, "enabled": true});
        let made = self.post("proxies", &proxy).await?;
        let listen = made["listen"].as_str().unwrap_or_default();
        listen
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .with_context(|| format!("no port: {made}"))
    }

    /// Makes something wrong.
    ///
    /// # Errors
    /// When toxiproxy refuses.
    pub async fn spoil(&self, proxy: &str, toxic: Toxic) -> anyhow::Result<()> {
        let toxics = format!("proxies/{proxy}/toxics");
        let (kind, attributes, streams): (&str, Value, &[&str]) = match toxic {
            Toxic::Refused => {
                self.post(&format!("proxies/{proxy}"), &json!({"enabled": false})).await?;
                return Ok(());
            }
            Toxic::Latency(ms) => ("latency", json!({"latency": ms, "jitter": ms}), &["downstream"]),
            Toxic::Reset => ("reset_peer", json!({"timeout": 0}), &["downstream"]),
            Toxic::BlackHole => ("timeout", json!({"timeout": 0}), &["downstream", "upstream"]),
            Toxic::HalfOpen => ("timeout", json!({"timeout": 0}), &["downstream"]),
            Toxic::Bandwidth(rate) => ("bandwidth", json!({"rate": rate}), &["downstream"]),
            Toxic::CutAfter(bytes) => ("limit_data", json!({"bytes": bytes}), &["downstream"]),
        };
        for stream in streams {
            let made = json!({"name": stream, "type": kind, "stream": stream, "attributes": attributes});
            self.post(&toxics, &made).await?;
        }
        Ok(())
    }

    /// Makes everything right again.
    ///
    /// # Errors
    /// When toxiproxy does not answer.
    pub async fn heal(&self, proxy: &str) -> anyhow::Result<()> {
        for stream in ["downstream", "upstream"] {
            // Only what was made is there to be removed.
            self.client.delete(format!("{}/proxies/{proxy}/toxics/{stream}", self.api)).send().await?;
        }
        self.post(&format!("proxies/{proxy}"), &json!({"enabled": true})).await?;
        Ok(())
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}/{path}", self.api)).body(body.to_string());
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "toxiproxy refused {path} {body}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Toxiproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
