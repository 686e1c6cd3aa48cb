//! The connection to the API server.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use kube::api::{DeleteParams, PostParams, PropagationPolicy};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, root_cause};

/// How long a plain request may take: the library itself would wait for ever.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which cluster and namespace, as a user names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Where {
    /// The kubeconfig's context; `None` for its current one.
    pub context: Option<String>,
    /// The namespace; `None` for the context's.
    pub namespace: Option<String>,
}

/// A namespace of a cluster.
#[derive(Clone)]
pub struct Cluster {
    /// The connection.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
    /// Whether this process runs in the cluster itself.
    pub inside: bool,
}

impl Cluster {
    /// Reads the kubeconfig, or in a pod the account's token.
    ///
    /// # Errors
    /// If there is neither, or it cannot be used. Nothing is sent yet.
    pub async fn connect(place: &Where) -> Result<Self, Failure> {
        let (mut config, inside) = config(place).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let namespace = place.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| {
            Failure::unusable(format!("failed to prepare the connection to the cluster: {error}"))
        })?;
        Ok(Self { client, namespace, inside })
    }

    /// Objects of a kind in the namespace.
    #[must_use]
    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

async fn config(place: &Where) -> Result<(Config, bool), Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::unusable(format!(
            "failed to read the kubeconfig: {error}; name its file with KUBECONFIG and its context with --context"
        ))
    };
    if place.context.is_none()
        && std::env::var_os("KUBECONFIG").is_none()
        && let Ok(config) = Config::incluster()
    {
        return Ok((config, true));
    }
    let kubeconfig = Kubeconfig::read().map_err(|error| unusable(&error))?;
    let options = KubeConfigOptions { context: place.context.clone(), ..KubeConfigOptions::default() };
    let config =
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))?;
    Ok((config, false))
}

/// Sends a request; an answer that does not come in time is an error. `doing` says what for.
///
/// # Errors
/// In words that say what was refused and what to do.
pub async fn within<T>(
    doing: &str,
    request: impl Future<Output = kube::Result<T>> + Send,
) -> Result<T, Failure> {
    match tokio::time::timeout(REQUEST_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(|error| failure(doing, &error)),
        Err(_) => Err(Failure::lost(format!(
            "failed to {doing}: the cluster's API server did not answer within {} s; check the connection and try again",
            REQUEST_TIMEOUT.as_secs()
        ))),
    }
}

/// Creates an object. False when there is one of its name already.
///
/// # Errors
/// As [`within`].
pub async fn create_new<K>(doing: &str, api: &Api<K>, object: &K) -> Result<bool, Failure>
where
    K: Clone + Debug + Serialize + DeserializeOwned + Sync,
{
    within(doing, async {
        match api.create(&PostParams::default(), object).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(false),
            answer => answer.map(|_| true),
        }
    })
    .await
}

/// Deletes an object, and in the background what belongs to it. One that is gone is deleted.
///
/// # Errors
/// As [`within`].
pub async fn delete<K>(doing: &str, api: &Api<K>, name: &str) -> Result<(), Failure>
where
    K: Clone + Debug + DeserializeOwned,
{
    let background =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    within(doing, async {
        match api.delete(name, &background).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            answer => answer.map(|_| ()),
        }
    })
    .await
}

fn failure(doing: &str, error: &kube::Error) -> Failure {
    let kube::Error::Api(status) = error else {
        let cause = root_cause(error);
        return Failure::lost(format!(
            "failed to {doing}: the cluster's API server is not reached: {cause}; check KUBECONFIG, the context and the network"
        ));
    };
    let message = format!("failed to {doing}: {}", status.message);
    match status.code {
        401 => Failure::unusable(format!(
            "{message}; the kubeconfig's credentials are not accepted: get new ones"
        )),
        403 => Failure::unusable(format!(
            "{message}; ask whoever runs the cluster for that right (the chart's role for users has it)"
        )),
        404 => Failure::unusable(message),
        429 | 500..=599 => Failure::lost(format!("{message}; try again")),
        _ => Failure::unusable(message),
    }
}
