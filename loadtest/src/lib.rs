//! Load tests: backlogs are made up, schedules are compared before a GPU is paid for.

pub mod cli;
pub mod generate;
pub mod lengths;
pub mod queue;
pub mod report;
pub mod run;
pub mod simulate;
pub mod speech;
pub mod spread;
pub mod word_errors;
