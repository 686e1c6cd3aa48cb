//! `steno-loadtest`, by its command line, on the real Steno.

mod generate;
mod run;
mod simulate;
