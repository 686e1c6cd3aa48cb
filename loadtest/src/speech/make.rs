//! One recording: said, mixed, encoded.

use std::path::Path;

use steno_coordinator::failure::Failure;

use super::encode::Encoder;
use super::mix::Mix;
use super::recipe::Planned;
use super::say::say;
use super::wav::Audio;
use crate::word_errors::Reference;

/// A recording and what is said in it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) reference: Reference,
}

/// Makes it: sentences are said until the wanted length is reached, and the last one is whole. Takes a while: ffmpeg and, for each
/// sentence, espeak-ng are waited for.
pub(super) fn make(planned: &Planned, ffmpeg: &Path) -> Result<Made, Failure> {
    let sentences = planned.voice.sentences();
    let mut next = sentences.shuffled(planned.random("said"));
    let mut say_next = || -> Result<(String, Audio), Failure> {
        let sentence = next.next().unwrap_or_default();
        let audio = say(planned, &sentence)?;
        Ok((sentence, audio))
    };
    let (mut text, Audio { rate, samples }) = say_next()?;
    let mut mix = Mix::new(planned.condition, rate, planned.random("mixed"));
    let mut encoder = Encoder::start(ffmpeg, planned.format, rate, planned.condition.is_telephone)?;
    encoder.write(&mix.sentence(&samples))?;
    while mix.seconds() < planned.seconds {
        let (sentence, audio) = say_next()?;
        if audio.rate != rate {
            return Err(Failure::unusable(format!(
                "the voice {} speaks at {rate} Hz and at {} Hz",
                planned.voice, audio.rate
            )));
        }
        encoder.write(&mix.pause())?;
        encoder.write(&mix.sentence(&audio.samples))?;
        text = format!("{text} {sentence}");
    }
    Ok(Made {
        bytes: encoder.finish()?,
        reference: Reference {
            name: planned.name.clone(),
            language: sentences.language.to_owned(),
            text,
            condition: Some(planned.condition.to_string()),
            voice: Some(planned.voice.to_string()),
            seconds: Some(mix.seconds()),
        },
    })
}
