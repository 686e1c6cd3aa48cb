//! The walk over a recording, window after window.

use steno_shared::options::TranscribeOptions;

use super::{Clip, clips};
use crate::features::FRAMES_PER_SECOND;
use crate::tokenizer::trim_white_space;
use crate::words::DraftSegment;

/// Where the walk is, and what was said so far.
#[derive(Debug)]
pub struct Walk {
    content_frames: usize,
    window_frames: usize,
    clips: Vec<Clip>,
    /// The clip that the walk is in; their number when it is at its end.
    clip: usize,
    seek: usize,
    history: Vec<u32>,
    /// Where in the history the prompt begins.
    prompt_since: usize,
}

/// The window to transcribe next.
#[derive(Debug, PartialEq, Eq)]
pub struct Window<'a> {
    /// Its first frame.
    pub seek: usize,
    /// Its length in frames, at most that of a window of the options.
    pub size: usize,
    /// The tokens said before it and not forgotten.
    pub previous: &'a [u32],
}

impl Walk {
    /// A walk over `content_frames` frames, or the options' clips of them, that begins with the tokens of an initial
    /// prompt.
    #[must_use]
    pub fn new(content_frames: usize, options: &TranscribeOptions, initial_prompt: Vec<u32>) -> Self {
        let clips = clips(&options.clip_timestamps, content_frames);
        Self {
            content_frames,
            window_frames: options.window_seconds() * FRAMES_PER_SECOND,
            seek: clips.first().map_or(content_frames, |clip| clip.start),
            clips,
            clip: 0,
            history: initial_prompt,
            prompt_since: 0,
        }
    }

    /// The next window, until the last clip ends.
    #[must_use]
    pub fn window(&self) -> Option<Window<'_>> {
        let size = self.size();
        (size > 0).then(|| Window { seek: self.seek, size, previous: &self.history[self.prompt_since..] })
    }

    /// The frame that all before is done with, clips that are not asked for included.
    #[must_use]
    pub fn seek(&self) -> usize {
        if self.clip < self.clips.len() { self.seek } else { self.content_frames }
    }

    /// Frames of a window that no end cuts short.
    #[must_use]
    pub fn window_frames(&self) -> usize {
        self.window_frames
    }

    /// Frames of the recording.
    #[must_use]
    pub fn content_frames(&self) -> usize {
        self.content_frames
    }

    /// Passes over a window in which nobody speaks.
    pub fn skip(&mut self) {
        self.go_to(self.seek + self.size());
    }

    /// Goes on at a frame without having heard anything.
    pub fn skip_to(&mut self, frame: usize) {
        self.go_to(frame);
    }

    /// Takes a window's segments, written at `temperature`, and goes on at frame `next_seek`; returns those that are
    /// neither blank nor without length, with their text.
    ///
    /// # Errors
    /// Those of `decode`, which gives the text of tokens.
    pub fn accept<E>(
        &mut self,
        segments: Vec<DraftSegment>,
        next_seek: usize,
        temperature: f64,
        options: &TranscribeOptions,
        mut decode: impl FnMut(&[u32]) -> Result<String, E>,
    ) -> Result<Vec<(DraftSegment, String)>, E> {
        let mut spoken = Vec::with_capacity(segments.len());
        for segment in segments {
            let text = decode(&segment.tokens)?;
            // Equal to the bit: both come from the same arithmetic on the same tokens.
            if segment.start.to_bits() == segment.end.to_bits() || trim_white_space(&text).is_empty() {
                continue;
            }
            self.history.extend(&segment.tokens);
            spoken.push((segment, text));
        }
        if !options.condition_on_previous_text || temperature > options.prompt_reset_on_temperature {
            self.prompt_since = self.history.len();
        }
        self.go_to(next_seek);
        Ok(spoken)
    }

    /// Goes on at a frame of the clip, or with the next clip if the frame lies behind its end.
    ///
    /// From a frame that is not later than this window's the same window would come again, and for ever: it is passed
    /// over as a whole.
    fn go_to(&mut self, frame: usize) {
        self.seek = if frame > self.seek { frame } else { self.seek + self.size() };
        while let Some(clip) = self.clips.get(self.clip)
            && self.seek >= clip.end
        {
            self.clip += 1;
            self.seek = self.clips.get(self.clip).map_or(self.content_frames, |next| next.start);
        }
    }

    fn size(&self) -> usize {
        let left = self.clips.get(self.clip).map_or(0, |clip| clip.end.saturating_sub(self.seek));
        left.min(self.window_frames)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::super::prompt::special_tokens;
    use super::super::split_at_timestamps;
    use super::*;

    fn text(tokens: &[u32]) -> Result<String, Infallible> {
        Ok(tokens.iter().filter(|&&token| token < 1000).map(|token| format!(" {token}")).collect())
    }

    fn walk_of(content_frames: usize, initial_prompt: &[u32]) -> Walk {
        Walk::new(content_frames, &TranscribeOptions::default(), initial_prompt.to_vec())
    }

    fn accept(walk: &mut Walk, options: &TranscribeOptions, tokens: &[u32], temperature: f64) -> Vec<String> {
        let window = walk.window().unwrap();
        let split = split_at_timestamps(&special_tokens(), tokens, window.seek, window.size);
        let Ok(segments) = walk.accept(split.segments, split.next_seek, temperature, options, text);
        segments.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn empty_and_too_short_recordings_have_no_window() {
        assert_eq!(walk_of(0, &[]).window(), None);
    }

    #[test]
    fn thirty_seconds_are_one_window() {
        let options = TranscribeOptions::default();
        let mut walk = walk_of(3000, &[]);
        assert_eq!(walk.window(), Some(Window { seek: 0, size: 3000, previous: &[] }));
        assert_eq!(accept(&mut walk, &options, &[2000, 1, 3500], 0.0), [" 1"]);
        assert_eq!((walk.window(), walk.seek()), (None, 3000));
    }

    #[test]
    fn the_rest_is_a_shorter_window_with_what_was_said_as_its_prompt() {
        let options = TranscribeOptions::default();
        let mut walk = walk_of(4000, &[42]);
        assert_eq!(walk.window().unwrap().previous, [42]);
        accept(&mut walk, &options, &[2000, 1, 2800, 2800, 9], 0.0);
        let window = walk.window().unwrap();
        assert_eq!((window.seek, window.size, window.previous), (1600, 2400, &[42, 2000, 1, 2800][..]));
        walk.skip();
        assert_eq!((walk.window(), walk.seek()), (None, 4000));
    }

    #[test]
    fn a_high_temperature_or_the_option_forgets_the_prompt() {
        let options = TranscribeOptions::default();
        let mut walk = walk_of(9000, &[42]);
        accept(&mut walk, &options, &[2000, 1, 2800], 0.4);
        assert_eq!(walk.window().unwrap().previous, [42, 2000, 1, 2800]);
        accept(&mut walk, &options, &[2000, 2, 2800], 0.6);
        assert_eq!(walk.window().unwrap().previous, [0; 0]);

        let forgetful = TranscribeOptions { condition_on_previous_text: false, ..options };
        let mut walk = walk_of(9000, &[42]);
        accept(&mut walk, &forgetful, &[2000, 1, 2800], 0.0);
        assert_eq!(walk.window().unwrap().previous, [0; 0]);
    }

    #[test]
    fn blank_and_zero_length_segments_leave_no_trace() {
        let options = TranscribeOptions::default();
        let mut walk = walk_of(9000, &[]);
        let tokens = [2000, 2050, 2100, 1, 2100, 2100, 2, 2200];
        assert_eq!(accept(&mut walk, &options, &tokens, 0.0), [" 2"]);
        assert_eq!(walk.window().unwrap().previous, [2100, 2, 2200]);
        assert_eq!(accept(&mut walk, &options, &[], 0.0), [""; 0]);
    }

    #[test]
    fn a_window_that_does_not_advance_is_passed_over() {
        let options = TranscribeOptions::default();
        let mut walk = walk_of(9000, &[]);
        accept(&mut walk, &options, &[2000, 2000, 1], 0.0);
        assert_eq!(walk.seek(), 3000);
        walk.skip_to(3000);
        assert_eq!(walk.seek(), 6000);
        walk.skip_to(8999);
        assert_eq!(walk.window().unwrap().size, 1);
        walk.skip_to(99_999);
        assert_eq!((walk.window(), walk.seek()), (None, 9000));
    }

    #[test]
    fn clips_and_shorter_windows_bound_the_windows() {
        let options = TranscribeOptions {
            clip_timestamps: vec![5.0, 12.0, 30.0, 31.0, 2.0],
            chunk_length: Some(4),
            ..TranscribeOptions::default()
        };
        let mut walk = Walk::new(3500, &options, vec![]);
        let mut windows = Vec::new();
        while let Some(window) = walk.window() {
            windows.push((window.seek, window.size));
            // The first clip's second window is written past its end.
            if window.seek == 900 { walk.skip_to(1500) } else { walk.skip() }
        }
        assert_eq!(windows[..5], [(500, 400), (900, 300), (3000, 100), (200, 400), (600, 400)]);
        assert_eq!((windows.last().unwrap(), walk.seek()), (&(3400, 100), 3500));
    }
}
