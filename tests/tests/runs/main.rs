//! Whole runs of the real `steno`, each in a world of its own.

mod bad_recordings;
mod batched;
mod commands;
mod given_redis;
mod hostile_names;
mod kill;
mod options;
mod other_settings;
mod plain;
mod redis_production;
mod refusals;
mod s3;
mod secrets;
mod simulated;
mod splitting;
mod stop;
