//! Exit codes, stable and documented in `docs/exit-codes.md`.

/// What the line begins with on which a worker says why it cannot work; its parent shows the rest to the user.
pub const LAST_WORDS_PREFIX: &str = "steno-worker: ";

/// How a process of Steno ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is done.
    Success = 0,
    /// Finished, but some recordings could not be transcribed.
    SomeFailed = 1,
    /// The command line or a configuration file is wrong.
    Usage = 2,
    /// Something that the run needs is missing, incomplete or refused: model, bucket, folder, credentials.
    Unusable = 3,
    /// The state folder or another resource is in use by another run.
    InUse = 4,
    /// Stopped on request before the batch was finished; the same command goes on.
    Interrupted = 5,
    /// Redis, the store, a worker's GPU or too many workers were lost; the same command goes on.
    Lost = 6,
    /// The engine or its device gives nonsense; another node may do better.
    BadEngine = 7,
    /// A worker was stuck in one recording and ended itself; it is started again.
    Stuck = 8,
    /// A defect of Steno.
    Internal = 70,
}

impl Exit {
    /// The code a worker's exit status stands for, if it is one of these.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            0 => Self::Success,
            1 => Self::SomeFailed,
            2 => Self::Usage,
            3 => Self::Unusable,
            4 => Self::InUse,
            5 => Self::Interrupted,
            6 => Self::Lost,
            7 => Self::BadEngine,
            8 => Self::Stuck,
            70 => Self::Internal,
            _ => return None,
        })
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
