//! Telling text that is probably made up by its words' times and probabilities.

use steno_shared::transcript::Word;

/// Marks that are no words of their own.
const PUNCTUATION: &str = "\"'“¿([{-\"'.。,，!！?？:：”)]}、";
/// A word less probable than this is odd.
const LEAST_PROBABILITY: f64 = 0.15;
/// A word shorter than this, in seconds, is odd: by 15 for each second that is missing.
const SHORTEST: f64 = 0.133;
/// A word longer than this, in seconds, is odd: by each second above.
const LONGEST: f64 = 2.0;
/// How many words of a segment are looked at.
const JUDGED_WORDS: usize = 8;
/// A segment whose words score as much together is an anomaly.
const ANOMALY: f64 = 3.0;

/// How odd a word is, 0 at the least: improbable, very short or very long.
#[must_use]
pub fn anomaly_score(word: &Word) -> f64 {
    let duration = word.end - word.start;
    let mut score = 0.0;
    if word.probability < LEAST_PROBABILITY {
        score += 1.0;
    }
    if duration < SHORTEST {
        score += (SHORTEST - duration) * 15.0;
    }
    if duration > LONGEST {
        score += duration - LONGEST;
    }
    score
}

/// Whether a segment's words are such as the model makes up for silence: three odd ones among the first eight, or all.
///
/// A segment that holds nothing but marks is one; a segment without words is not.
#[must_use]
pub fn is_anomaly(words: &[Word]) -> bool {
    if words.is_empty() {
        return false;
    }
    let judged: Vec<f64> = words
        .iter()
        .filter(|word| !PUNCTUATION.contains(&word.word))
        .take(JUDGED_WORDS)
        .map(anomaly_score)
        .collect();
    let score: f64 = judged.iter().sum();
    score >= ANOMALY || score + 0.01 >= judged.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str, duration: f64, probability: f64) -> Word {
        Word { start: 0.0, end: duration, word: word.into(), probability }
    }

    #[test]
    fn odd_words_score() {
        assert_eq!(anomaly_score(&word(" a", 0.5, 0.9)), 0.0);
        assert_eq!(anomaly_score(&word(" a", 0.5, 0.1)), 1.0);
        assert_eq!(anomaly_score(&word(" a", 3.5, 0.1)), 2.5);
        assert!((anomaly_score(&word(" a", 0.033, 0.9)) - 1.5).abs() < 1e-9);
    }

    #[test]
    fn segments_of_odd_words_are_anomalies() {
        let good = word(" a", 0.5, 0.9);
        let odd = word(" b", 0.5, 0.1);
        assert!(!is_anomaly(&[]));
        assert!(!is_anomaly(std::slice::from_ref(&good)));
        assert!(is_anomaly(std::slice::from_ref(&odd)), "all of one");
        assert!(!is_anomaly(&[odd.clone(), good.clone()]));
        assert!(is_anomaly(&[good.clone(), odd.clone(), odd.clone(), odd.clone()]), "three");
        assert!(is_anomaly(&[word(".", 0.5, 0.9)]), "marks only");
        assert!(is_anomaly(&[odd.clone(), word(",", 0.0, 0.0)]), "marks are not counted");
        let mut late = vec![good; 8];
        late.extend(vec![odd; 8]);
        assert!(!is_anomaly(&late), "only the first eight are looked at");
    }
}
