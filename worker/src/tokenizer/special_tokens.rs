//! Whisper's special tokens. Their ids differ between English-only and multilingual models and by vocabulary.

/// Steps of 0.02 s from the first timestamp to the last, which is 30 s.
const LAST_TIMESTAMP: u32 = 1500;

/// Ids of the special tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialTokens {
    /// End of text; every lower id is text.
    pub eot: u32,
    /// Start of transcript.
    pub sot: u32,
    /// Start of the previous text.
    pub sot_prev: u32,
    /// No speech; its probability tells silence.
    pub no_speech: u32,
    /// No timestamps.
    pub no_timestamps: u32,
    /// The timestamp `<|0.00|>`; each following id is 0.02 s later.
    pub timestamp_begin: u32,
    /// Start of language model, where there is one.
    pub sot_lm: Option<u32>,
    /// The task of transcribing, where there are tasks.
    pub transcribe: Option<u32>,
    /// The task of translating to English, where there are tasks.
    pub translate: Option<u32>,
}

impl SpecialTokens {
    /// Finds the tokens by their names.
    ///
    /// # Errors
    /// The name of one that every Whisper model has and this tokenizer lacks.
    pub fn find(id_of: impl Fn(&str) -> Option<u32>) -> Result<Self, &'static str> {
        let required = |token: &'static str| id_of(token).ok_or(token);
        let no_timestamps = required("<|notimestamps|>")?;
        Ok(Self {
            eot: required("<|endoftext|>")?,
            sot: required("<|startoftranscript|>")?,
            sot_prev: required("<|startofprev|>")?,
            // The first converters called it no captions.
            no_speech: id_of("<|nospeech|>").map_or_else(|| required("<|nocaptions|>"), Ok)?,
            no_timestamps,
            timestamp_begin: no_timestamps + 1,
            sot_lm: id_of("<|startoflm|>"),
            transcribe: id_of("<|transcribe|>"),
            translate: id_of("<|translate|>"),
        })
    }

    /// Whether the token is a timestamp.
    #[must_use]
    pub fn is_timestamp(&self, token: u32) -> bool {
        token >= self.timestamp_begin
    }

    /// All special tokens with the names that they may have.
    pub fn names(&self) -> Vec<(Vec<String>, u32)> {
        let named = |name: &str, id| (vec![name.to_owned()], id);
        let timestamp = |step: u32| {
            (vec![format!("<|{}.{:02}|>", step / 50, step % 50 * 2)], self.timestamp_begin + step)
        };
        let mut names = vec![
            named("<|endoftext|>", self.eot),
            named("<|startoftranscript|>", self.sot),
            named("<|startofprev|>", self.sot_prev),
            (vec!["<|nospeech|>".to_owned(), "<|nocaptions|>".to_owned()], self.no_speech),
            named("<|notimestamps|>", self.no_timestamps),
        ];
        let sometimes = [
            ("<|startoflm|>", self.sot_lm),
            ("<|transcribe|>", self.transcribe),
            ("<|translate|>", self.translate),
        ];
        names.extend(sometimes.into_iter().filter_map(|(name, id)| Some(named(name, id?))));
        names.extend((0..=LAST_TIMESTAMP).map(timestamp));
        names
    }

    /// Tokens that belong in prompts only.
    pub(super) fn never_written(&self) -> impl Iterator<Item = u32> {
        let always = [self.sot, self.sot_prev, self.no_speech];
        let sometimes = [self.transcribe, self.translate, self.sot_lm];
        always.into_iter().chain(sometimes.into_iter().flatten())
    }
}
