//! What the one Job of a batch's launch, and what belongs to it, is made of.

use std::num::NonZeroU32;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use steno_shared::ids::BatchId;
use steno_shared::worker_config::EngineKind;

use super::settings::{ClusterSettings, RedisUser};

/// What a Job is made of.
#[derive(Debug, Clone, Copy)]
pub struct JobPlan<'a> {
    /// The batch.
    pub batch: &'a BatchId,
    /// Which launch of it, from 1.
    pub launch: u32,
    /// Pods, each on a node of its own; see [`super::nodes_for`].
    pub nodes: NonZeroU32,
    /// The installation's settings.
    pub settings: &'a ClusterSettings,
    /// What writes the text: pods of a simulated engine need no model and no GPU.
    pub engine: &'a EngineKind,
    /// Longest recording that is accepted, in seconds.
    pub longest_seconds: u64,
    /// As whom its pods come to Redis; `None` where it asks nobody.
    pub redis_user: Option<&'a RedisUser>,
    /// The batch's record, with which the Job goes.
    pub owner: &'a OwnerReference,
}
