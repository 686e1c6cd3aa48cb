//! Whole runs of the real `steno`, each in a world of its own.

mod kill;
mod plain;
