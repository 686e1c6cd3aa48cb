//! The walk over a recording, window after window.

use steno_shared::options::TranscribeOptions;

use super::{Cut, split_at_timestamps};
use crate::features::WINDOW_FRAMES;
use crate::tokenizer::SpecialTokens;

/// Where the walk is, and what was said so far.
#[derive(Debug)]
pub struct Walk {
    content_frames: usize,
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
    /// Its length in frames, at most 3000.
    pub size: usize,
    /// The tokens said before it, as far as the prompt may hold them.
    pub previous: &'a [u32],
}

impl Walk {
    /// A walk over `content_frames` frames that begins with the tokens of an initial prompt.
    #[must_use]
    pub fn new(content_frames: usize, initial_prompt: Vec<u32>) -> Self {
        Self { content_frames, seek: 0, history: initial_prompt, prompt_since: 0 }
    }

    /// The next window, until the recording ends.
    #[must_use]
    pub fn window(&self) -> Option<Window<'_>> {
        (self.seek < self.content_frames).then(|| Window {
            seek: self.seek,
            size: self.size(),
            previous: &self.history[self.prompt_since..],
        })
    }

    /// The frame that all before is done with.
    #[must_use]
    pub fn seek(&self) -> usize {
        self.seek.min(self.content_frames)
    }

    /// Passes over a window in which nobody speaks.
    pub fn skip(&mut self) {
        self.seek += self.size();
    }

    /// Takes a window's tokens, written at `temperature`; returns its segments with their text, blank and empty ones
    /// left out.
    ///
    /// # Errors
    /// Those of `decode`, which gives the text of tokens.
    pub fn accept<E>(
        &mut self,
        special: &SpecialTokens,
        options: &TranscribeOptions,
        tokens: &[u32],
        temperature: f64,
        mut decode: impl FnMut(&[u32]) -> Result<String, E>,
    ) -> Result<Vec<(Cut, String)>, E> {
        let split = split_at_timestamps(special, tokens, self.seek, self.size());
        let mut segments = Vec::with_capacity(split.cuts.len());
        for cut in split.cuts {
            let text = decode(&cut.tokens)?;
            // Equal to the bit: both come from the same arithmetic on the same tokens.
            if cut.start.to_bits() == cut.end.to_bits() || text.trim().is_empty() {
                continue;
            }
            self.history.extend(&cut.tokens);
            segments.push((cut, text));
        }
        if !options.condition_on_previous_text || temperature > options.prompt_reset_on_temperature {
            self.prompt_since = self.history.len();
        }
        self.seek = split.next_seek;
        Ok(segments)
    }

    fn size(&self) -> usize {
        (self.content_frames - self.seek.min(self.content_frames)).min(WINDOW_FRAMES)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::super::prompt::special_tokens;
    use super::*;

    fn text(tokens: &[u32]) -> Result<String, Infallible> {
        Ok(tokens.iter().filter(|&&token| token < 1000).map(|token| format!(" {token}")).collect())
    }

    fn accept(walk: &mut Walk, options: &TranscribeOptions, tokens: &[u32], temperature: f64) -> Vec<String> {
        let Ok(segments) = walk.accept(&special_tokens(), options, tokens, temperature, text);
        segments.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn empty_and_too_short_recordings_have_no_window() {
        assert_eq!(Walk::new(0, vec![]).window(), None);
    }

    #[test]
    fn thirty_seconds_are_one_window() {
        let options = TranscribeOptions::default();
        let mut walk = Walk::new(3000, vec![]);
        assert_eq!(walk.window(), Some(Window { seek: 0, size: 3000, previous: &[] }));
        assert_eq!(accept(&mut walk, &options, &[2000, 1, 3500], 0.0), [" 1"]);
        assert_eq!((walk.window(), walk.seek()), (None, 3000));
    }

    #[test]
    fn the_rest_is_a_shorter_window_with_what_was_said_as_its_prompt() {
        let options = TranscribeOptions::default();
        let mut walk = Walk::new(4000, vec![42]);
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
        let mut walk = Walk::new(9000, vec![42]);
        accept(&mut walk, &options, &[2000, 1, 2800], 0.4);
        assert_eq!(walk.window().unwrap().previous, [42, 2000, 1, 2800]);
        accept(&mut walk, &options, &[2000, 2, 2800], 0.6);
        assert_eq!(walk.window().unwrap().previous, [0; 0]);

        let forgetful = TranscribeOptions { condition_on_previous_text: false, ..options };
        let mut walk = Walk::new(9000, vec![42]);
        accept(&mut walk, &forgetful, &[2000, 1, 2800], 0.0);
        assert_eq!(walk.window().unwrap().previous, [0; 0]);
    }

    #[test]
    fn blank_and_zero_length_segments_leave_no_trace() {
        let options = TranscribeOptions::default();
        let mut walk = Walk::new(9000, vec![]);
        let tokens = [2000, 2050, 2100, 1, 2100, 2100, 2, 2200];
        assert_eq!(accept(&mut walk, &options, &tokens, 0.0), [" 2"]);
        assert_eq!(walk.window().unwrap().previous, [2100, 2, 2200]);
        assert_eq!(accept(&mut walk, &options, &[], 0.0), [""; 0]);
    }
}
