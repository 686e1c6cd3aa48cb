//! Measures of a window's text.

use flate2::{Compress, Compression, FlushCompress, Status};

/// Average log probability of a sequence of `n_tokens` tokens and its end, from the engine's score.
///
/// The engine divides the sum by `n_tokens ^ length_penalty`; this undoes it and counts the end of text in.
#[must_use]
pub fn avg_logprob(score: f32, n_tokens: usize, length_penalty: f64) -> f64 {
    let sum = f64::from(score) * (n_tokens as f64).powf(length_penalty);
    sum / (n_tokens as f64 + 1.0)
}

/// Size of the text over its size compressed by zlib at level 6: above 2.4 it repeats itself.
///
/// The library is zlib proper, since other compressors give other sizes and would decide otherwise.
#[must_use]
pub fn compression_ratio(text: &str) -> f64 {
    let bytes = text.as_bytes();
    let mut compressed = Vec::with_capacity(bytes.len() + bytes.len() / 1000 + 64);
    let mut zlib = Compress::new(Compression::new(6), true);
    loop {
        let read = usize::try_from(zlib.total_in()).unwrap_or(usize::MAX).min(bytes.len());
        match zlib.compress_vec(&bytes[read..], &mut compressed, FlushCompress::Finish) {
            Ok(Status::Ok | Status::BufError) => compressed.reserve(1024),
            Ok(Status::StreamEnd) | Err(_) => return bytes.len() as f64 / compressed.len().max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_python_s_zlib() {
        // len(t) / len(zlib.compress(t)) of Python 3.11 with zlib 1.2.13.
        let cases = [("", 0.0 / 8.0), ("Hello.", 6.0 / 14.0), ("no no no no no no no no", 23.0 / 13.0)];
        for (text, ratio) in cases {
            assert!((compression_ratio(text) - ratio).abs() < 1e-12, "{text}: {}", compression_ratio(text));
        }
        assert!(compression_ratio(&" Thank you.".repeat(40)) > 2.4);
    }

    #[test]
    fn the_score_s_penalty_is_undone() {
        assert!((avg_logprob(-0.5, 9, 1.0) - -0.45).abs() < 1e-12);
        assert!((avg_logprob(-0.5, 4, 0.5) - -0.2).abs() < 1e-12);
        assert!(avg_logprob(-0.5, 0, 1.0).abs() < 1e-12);
    }
}
