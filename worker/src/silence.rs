//! Where in a stretch of audio a recording is best cut.

/// What is less probable speech than this is silence, as for the default threshold of voice detection.
const SILENCE: f32 = 0.35;

/// Given the probability of speech in each window, 0 to 1: the window in the middle of the longest silence; of those that are as long, the
/// one nearest to the middle. Where nobody is ever silent, the one that is least probably speech.
#[must_use]
pub fn quietest(probabilities: &[f32]) -> usize {
    let planned = probabilities.len() / 2;
    let mut best: Option<(usize, usize)> = None;
    let mut at = 0;
    for run in probabilities.chunk_by(|a, b| (*a < SILENCE) == (*b < SILENCE)) {
        let middle = at + run.len() / 2;
        let is_better = |(length, other): (usize, usize)| {
            run.len() > length || (run.len() == length && middle.abs_diff(planned) < other.abs_diff(planned))
        };
        if run.first().is_some_and(|&first| first < SILENCE) && best.is_none_or(is_better) {
            best = Some((run.len(), middle));
        }
        at += run.len();
    }
    if let Some((_, middle)) = best {
        return middle;
    }
    let least = probabilities
        .iter()
        .enumerate()
        .min_by(|(i, a), (j, b)| a.total_cmp(b).then_with(|| i.abs_diff(planned).cmp(&j.abs_diff(planned))));
    least.map_or(planned, |(window, _)| window)
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    #[test]
    fn cuts_are_made_in_the_middle_of_the_longest_silence_and_else_where_speech_is_least_probable() {
        let speech = |silences: &[Range<usize>]| -> Vec<f32> {
            (0..100)
                .map(|at| if silences.iter().any(|range| range.contains(&at)) { 0.1 } else { 0.9 })
                .collect()
        };
        assert_eq!(quietest(&speech(&[10..14, 60..70, 80..84])), 65);
        assert_eq!(quietest(&speech(&[10..14, 60..64])), 62, "the nearer one");
        assert_eq!(quietest(&speech(std::slice::from_ref(&(0..4)))), 2);
        let mut never = vec![0.9; 100];
        (never[20], never[70]) = (0.5, 0.5);
        assert_eq!(quietest(&never), 70);
        assert_eq!(quietest(&[]), 0);
    }
}
