//! What a simulated batch came to.

use serde::Serialize;

/// The course of a batch in numbers; times in seconds from its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// When the last recording was done.
    pub makespan: f64,
    /// Time that nodes spent on recordings that they finished.
    pub busy: f64,
    /// Time that nodes were there: from the start until each had nothing more to do, without the time from a death until
    /// another pod started in its place.
    pub nodes: f64,
    /// Time spent on recordings whose node died meanwhile.
    pub begun_again: f64,
    /// Recordings that were given up, since nodes died of them or with them too often.
    pub given_up: usize,
    /// Recordings that were finished.
    pub done: usize,
    /// What each node did when, if it was asked for.
    pub spans: Vec<Span>,
}

/// What a node did for a while.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Span {
    /// Which node, from 0.
    pub node: usize,
    /// Seconds from the batch's start.
    pub from: f64,
    /// The same.
    pub until: f64,
    /// What it did.
    pub doing: Doing,
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doing {
    /// A pod starts.
    Starting,
    /// It works on a recording and finishes it.
    Working,
    /// It works on a recording and dies.
    Dying,
}

impl Outcome {
    /// The share of the nodes' time, all of them to the end of the batch, in which no recording got on.
    #[must_use]
    pub fn idle_share(&self, nodes: usize) -> f64 {
        let all = self.makespan * nodes as f64;
        if all > 0.0 { 1.0 - self.busy / all } else { 0.0 }
    }
}
