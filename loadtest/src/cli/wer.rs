//! `steno-loadtest wer`.

use std::fmt::Write as _;

use clap::Args;
use steno_coordinator::cli::{S3Arguments, print, print_json};
use steno_coordinator::failure::Failure;
use steno_coordinator::progress::write_line;
use steno_coordinator::quantities::grouped;
use steno_shared::exit::Exit;
use steno_shared::storage::{Location, Store};

use super::numbers::zero_or_more;
use crate::word_errors::{ErrorRates, compare};

#[derive(Debug, Args)]
pub(super) struct WerArguments {
    /// Folder or s3://bucket/prefix with transcripts.
    #[arg(value_name = "OUTPUT")]
    output: Location,
    /// Folder or s3://bucket/prefix with what is said in the recordings, as `steno-loadtest generate --speech` writes it; or
    /// another output of Steno's, to compare with.
    #[arg(long, value_name = "PLACE")]
    references: Location,
    /// Exit with 1 if the word error rate is above this; 0.1 is one word in ten.
    #[arg(long, value_name = "RATE", value_parser = zero_or_more)]
    max_wer: Option<f64>,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    s3: S3Arguments,
}

/// Compares; `Exit::SomeFailed` if too many words are wrong.
pub(super) async fn wer(arguments: &WerArguments) -> Result<Exit, Failure> {
    let s3 = arguments.s3.config();
    let transcripts = Store::open(&arguments.output, &s3).await?;
    let references = Store::open(&arguments.references, &s3).await?;
    let rates = compare(&transcripts, &references).await?;
    if arguments.json {
        print_json(&rates)?
    } else {
        print(&text(&rates))?
    }
    match arguments.max_wer.filter(|most| rates.all.rate > *most) {
        Some(most) => {
            write_line(&format!(
                "Limit broken: the word error rate is {:.3}, and at most {most} is wanted",
                rates.all.rate
            ));
            Ok(Exit::SomeFailed)
        }
        None => Ok(Exit::Success),
    }
}

/// A table: a row for all recordings, and for each language and condition.
pub(super) fn text(rates: &ErrorRates) -> String {
    let rows = rates.rows();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    let mut out = format!(
        "{:<width$} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "", "recordings", "missing", "words", "errors", "WER"
    );
    for (name, errors) in rows {
        let [recordings, missing, words, wrong] =
            [errors.recordings, errors.missing, errors.words, errors.errors].map(grouped);
        let percent = errors.rate * 100.0;
        let _ = write!(
            out,
            "\n{name:<width$} {recordings:>10} {missing:>10} {words:>10} {wrong:>10} {percent:>7.1}%"
        );
    }
    out
}
