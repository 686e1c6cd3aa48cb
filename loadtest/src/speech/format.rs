//! What recordings come in.

use clap::ValueEnum;

/// A file format with the codec that it usually has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Uncompressed.
    Wav,
    /// MP3.
    Mp3,
    /// AAC in MP4.
    M4a,
    /// Opus in Ogg.
    Opus,
    /// Compressed without loss.
    Flac,
}

impl Format {
    /// The ending of its files, which is also its name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::M4a => "m4a",
            Self::Opus => "opus",
            Self::Flac => "flac",
        }
    }

    /// The encoder and the muxer, as ffmpeg calls them.
    #[must_use]
    pub fn encoder_and_muxer(self) -> (&'static str, &'static str) {
        match self {
            Self::Wav => ("pcm_s16le", "wav"),
            Self::Mp3 => ("libmp3lame", "mp3"),
            Self::M4a => ("aac", "ipod"),
            Self::Opus => ("libopus", "opus"),
            Self::Flac => ("flac", "flac"),
        }
    }

    /// The media type for the object store.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Opus => "audio/ogg",
            Self::Flac => "audio/flac",
        }
    }
}
