//! The prompt of a window.

use crate::tokenizer::SpecialTokens;

/// Most tokens of a window, prompt included: the length of Whisper's text context.
pub const MAX_LENGTH: usize = 448;

/// Most tokens of one of the texts that a prompt is made of.
const TEXT_LENGTH: usize = MAX_LENGTH / 2 - 1;
/// New tokens without place for which a window cannot be transcribed.
const ROOM_LEAST: usize = 16;

/// What the prompts of all windows of a recording are made of, as tokens.
#[derive(Debug, Clone, Default)]
pub struct PromptTexts {
    /// Words to expect.
    pub hotwords: Vec<u32>,
    /// What the first window's transcript begins with.
    pub prefix: Vec<u32>,
    /// Whether no timestamps are wanted.
    pub without_timestamps: bool,
    /// Most tokens to be generated.
    pub max_new_tokens: Option<usize>,
}

impl PromptTexts {
    /// The prompt of a window that begins at frame `seek`:
    /// `[sot_prev + hotwords + previous[-223:]] + sot [+ language + task] [+ notimestamps] [+ <|0.00|>? + prefix]`.
    ///
    /// The prefix belongs to the recording's first window, and hotwords have no effect where it stands. Both are cut
    /// after 223 tokens. `language_and_task` is empty for English-only models.
    ///
    /// Where hardly any place is left to generate in, less of the previous text is given: the reference fails there, or
    /// loses the window's text.
    #[must_use]
    pub fn prompt(
        &self,
        special: &SpecialTokens,
        seek: usize,
        previous: &[u32],
        language_and_task: &[u32],
    ) -> Vec<u32> {
        let prefix = if seek == 0 { cut(&self.prefix) } else { &[] };
        let hotwords = if prefix.is_empty() { cut(&self.hotwords) } else { &[] };

        let mut start = Vec::with_capacity(prefix.len() + 5);
        start.push(special.sot);
        start.extend(language_and_task);
        if self.without_timestamps {
            start.push(special.no_timestamps);
        }
        if !prefix.is_empty() {
            if !self.without_timestamps {
                start.push(special.timestamp_begin);
            }
            start.extend(prefix);
        }

        let kept = self.previous_kept(previous.len(), 1 + hotwords.len() + start.len());
        let mut prompt = Vec::with_capacity(1 + hotwords.len() + kept + start.len());
        if kept > 0 || !hotwords.is_empty() {
            prompt.push(special.sot_prev);
            prompt.extend(hotwords);
            prompt.extend(&previous[previous.len() - kept..]);
        }
        prompt.extend(start);
        prompt
    }

    /// How many tokens may be generated after any window's prompt, if nothing was said before.
    #[must_use]
    pub fn room(&self, special: &SpecialTokens, language_and_task: &[u32]) -> usize {
        let longest = [0, 1].map(|seek| self.prompt(special, seek, &[], language_and_task).len());
        MAX_LENGTH.saturating_sub(longest.into_iter().max().unwrap_or(0))
    }

    /// How many of `n_previous` tokens of previous text stand in a prompt that has `n_others` more.
    fn previous_kept(&self, n_previous: usize, n_others: usize) -> usize {
        let kept = n_previous.min(TEXT_LENGTH);
        if n_others + kept + self.max_new_tokens.unwrap_or(ROOM_LEAST) <= MAX_LENGTH {
            return kept;
        }
        let wanted = self.max_new_tokens.unwrap_or(MAX_LENGTH / 2);
        kept.min(MAX_LENGTH.saturating_sub(n_others + wanted))
    }
}

/// The engine's limit on prompt and new tokens together.
#[must_use]
pub fn max_length(prompt_length: usize, max_new_tokens: Option<usize>) -> usize {
    max_new_tokens.map_or(MAX_LENGTH, |new| prompt_length + new)
}

/// How many tokens the engine writes at most after a prompt: CTranslate2 stops at half of [`max_length`], or where prompt and
/// text fill it.
#[must_use]
pub fn most_new_tokens(prompt_length: usize, max_new_tokens: Option<usize>) -> usize {
    let total = max_length(prompt_length, max_new_tokens);
    (total / 2).min((total + 1).saturating_sub(prompt_length))
}

fn cut(text: &[u32]) -> &[u32] {
    &text[..text.len().min(TEXT_LENGTH)]
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

    fn prompt(texts: &PromptTexts, seek: usize, previous: &[u32], language_and_task: &[u32]) -> Vec<u32> {
        texts.prompt(&special_tokens(), seek, previous, language_and_task)
    }

    #[test]
    fn the_end_of_the_previous_text_comes_first() {
        let texts = PromptTexts::default();
        assert_eq!(prompt(&texts, 0, &[], &[]), [1001]);
        assert_eq!(prompt(&texts, 0, &[5, 6], &[8, 9]), [1002, 5, 6, 1001, 8, 9]);
        let long: Vec<u32> = (0..500).collect();
        let prompt = prompt(&texts, 0, &long, &[]);
        assert_eq!((prompt.len(), prompt[1], prompt[223]), (225, 277, 499));
    }

    #[test]
    fn the_prefix_is_the_first_window_s_and_hotwords_stand_in_the_others() {
        let texts = PromptTexts { hotwords: vec![3, 4], prefix: vec![7], ..PromptTexts::default() };
        assert_eq!(prompt(&texts, 0, &[5], &[8, 9]), [1002, 5, 1001, 8, 9, 2000, 7]);
        assert_eq!(prompt(&texts, 3000, &[5], &[8, 9]), [1002, 3, 4, 5, 1001, 8, 9]);
        assert_eq!(prompt(&texts, 3000, &[], &[]), [1002, 3, 4, 1001]);
        let texts = PromptTexts { without_timestamps: true, ..texts };
        assert_eq!(prompt(&texts, 0, &[], &[8, 9]), [1001, 8, 9, 1999, 7]);
        assert_eq!(prompt(&texts, 1, &[], &[8, 9]), [1002, 3, 4, 1001, 8, 9, 1999]);
    }

    #[test]
    fn hotwords_and_prefix_are_cut_behind() {
        let long: Vec<u32> = (0..300).collect();
        let texts = PromptTexts { hotwords: long.clone(), ..PromptTexts::default() };
        let hotwords = prompt(&texts, 0, &[], &[]);
        assert_eq!((hotwords.len(), hotwords[1], hotwords[223]), (225, 0, 222));
        let texts = PromptTexts { prefix: long, ..PromptTexts::default() };
        let prefix = prompt(&texts, 0, &[], &[]);
        assert_eq!((prefix.len(), prefix[2], prefix[224]), (225, 0, 222));
    }

    #[test]
    fn previous_text_makes_room_only_where_there_would_be_none() {
        let long: Vec<u32> = (0..300).collect();
        let hotwords = |n| PromptTexts { hotwords: long[..n].to_vec(), ..PromptTexts::default() };
        assert_eq!(prompt(&hotwords(205), 0, &long, &[8, 9]).len(), 205 + 223 + 4);
        assert_eq!(prompt(&hotwords(206), 0, &long, &[8, 9]).len(), MAX_LENGTH / 2);
        assert_eq!(prompt(&hotwords(223), 0, &long, &[8, 9]).len(), 223 + 4);
        let texts = PromptTexts { max_new_tokens: Some(300), ..PromptTexts::default() };
        assert_eq!(prompt(&texts, 0, &long, &[8, 9]).len(), 148);
        assert_eq!(max_length(148, texts.max_new_tokens), MAX_LENGTH);
        assert_eq!(texts.room(&special_tokens(), &[8, 9]), 445);
        assert_eq!(hotwords(300).room(&special_tokens(), &[8, 9]), 221);
        assert_eq!(max_length(7, None), MAX_LENGTH);
        assert_eq!(most_new_tokens(4, None), MAX_LENGTH / 2);
        assert_eq!(most_new_tokens(300, None), 149);
        assert_eq!(most_new_tokens(4, Some(20)), 12);
    }
}
