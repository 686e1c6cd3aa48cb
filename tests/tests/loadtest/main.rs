//! `steno-loadtest`, by its command line, on the real Steno.

mod generate;
mod queue;
mod run;
mod simulate;
mod speech;
