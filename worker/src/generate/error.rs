//! What the native engine fails with.

use std::path::PathBuf;

use thiserror::Error;

use crate::disposition::Disposition;

/// An error of the native engine.
#[derive(Debug, Error)]
pub enum NativeError {
    /// The model could not be loaded.
    #[error(
        "cannot load model {model} on {device} as {compute_type}: {reason}; \
         try another --compute-type or --device, or fetch the model again"
    )]
    Load {
        /// The model folder.
        model: PathBuf,
        /// `cpu` or `cuda`.
        device: &'static str,
        /// The compute type asked for.
        compute_type: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// The device has too little memory at the moment.
    #[error(
        "{device} ran out of memory while {doing}: {reason}; use fewer workers a device or a smaller model"
    )]
    OutOfMemory {
        /// `cpu` or `cuda`.
        device: &'static str,
        /// The stage.
        doing: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// The device takes no more calls of this process, whatever they are about.
    #[error(
        "{device} was lost while {doing}: {reason}; a new worker may use it. If this comes again, look into nvidia-smi and \
         the kernel's log (dmesg | grep Xid) for a faulty card"
    )]
    DeviceLost {
        /// `cpu` or `cuda`.
        device: &'static str,
        /// The stage.
        doing: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// The engine failed otherwise.
    #[error("the engine failed on {device} while {doing}: {reason}; check the device and its driver")]
    Failed {
        /// `cpu` or `cuda`.
        device: &'static str,
        /// The stage.
        doing: &'static str,
        /// What the engine said.
        reason: String,
    },
    /// The engine answered with less than it was asked for.
    #[error(
        "the engine on {device} gave no {missing} while {doing}; the model is damaged or of another kind"
    )]
    Incomplete {
        /// `cpu` or `cuda`.
        device: &'static str,
        /// The stage.
        doing: &'static str,
        /// What is missing.
        missing: &'static str,
    },
    /// The model does not say which attention heads follow the speech.
    #[error(
        "cannot find the times of words: the model's config.json has no alignment_heads; \
         use a model that was converted with them or leave word_timestamps off and segment_times generated"
    )]
    NoAlignmentHeads,
}

/// What CUDA, the C++ library, CTranslate2's allocators for CPUs and cuBLAS say when memory is short.
const OUT_OF_MEMORY: [&str; 4] =
    ["out of memory", "bad_alloc", "failed to allocate memory", "CUBLAS_STATUS_ALLOC_FAILED"];

/// Errors after which CUDA's documentation (`cudaError_t`) says that the process must end, in the words of `cudaGetErrorString`.
const DEVICE_LOST: [&str; 8] = [
    "illegal memory access",
    "illegal instruction",
    "misaligned address",
    "unspecified launch failure",
    "device-side assert",
    "hardware stack error",
    "launch timed out",
    "uncorrectable ",
];

impl NativeError {
    pub(super) fn failed(device: &'static str, doing: &'static str, reason: &impl ToString) -> Self {
        let reason = reason.to_string();
        if OUT_OF_MEMORY.iter().any(|words| reason.contains(words)) {
            Self::OutOfMemory { device, doing, reason }
        } else if device == "cuda" && DEVICE_LOST.iter().any(|words| reason.contains(words)) {
            Self::DeviceLost { device, doing, reason }
        } else if reason.contains("'alignment_heads'") {
            Self::NoAlignmentHeads
        } else {
            Self::Failed { device, doing, reason }
        }
    }

    /// What the worker does next.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        match self {
            // Perhaps the recording's fault; an engine that fails on everything is noticed by who counts.
            Self::OutOfMemory { .. } | Self::Failed { .. } | Self::Incomplete { .. } => Disposition::Retry,
            Self::Load { .. } | Self::DeviceLost { .. } | Self::NoAlignmentHeads => Disposition::Fatal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_memory_is_known_by_what_each_library_says() {
        for reason in [
            "CUDA failed with error out of memory",
            "std::bad_alloc",
            "mkl_malloc: failed to allocate memory",
            "aligned_alloc: failed to allocate memory",
            "cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED",
        ] {
            let error = NativeError::failed("cpu", "encoding", &reason);
            assert!(matches!(error, NativeError::OutOfMemory { .. }), "{reason}");
        }
        let other = NativeError::failed("cuda", "encoding", &"CUDA failed with error invalid argument");
        assert!(matches!(other, NativeError::Failed { .. }));
    }

    #[test]
    fn a_lost_device_is_known_by_what_cuda_says() {
        for reason in [
            "CUDA failed with error unspecified launch failure",
            "CUDA failed with error an illegal memory access was encountered",
            "CUDA failed with error uncorrectable ECC error encountered",
        ] {
            let error = NativeError::failed("cuda", "encoding", &reason);
            assert!(matches!(error, NativeError::DeviceLost { .. }), "{reason}");
        }
    }
}
