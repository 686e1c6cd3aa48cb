//! How many workers and threads suit a machine.

use std::num::NonZeroUsize;
use std::path::Path;

/// What a machine offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// CPU cores that this process may use.
    pub cores: u32,
    /// Memory available now, in bytes; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
    /// NVIDIA GPUs.
    pub gpus: u32,
}

/// How the work is spread over a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Worker processes, at least 1.
    pub workers: u32,
    /// Engine threads of each, at least 1.
    pub threads: usize,
}

impl Machine {
    /// Looks at this machine.
    #[must_use]
    pub fn look() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            cores: u32::try_from(cores).unwrap_or(u32::MAX),
            memory_bytes: std::fs::read_to_string("/proc/meminfo")
                .ok()
                .and_then(|text| available_memory(&text)),
            gpus: count_gpus(Path::new("/dev")),
        }
    }

    /// A sensible spread where the user does not say: one worker a GPU; else one a core, since workers side by side
    /// beat threads inside one, as long as the model fits into memory that often.
    #[must_use]
    pub fn spread(&self, model_bytes: u64, workers: Option<u32>, threads: Option<usize>) -> Spread {
        let by_memory = self.memory_bytes.map_or(u32::MAX, |memory| {
            // A worker needs its weights, half as much again for computing, and the audio it holds.
            let needed = model_bytes.saturating_mul(3) / 2 + (512 << 20);
            u32::try_from(memory / 10 * 7 / needed).unwrap_or(u32::MAX)
        });
        let sensible = if self.gpus > 0 { self.gpus } else { self.cores.min(by_memory) };
        let workers = workers.unwrap_or(sensible).max(1);
        let threads = threads.unwrap_or_else(|| self.threads_of(workers)).max(1);
        Spread { workers, threads }
    }

    /// Engine threads of each of so many workers: the cores shared out, 8 at most.
    #[must_use]
    pub fn threads_of(&self, workers: u32) -> usize {
        (self.cores / workers.max(1)).clamp(1, 8) as usize
    }
}

fn available_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Counts `nvidia0`, `nvidia1`, … in a device folder.
fn count_gpus(devices: &Path) -> u32 {
    let is_gpu = |name: &str| {
        name.strip_prefix("nvidia")
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let count = std::fs::read_dir(devices)
        .into_iter()
        .flatten()
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_gpu)))
        .count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn a_worker_a_core_unless_memory_or_gpus_say_otherwise() {
        let machine = Machine { cores: 16, memory_bytes: Some(64 * GIB), gpus: 0 };
        assert_eq!(machine.spread(GIB / 13, None, None), Spread { workers: 16, threads: 1 });
        assert_eq!(machine.spread(6 * GIB, None, None), Spread { workers: 4, threads: 4 });
        assert_eq!(Machine { gpus: 2, ..machine }.spread(GIB, None, None), Spread { workers: 2, threads: 8 });
        assert_eq!(machine.spread(6 * GIB, Some(1), Some(3)), Spread { workers: 1, threads: 3 });
        let small = Machine { cores: 1, memory_bytes: Some(GIB), gpus: 0 };
        assert_eq!(small.spread(3 * GIB, None, None), Spread { workers: 1, threads: 1 }, "at least one");
    }

    #[test]
    fn memory_and_gpus_are_read_from_what_linux_says() {
        assert_eq!(available_memory("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(available_memory("nothing"), None);
        let dir = tempfile::tempdir().unwrap();
        for name in ["nvidia0", "nvidia11", "nvidiactl", "nvidia-uvm", "null"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(count_gpus(dir.path()), 2);
    }
}
