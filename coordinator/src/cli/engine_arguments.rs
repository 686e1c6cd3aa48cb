//! Which engine writes the text.

use clap::Args;
use steno_shared::worker_config::EngineKind;

use crate::failure::Failure;

/// Of a large model on a good GPU.
const SIMULATED_SPEED: f64 = 100.0;
/// Slower ones would be taken for stuck.
const SIMULATED_SPEEDS: std::ops::RangeInclusive<f64> = 0.1..=1e6;

#[derive(Debug, Args)]
pub(super) struct EngineArguments {
    /// ctranslate2, or simulated: words that follow from the recordings' bytes, to rehearse batches without a GPU [default:
    /// ctranslate2].
    #[arg(long, value_name = "NAME", value_parser = ["ctranslate2", "simulated"])]
    engine: Option<String>,
    /// Seconds of audio that a simulated engine gets through in a second; several for the first worker, the second, and so on, and from
    /// the first again [default: 100].
    #[arg(long, value_name = "X", value_parser = speed, value_delimiter = ',')]
    simulated_speed: Vec<f64>,
}

impl EngineArguments {
    /// The engine that is meant.
    pub(super) fn kind(self) -> Result<EngineKind, Failure> {
        match self.engine.as_deref() {
            Some("simulated") if self.simulated_speed.is_empty() => {
                Ok(EngineKind::Simulated { speeds: vec![SIMULATED_SPEED] })
            }
            Some("simulated") => Ok(EngineKind::Simulated { speeds: self.simulated_speed }),
            _ if !self.simulated_speed.is_empty() => {
                Err(Failure::usage("--simulated-speed is for --engine simulated only"))
            }
            _ => Ok(EngineKind::Ctranslate2),
        }
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if SIMULATED_SPEEDS.contains(&speed) => Ok(speed),
        Ok(_) => Err(format!("must be from {} to {}", SIMULATED_SPEEDS.start(), SIMULATED_SPEEDS.end())),
        Err(error) => Err(error.to_string()),
    }
}
