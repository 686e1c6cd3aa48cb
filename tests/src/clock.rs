//! Clocks that are wrong: a library that is loaded before the system's tells programs another time.

use std::path::PathBuf;

use anyhow::Result;
use tempfile::TempDir;

use crate::audio;

/// The time that some processes see. They look at it anew every second.
#[derive(Debug)]
pub struct Clock {
    folder: TempDir,
    library: PathBuf,
}

impl Clock {
    /// A clock that is right.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn right() -> Result<Option<Self>> {
        // There is none for other machines than the usual ones.
        let Ok(library) = audio::fetched("faketime/libfaketime.so.1") else { return Ok(None) };
        let clock = Self { folder: tempfile::Builder::new().prefix("steno-clock-").tempdir()?, library };
        clock.set(0)?;
        Ok(Some(clock))
    }

    /// Sets it so many seconds off.
    ///
    /// # Errors
    /// When its file cannot be written.
    pub fn set(&self, seconds: i64) -> Result<()> {
        // In one step: it is read at any time.
        let new = self.folder.path().join("new");
        std::fs::write(&new, format!("{seconds:+}s\n"))?;
        std::fs::rename(new, self.file())?;
        Ok(())
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("offset")
    }

    /// The environment of processes that see it. Files keep their times, and durations their lengths.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.file().display().to_string()),
            ("FAKETIME_CACHE_DURATION", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("NO_FAKE_STAT", "1".to_owned()),
        ]
    }
}
