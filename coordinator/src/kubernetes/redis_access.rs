//! To the leases of an installation: directly from inside the cluster, through the API server from anywhere else.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::ListParams;
use steno_shared::ids::BatchId;
use steno_shared::leases::{Leases, RedisConfig};

use super::client::{Cluster, within};
use super::port_forward::PortForward;
use crate::cluster::{REDIS, RedisSettings, RedisUser, phase, redis_config, why_waiting};
use crate::failure::Failure;

/// How long a command waits for Redis.
const BUDGET: Duration = Duration::from_secs(15);
/// Redis's port in its pod.
const PORT: u16 = 6379;

/// A way to an installation's Redis, as long as it is kept.
#[derive(Debug)]
pub struct RedisAccess {
    config: RedisConfig,
    _forward: Option<PortForward>,
}

impl RedisAccess {
    /// Finds the way.
    ///
    /// # Errors
    /// If the password may not be read, or Redis is not running.
    pub async fn open(cluster: &Cluster, redis: &RedisSettings) -> Result<Self, Failure> {
        let user = redis.coordinator.as_ref();
        // The coordinator's pod has the certificates there, and so has whoever reaches such a Redis from outside.
        let mut config = redis_config(redis, user).with_way_from_environment();
        if let Some(user) = user {
            // The coordinator itself has it in its environment, and no right to read secrets.
            config = config.with_environment();
            if config.password.is_none() {
                config.password = Some(password(cluster, user).await?);
            }
        }
        if cluster.inside {
            return Ok(Self { config, _forward: None });
        }
        let api = cluster.api::<Pod>();
        let pods = within("look for Redis", api.list(&ListParams::default().labels(REDIS))).await?;
        let Some(pod) = pods.items.first() else {
            // Somebody else's Redis: this machine may reach it too.
            return Ok(Self { config, _forward: None });
        };
        let name = pod.metadata.name.clone().unwrap_or_default();
        if phase(pod) != "Running" {
            return Err(Failure::lost(format!(
                "Redis, pod {name}, is not running: {}",
                why_waiting(pod, &[])
            )));
        }
        let forward = PortForward::open(api, name, PORT).await?;
        let user =
            user.and_then(|user| user.user.as_deref()).map(|user| format!("{user}@")).unwrap_or_default();
        config.url = format!("redis://{user}{}", forward.address());
        Ok(Self { config, _forward: Some(forward) })
    }

    /// How it is reached, for a person.
    #[must_use]
    pub fn shown(&self) -> &str {
        if self._forward.is_some() { "it, through the API server," } else { &self.config.url }
    }

    /// The password that it is reached by, if there is one.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        self.config.password.as_deref()
    }

    /// The leases of a batch.
    ///
    /// # Errors
    /// If Redis does not answer.
    pub async fn leases(&self, batch: &BatchId) -> Result<Leases, Failure> {
        Ok(Leases::connect_within(&self.config, batch, BUDGET).await?)
    }
}

async fn password(cluster: &Cluster, user: &RedisUser) -> Result<String, Failure> {
    let doing = format!("read the password of Redis in secret {}", user.secret);
    let secret: Secret = within(&doing, cluster.api::<Secret>().get(&user.secret)).await?;
    let bytes = secret.data.and_then(|mut data| data.remove(&user.key)).ok_or_else(|| {
        Failure::unusable(format!(
            "secret {} has no entry {}; upgrade the chart, or correct redis in its values",
            user.secret, user.key
        ))
    })?;
    String::from_utf8(bytes.0)
        .map_err(|_| Failure::unusable(format!("entry {} of secret {} is no text", user.key, user.secret)))
}
