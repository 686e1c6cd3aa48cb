//! The probe against real files, made by ffmpeg.

mod files;
mod formats;
mod hostile;
mod large;
