//! The prompt of a window.

use crate::tokenizer::SpecialTokens;

/// Most tokens of a window, prompt included: the length of Whisper's text context.
pub const MAX_LENGTH: usize = 448;

/// `[sot_prev + previous[-223:]] + sot [+ language + task]`.
///
/// `language_and_task` is empty for English-only models.
#[must_use]
pub fn prompt(special: &SpecialTokens, previous: &[u32], language_and_task: &[u32]) -> Vec<u32> {
    let mut prompt = Vec::with_capacity(MAX_LENGTH / 2 + 4);
    if !previous.is_empty() {
        let kept = previous.len().min(MAX_LENGTH / 2 - 1);
        prompt.push(special.sot_prev);
        prompt.extend(&previous[previous.len() - kept..]);
    }
    prompt.push(special.sot);
    prompt.extend(language_and_task);
    prompt
}

#[cfg(test)]
pub(super) fn special_tokens() -> SpecialTokens {
    SpecialTokens {
        eot: 1000,
        sot: 1001,
        sot_prev: 1002,
        no_speech: 1003,
        no_timestamps: 1999,
        timestamp_begin: 2000,
        sot_lm: None,
        transcribe: None,
        translate: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_previous_text_comes_first() {
        let special = special_tokens();
        assert_eq!(prompt(&special, &[], &[]), [1001]);
        assert_eq!(prompt(&special, &[5, 6], &[8, 9]), [1002, 5, 6, 1001, 8, 9]);
        let long: Vec<u32> = (0..500).collect();
        let prompt = prompt(&special, &long, &[]);
        assert_eq!((prompt.len(), prompt[1], prompt[223]), (225, 277, 499));
    }
}
