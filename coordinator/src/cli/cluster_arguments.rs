//! The arguments that concern a cluster.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use steno_shared::ids::BatchId;
use steno_shared::simulated;
use steno_shared::storage::Location;
use steno_shared::worker_config::EngineKind;

use super::engine_arguments::EngineArguments;
use super::s3_arguments::S3Arguments;
use super::transcript_arguments::TranscriptArguments;
use crate::cluster::BatchRequest;
use crate::coordinate::CoordinateRequest;
use crate::failure::Failure;
use crate::kubernetes::{Installation, Where};

/// Which cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterArguments {
    /// In the Kubernetes cluster of the kubeconfig.
    #[arg(long)]
    pub(super) kube: bool,
    /// The namespace in which Steno is installed [default: the context's].
    #[arg(long, short, value_name = "NAME", requires = "kube")]
    namespace: Option<String>,
    /// The kubeconfig's context [default: its current one].
    #[arg(long, value_name = "NAME", requires = "kube")]
    context: Option<String>,
}

impl ClusterArguments {
    /// The cluster and namespace, where a cluster is meant.
    #[must_use]
    pub fn meant(&self) -> Option<Where> {
        self.kube.then(|| self.place())
    }

    pub(super) fn place(&self) -> Where {
        Where { context: self.context.clone(), namespace: self.namespace.clone() }
    }

    /// These arguments again, for a command that a message names.
    pub(super) fn text(&self) -> String {
        let mut text = "--kube".to_owned();
        for (flag, value) in [("--namespace", &self.namespace), ("--context", &self.context)] {
            if let Some(value) = value {
                text += &format!(" {flag} {value}");
            }
        }
        text
    }

    /// For commands that have a meaning in a cluster only.
    pub(super) fn required(&self, otherwise: &str) -> Result<Where, Failure> {
        if self.kube { Ok(self.place()) } else { Err(Failure::usage(format!("say --kube; {otherwise}"))) }
    }
}

/// Which batch, on this machine or in a cluster.
#[derive(Debug, Args)]
pub(super) struct BatchArguments {
    /// The batch in the cluster [default: the one that is under way, else the latest].
    #[arg(requires = "kube")]
    pub(super) batch: Option<BatchId>,
    /// The batch's state folder on this machine [default: the one batch in .steno here].
    #[arg(long, value_name = "DIR", conflicts_with = "kube")]
    pub(super) state: Option<PathBuf>,
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
}

#[derive(Debug, Args)]
pub(super) struct SubmitArguments {
    /// s3://bucket/prefix with the recordings.
    input: Location,
    /// s3://bucket/prefix for the transcripts.
    #[arg(long, value_name = "OUTPUT")]
    out: Location,
    /// GPU nodes to use; no more are used than there are recordings.
    #[arg(long, value_name = "N")]
    nodes: NonZeroU32,
    /// Read names from this manifest (JSON lines, or one name a line) instead of listing the input.
    #[arg(long, value_name = "FILE")]
    pub(super) manifest: Option<PathBuf>,
    /// Stay and show how far it is, as `steno watch` does.
    #[arg(long)]
    pub(super) watch: bool,
    /// Print a JSON object: the batch, or with --watch the last state.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
    #[command(flatten)]
    transcripts: TranscriptArguments,
}

impl SubmitArguments {
    pub(super) fn request(self, installation: &Installation) -> Result<BatchRequest, Failure> {
        for place in [&self.input, &self.out] {
            if let Location::Folder(path) = place {
                return Err(Failure::usage(format!(
                    "{} is a folder, which the cluster's nodes cannot reach; name s3://bucket/prefix",
                    path.display()
                )));
            }
        }
        let engine = self.engine.kind()?;
        let model = match engine {
            EngineKind::Ctranslate2 => installation.settings.model.name.clone(),
            EngineKind::Simulated { .. } => simulated::model().name,
        };
        let wanted = self.transcripts.wanted()?;
        Ok(BatchRequest {
            input: self.input.to_string(),
            output: self.out.to_string(),
            engine,
            model,
            nodes: self.nodes,
            options: wanted.options,
            formats: wanted.formats,
            subtitles: wanted.subtitles,
            existing: wanted.existing,
            splitting: wanted.splitting,
            longest_seconds: wanted.longest_seconds,
        })
    }
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    pub(super) cluster: ClusterArguments,
    /// Where transcripts would go, to check that it can be written: s3://bucket/prefix, or without --kube a folder.
    #[arg(long, value_name = "OUTPUT")]
    pub(super) out: Option<Location>,
    #[command(flatten)]
    pub(super) s3: S3Arguments,
    /// Print a JSON object a line.
    #[arg(long)]
    pub(super) json: bool,
    /// Look from inside the cluster, as a pod of the chart does.
    #[arg(long, hide = true, conflicts_with = "kube", requires = "settings")]
    pub(super) inside: bool,
    /// The settings that the chart wrote.
    #[arg(long, hide = true, value_name = "FILE")]
    pub(super) settings: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct CoordinateArguments {
    /// The settings that the chart wrote.
    #[arg(long, value_name = "FILE")]
    settings: PathBuf,
    /// The pod's name.
    #[arg(long, env = "POD_NAME")]
    name: String,
    /// The namespace.
    #[arg(long, env = "POD_NAMESPACE")]
    namespace: String,
}

impl CoordinateArguments {
    pub(super) fn request(self) -> CoordinateRequest {
        CoordinateRequest { settings: self.settings, name: self.name, namespace: self.namespace }
    }
}
