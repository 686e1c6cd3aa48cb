//! The flags of transcription options, made from the table of options.

use clap::error::Error;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use serde_json::Value;
use steno_shared::options::{TranscribeOptions, VadParameters};

use crate::options::{Kind, OPTIONS, Settings, Spec, VAD_PARAMETERS};

/// The options that are given as flags; see [`crate::options`].
#[derive(Debug, Clone, Default)]
pub(super) struct OptionsArguments(pub(super) Settings);

impl Args for OptionsArguments {
    fn augment_args(command: Command) -> Command {
        // Only for help: without defaults there, nothing else is lost.
        let defaults = serde_json::to_value(TranscribeOptions::default()).unwrap_or_default();
        OPTIONS.iter().fold(command, |command, spec| command.arg(flag(spec, &defaults[spec.name])))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for OptionsArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut arguments = Self::default();
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        for spec in OPTIONS.iter() {
            if let Some(value) = matches.get_one::<Value>(spec.name) {
                self.0.set(spec.name, value.clone());
            }
        }
        Ok(())
    }
}

/// `--beam-size`, and `--beam_size` as the reference spells it.
fn flag(spec: &'static Spec, default: &Value) -> Arg {
    let kind = spec.kind;
    let long = spec.name.replace('_', "-");
    let flag = Arg::new(spec.name)
        .help_heading(spec.group.title())
        .value_name(kind.placeholder())
        .allow_negative_numbers(kind.may_be_negative())
        // A list that begins with -1 looks like a flag.
        .allow_hyphen_values(matches!(kind, Kind::TokenIds))
        .value_parser(move |text: &str| kind.from_text(text).map_err(|must| format!("it must be {must}")))
        .help(help(spec, default));
    let flag = if kind.is_bool() && default == &Value::Bool(false) {
        flag.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        flag
    };
    if long == spec.name { flag.long(long) } else { flag.alias(spec.name).long(long) }
}

fn help(spec: &Spec, default: &Value) -> String {
    if spec.kind == Kind::VadParameters {
        let defaults = serde_json::to_value(VadParameters::default()).unwrap_or_default();
        let keys: Vec<_> = VAD_PARAMETERS
            .iter()
            .map(|key| format!("{} [{}]", key.name, key.default_text(&defaults[key.name])))
            .collect();
        return format!("{}, of {}", spec.help, keys.join(", "));
    }
    format!("{} [default: {}]", spec.help, spec.default_text(default))
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use steno_shared::options::{ComputeType, Mode, SegmentTimes, Task};

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: OptionsArguments,
        #[arg(long)]
        json: bool,
    }

    fn parse(flags: &[&str]) -> Result<TranscribeOptions, String> {
        let line = Line::try_parse_from(["steno"].iter().chain(flags)).map_err(|error| error.to_string())?;
        line.options.0.options().map_err(|error| error.to_string())
    }

    /// Sets one field.
    type Change = fn(&mut TranscribeOptions);

    /// Each flag, with underscores or dashes, and the field it sets.
    const FLAGS: &[(&[&str], Change)] = &[
        (&["--language", "de"], |o| o.language = Some("de".into())),
        (&["--task", "translate"], |o| o.task = Task::Translate),
        (&["--multilingual"], |o| o.multilingual = true),
        (&["--language-detection-threshold", "0.7"], |o| o.language_detection_threshold = 0.7),
        (&["--language-detection-segments", "4"], |o| o.language_detection_segments = 4),
        (&["--compute-type", "int8_float16"], |o| o.compute_type = ComputeType::Int8Float16),
        (&["--beam-size", "3"], |o| o.beam_size = 3),
        (&["--best-of", "2"], |o| o.best_of = 2),
        (&["--patience", "1.5"], |o| o.patience = 1.5),
        (&["--length-penalty", "-0.5"], |o| o.length_penalty = -0.5),
        (&["--repetition-penalty", "1.1"], |o| o.repetition_penalty = 1.1),
        (&["--no-repeat-ngram-size", "3"], |o| o.no_repeat_ngram_size = 3),
        (&["--temperature", "0,0.5"], |o| o.temperature = vec![0.0, 0.5]),
        (&["--compression-ratio-threshold", "none"], |o| o.compression_ratio_threshold = None),
        (&["--log-prob-threshold", "-2.5"], |o| o.log_prob_threshold = Some(-2.5)),
        (&["--no-speech-threshold=none"], |o| o.no_speech_threshold = None),
        (&["--condition-on-previous-text", "false"], |o| o.condition_on_previous_text = false),
        (&["--prompt-reset-on-temperature", "0.3"], |o| o.prompt_reset_on_temperature = 0.3),
        (&["--initial-prompt", "Steno, a runner"], |o| o.initial_prompt = Some("Steno, a runner".into())),
        (&["--prefix", "So"], |o| o.prefix = Some("So".into())),
        (&["--hotwords=-Steno-"], |o| o.hotwords = Some("-Steno-".into())),
        (&["--suppress-blank", "False"], |o| o.suppress_blank = false),
        (&["--suppress-tokens", "-1,50"], |o| o.suppress_tokens = vec![-1, 50]),
        (&["--max-new-tokens", "64"], |o| o.max_new_tokens = Some(64)),
        (&["--without-timestamps"], |o| o.without_timestamps = true),
        (&["--segment-times", "aligned"], |o| o.segment_times = SegmentTimes::Aligned),
        (&["--max-initial-timestamp", "0.5"], |o| o.max_initial_timestamp = 0.5),
        (&["--word-timestamps"], |o| o.word_timestamps = true),
        (&["--prepend-punctuations", "(["], |o| o.prepend_punctuations = "([".into()),
        (&["--append-punctuations", ")]"], |o| o.append_punctuations = ")]".into()),
        (&["--chunk-length", "20"], |o| o.chunk_length = Some(20)),
        (&["--clip-timestamps", "1,2.5,4"], |o| o.clip_timestamps = vec![1.0, 2.5, 4.0]),
        (&["--vad-filter", "true"], |o| o.vad_filter = Some(true)),
        (&["--vad-parameters", "threshold=0.6,min_silence_duration_ms=500"], |o| {
            o.vad_parameters.threshold = 0.6;
            o.vad_parameters.min_silence_duration_ms = Some(500);
        }),
        (&["--mode", "sequential", "--word-timestamps", "--hallucination-silence-threshold", "2"], |o| {
            o.mode = Mode::Sequential;
            o.word_timestamps = true;
            o.hallucination_silence_threshold = Some(2.0);
        }),
    ];

    #[test]
    fn every_flag_reaches_its_field_in_either_spelling() {
        let mut left: Vec<_> = OPTIONS.iter().map(|spec| spec.name).collect();
        for (given, change) in FLAGS {
            let mut expected = TranscribeOptions::default();
            change(&mut expected);
            assert_ne!(expected, TranscribeOptions::default(), "{given:?} proves nothing");
            assert_eq!(parse(given), Ok(expected.clone()), "{given:?}");
            let underscored: Vec<String> = given
                .iter()
                .map(|word| match word.strip_prefix("--") {
                    Some(flag) => {
                        let (name, value) = flag.split_once('=').map_or((flag, None), |(n, v)| (n, Some(v)));
                        let name = name.replace('-', "_");
                        left.retain(|left| *left != name);
                        format!("--{name}{}", value.map(|value| format!("={value}")).unwrap_or_default())
                    }
                    None => (*word).to_owned(),
                })
                .collect();
            let underscored: Vec<_> = underscored.iter().map(String::as_str).collect();
            assert_eq!(parse(&underscored), Ok(expected), "{underscored:?}");
        }
        assert!(left.is_empty(), "no test of {left:?}");
    }

    #[test]
    fn switches_take_a_value_behind_an_equals_sign_only() {
        assert!(parse(&["--word-timestamps=true"]).unwrap().word_timestamps);
        assert!(!parse(&["--word-timestamps=false"]).unwrap().word_timestamps);
        assert!(parse(&["--word-timestamps", "false"]).is_err(), "`false` is no argument of a switch");
        assert!(
            parse(&["--suppress-blank"]).is_err(),
            "an option that is on by default says what it becomes"
        );
    }

    #[test]
    fn a_wrong_value_is_refused_with_what_it_must_be() {
        for (flags, words) in [
            (&["--beam-size", "many"][..], "--beam-size <N>': it must be a whole number"),
            (&["--beam-size", "-1"], "it must be a whole number"),
            (&["--beam-size", "0"], "option beam_size is 0, but must be at least 1"),
            (&["--task", "summarise"], "it must be one of transcribe, translate"),
            (&["--log-prob-threshold", "low"], "it must be a number, or none"),
            (&["--patience", "nan"], "it must be a number"),
            (&["--suppress-tokens", "--json"], "it must be a list of token ids"),
            (&["--initial-prompt", "--json"], "a value is required"),
            (&["--vad-parameters", "volume=1"], "\"volume\""),
            (&["--vad-parameters", "threshold=2"], "vad_parameters.threshold is 2, but must be 0 to 1"),
            (&["--beam-sise", "5"], "'--beam-size'"),
        ] {
            let message = parse(flags).unwrap_err();
            assert!(message.contains(words), "{words:?} is not in {message:?}");
        }
    }
}
