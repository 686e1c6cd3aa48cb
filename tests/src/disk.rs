//! A small disk of a test's own, to be filled.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

/// A disk in memory, unmounted when dropped.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    mebibytes: u32,
}

impl Disk {
    /// Mounts one over a folder; `None` where this user may not: only root may, in a container perhaps not even root.
    #[must_use]
    pub fn mount(path: &Path, mebibytes: u32) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "steno-test"])
            .arg(path)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Self { path: path.to_owned(), mebibytes })
    }

    /// Fills it to its last byte.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn fill(&self) -> Result<()> {
        let mut ballast = File::create(self.ballast())?;
        for _ in 0..=self.mebibytes {
            match ballast.write_all(&[0; 1 << 20]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        bail!("more than {} MiB went onto {}", self.mebibytes, self.path.display())
    }

    /// Makes room again.
    pub fn empty(&self) {
        // Whoever the disk is for may have removed it.
        let _ = std::fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // When that fails, it goes with the machine.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}
