//! The installation of Steno in a namespace: what the chart wrote.

use std::path::Path;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ListParams;

use super::client::{Cluster, within};
use crate::cluster::{ClusterSettings, SETTINGS};
use crate::failure::Failure;

/// The settings' entry in their ConfigMap.
const ENTRY: &str = "cluster.json";

/// The installation of a namespace.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Its settings.
    pub settings: ClusterSettings,
    /// For what goes when it goes.
    pub owner: OwnerReference,
}

/// Reads the settings from the file that a pod of the chart mounts.
///
/// # Errors
/// If it cannot be read.
pub fn read_settings(path: &Path) -> Result<ClusterSettings, Failure> {
    let failed = |cause: &dyn std::fmt::Display| {
        Failure::usage(format!("failed to read the settings {}: {cause}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    ClusterSettings::parse(&text).map_err(|error| failed(&error))
}

impl Installation {
    /// Finds it.
    ///
    /// # Errors
    /// If there is none, or its settings are of another version.
    pub async fn find(cluster: &Cluster) -> Result<Self, Failure> {
        let namespace = &cluster.namespace;
        let doing = format!("look for Steno in namespace {namespace}");
        let api = cluster.api::<ConfigMap>();
        let found = within(&doing, api.list(&ListParams::default().labels(SETTINGS))).await?;
        let object = match <[ConfigMap; 1]>::try_from(found.items) {
            Ok([object]) => object,
            Err(none) if none.is_empty() => {
                return Err(Failure::unusable(format!(
                    "Steno is not installed in namespace {namespace}; name the right one with --namespace, or install it: \
                     helm install steno deploy/helm/steno --namespace {namespace}"
                )));
            }
            Err(several) => {
                return Err(Failure::unusable(format!(
                    "Steno is installed {} times in namespace {namespace}; uninstall all but one",
                    several.len()
                )));
            }
        };
        let name = object.metadata.name.clone().unwrap_or_default();
        let json = object.data.as_ref().and_then(|data| data.get(ENTRY));
        let settings = json
            .ok_or_else(|| format!("{ENTRY} is missing"))
            .and_then(|json| ClusterSettings::parse(json))
            .map_err(|error| {
                Failure::unusable(format!("the settings in ConfigMap {name} cannot be read: {error}"))
            })?;
        let owner = OwnerReference {
            api_version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            name,
            uid: object.metadata.uid.unwrap_or_default(),
            ..OwnerReference::default()
        };
        Ok(Self { settings, owner })
    }
}
