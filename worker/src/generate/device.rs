//! Devices and compute types, by the engine's names.

use steno_shared::options::ComputeType;

/// Where the engine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenDevice {
    /// The CPU.
    Cpu,
    /// The first CUDA GPU.
    Cuda,
}

impl ChosenDevice {
    /// `cpu` or `cuda`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    pub(super) fn native(self) -> ct2rs::sys::Device {
        match self {
            Self::Cpu => ct2rs::sys::Device::CPU,
            Self::Cuda => ct2rs::sys::Device::CUDA,
        }
    }

    /// Whether the engine sees a device of the kind.
    #[must_use]
    pub fn is_present(self) -> bool {
        ct2rs::sys::get_device_count(self.native()) > 0
    }
}

/// The engine's compute type and its name.
#[must_use]
pub fn native_compute_type(compute_type: ComputeType) -> (ct2rs::sys::ComputeType, &'static str) {
    use ct2rs::sys::ComputeType as Native;
    match compute_type {
        ComputeType::Default => (Native::DEFAULT, "default"),
        ComputeType::Auto => (Native::AUTO, "auto"),
        ComputeType::Int8 => (Native::INT8, "int8"),
        ComputeType::Int8Float32 => (Native::INT8_FLOAT32, "int8_float32"),
        ComputeType::Int8Float16 => (Native::INT8_FLOAT16, "int8_float16"),
        ComputeType::Int8Bfloat16 => (Native::INT8_BFLOAT16, "int8_bfloat16"),
        ComputeType::Int16 => (Native::INT16, "int16"),
        ComputeType::Float16 => (Native::FLOAT16, "float16"),
        ComputeType::Bfloat16 => (Native::BFLOAT16, "bfloat16"),
        ComputeType::Float32 => (Native::FLOAT32, "float32"),
    }
}
