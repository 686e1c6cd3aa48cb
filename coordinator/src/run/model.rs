//! What a run transcribes with: a model folder, or what stands for one.

use std::path::{Path, PathBuf};

use steno_shared::batch::ModelIdentity;
use steno_shared::model_folder::ModelFolder;
use steno_shared::simulated;
use steno_shared::worker_config::EngineKind;

use super::request::Engine;
use crate::failure::Failure;

/// A model that was looked at.
pub(super) struct Model {
    pub(super) engine: EngineKind,
    pub(super) identity: ModelIdentity,
    /// Its folder; empty without one.
    pub(super) folder: PathBuf,
    /// Size of its weights, for the memory that a worker needs.
    pub(super) weights_bytes: u64,
}

impl Model {
    /// Looks at it.
    ///
    /// # Errors
    /// If the folder holds no whole model.
    pub(super) fn open(engine: &Engine) -> Result<Self, Failure> {
        let folder = match engine {
            Engine::Ctranslate2 { model } => model,
            Engine::Simulated { speeds } => {
                return Ok(Self {
                    engine: EngineKind::Simulated { speeds: speeds.clone() },
                    identity: simulated::model(),
                    folder: PathBuf::new(),
                    weights_bytes: 0,
                });
            }
        };
        let model = ModelFolder::open(folder).map_err(Failure::unusable)?;
        let hash = model.hash().map_err(Failure::unusable)?;
        Ok(Self {
            engine: EngineKind::Ctranslate2,
            identity: ModelIdentity { name: name(folder), hash },
            folder: folder.clone(),
            weights_bytes: model.path().join("model.bin").metadata().map_or(0, |metadata| metadata.len()),
        })
    }
}

/// The model's name as the user knows it: the folder's, even where that is a link.
fn name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}
