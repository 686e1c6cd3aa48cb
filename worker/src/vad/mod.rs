//! Voice activity (stand-in until the real one is merged).
#![allow(missing_docs, clippy::all, reason = "stand-in")]
use crate::pcm::Pcm;
use std::ops::ControlFlow;
use steno_shared::options::TranscribeOptions;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    pub spans: Vec<Span>,
}
impl Chunk {
    pub fn n_samples(&self) -> usize {
        self.spans.iter().map(|s| s.end - s.start).sum()
    }
    pub fn duration_seconds(&self) -> f64 {
        self.n_samples() as f64 / 16000.0
    }
    pub fn read(&self, pcm: &Pcm) -> std::io::Result<Vec<i16>> {
        let mut out = vec![];
        for s in &self.spans {
            out.extend(pcm.read(s.start..s.end)?);
        }
        Ok(out)
    }
}
#[derive(Debug, thiserror::Error)]
#[error("vad")]
pub struct VadError;
#[derive(Debug)]
pub struct SpeechDetector;
impl SpeechDetector {
    pub fn new() -> Result<Self, VadError> {
        Ok(Self)
    }
    pub fn probabilities(
        &mut self,
        pcm: &Pcm,
        progress: &mut dyn FnMut(f64) -> ControlFlow<()>,
    ) -> Result<Vec<f32>, VadError> {
        let _ = progress(0.0);
        // Speech where it is loud.
        Ok(pcm.read(0..pcm.len()).unwrap().chunks(512).map(|c| if c.iter().any(|s| s.abs() > 500) { 1.0 } else { 0.0 }).collect())
    }
}
pub struct SpanRules;
impl SpanRules {
    pub fn new(_: &TranscribeOptions) -> Self {
        Self
    }
}
pub fn speech_spans(p: &[f32], n: usize, _: &SpanRules) -> Vec<Span> {
    let mut spans: Vec<Span> = vec![];
    for (i, p) in p.iter().enumerate() {
        if *p > 0.5 {
            let (s, e) = ((i * 512).saturating_sub(6400), (i * 512 + 6912).min(n));
            match spans.last_mut() {
                Some(l) if l.end >= s && e - l.start <= 480000 => l.end = e,
                Some(l) if l.end >= s => { let s = l.end; if s < e { spans.push(Span { start: s, end: e }) } }
                _ => spans.push(Span { start: s, end: e }),
            }
        }
    }
    spans
}
pub fn group_spans(spans: &[Span], max: usize) -> Vec<Chunk> {
    let mut out: Vec<Chunk> = vec![];
    for s in spans {
        match out.last_mut() {
            Some(c) if c.n_samples() + s.end - s.start <= max => c.spans.push(*s),
            _ => out.push(Chunk { spans: vec![*s] }),
        }
    }
    out
}
#[derive(Debug)]
pub struct TimeMap(Vec<Span>);
impl TimeMap {
    pub fn new(s: &[Span]) -> Self {
        Self(s.to_vec())
    }
    pub fn original_time(&self, time: f64, chunk_index: Option<usize>, is_end: bool) -> f64 {
        let i = chunk_index.unwrap_or_else(|| self.chunk_index(time, is_end));
        let before: usize = self.0[..i].iter().map(|s| s.end - s.start).sum();
        let t = (self.0[i].start - before) as f64 / 16000.0 + time;
        (t * 100.0).round_ties_even() / 100.0
    }
    pub fn chunk_index(&self, time: f64, is_end: bool) -> usize {
        let sample = (time * 16000.0) as usize;
        let mut end = 0;
        for (i, s) in self.0.iter().enumerate() {
            end += s.end - s.start;
            if sample < end || (is_end && sample == end) {
                return i;
            }
        }
        self.0.len() - 1
    }
}
