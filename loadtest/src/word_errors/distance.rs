//! How far a transcript is from what was said: words are compared, without case and punctuation, as `tools/parity_parts/distance.py`
//! does. Pure.

/// Written without spaces between words: characters are compared there instead.
const WITHOUT_SPACES: [&str; 8] = ["zh", "ja", "th", "lo", "my", "yue", "km", "bo"];

/// What is compared: words, or characters, in lower case and without punctuation.
#[must_use]
pub fn units(text: &str, language: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace('’', "'");
    let kept: String =
        lower.chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    let words = kept.split_whitespace().map(|word| word.trim_matches('\'')).filter(|word| !word.is_empty());
    if WITHOUT_SPACES.contains(&language) {
        words.flat_map(str::chars).map(String::from).collect()
    } else {
        words.map(str::to_owned).collect()
    }
}

/// Levenshtein distance: how many words are put in, left out or exchanged for others, at least. Takes time that grows with the
/// product of length and distance.
///
/// E. Ukkonen, "Algorithms for approximate string matching", 1985: the furthest row that so many edits reach on each diagonal.
#[must_use]
pub fn distance(a: &[String], b: &[String]) -> usize {
    /// The row to which units are equal on a diagonal from this one on; column = row + diagonal.
    fn slide(a: &[String], b: &[String], mut row: usize, diagonal: isize) -> usize {
        while let Some(column) = row.checked_add_signed(diagonal)
            && let (Some(one), Some(other)) = (a.get(row), b.get(column))
            && one == other
        {
            row += 1;
        }
        row
    }
    // Diagonals from -a.len() to b.len(), and one more at each end.
    let offset = a.len() as isize + 1;
    let mut reached: Vec<Option<usize>> = vec![None; a.len() + b.len() + 3];
    let at = |diagonal: isize| (diagonal + offset) as usize;
    let last = b.len() as isize - a.len() as isize;
    reached[at(0)] = Some(slide(a, b, 0, 0));
    let mut edits = 0;
    while reached[at(last)].is_none_or(|row| row < a.len()) {
        edits += 1;
        let mut before = None;
        for diagonal in -(edits.min(a.len()) as isize)..=edits.min(b.len()) as isize {
            let (same, above) = (reached[at(diagonal)], reached[at(diagonal + 1)]);
            let least = (-diagonal).max(0) as usize;
            let most = a.len().min(b.len().saturating_add_signed(-diagonal));
            let row = [
                same.map(|row| row + 1),  // exchanged
                before,                   // put in
                above.map(|row| row + 1), // left out
            ];
            before = same;
            let row = row.into_iter().flatten().max().map(|row| row.min(most)).filter(|row| *row >= least);
            if let Some(row) = row {
                reached[at(diagonal)] = Some(slide(a, b, row, diagonal));
            }
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_punctuation_are_no_errors() {
        assert_eq!(units("“Don’t,” he SAID – twice!", "en"), ["don't", "he", "said", "twice"]);
        assert_eq!(units("Das große Haus... 'Ja'.", "de"), ["das", "große", "haus", "ja"]);
        assert_eq!(units("L’été à Nice", "fr"), ["l'été", "à", "nice"]);
        assert_eq!(units("你好,世 界。", "zh"), ["你", "好", "世", "界"]);
        assert_eq!(units(" …' ", "en"), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_error_counts_as_one() {
        let errors = |a: &str, b: &str| distance(&units(a, "en"), &units(b, "en"));
        assert_eq!(errors("the cat sat", "The cat sat."), 0);
        assert_eq!(errors("the cat sat", "the bat sat"), 1);
        assert_eq!(errors("the cat sat", "the cat sat down"), 1);
        assert_eq!(errors("the cat sat", "cat sat"), 1);
        assert_eq!(errors("the cat sat", ""), 3);
        assert_eq!(errors("", "the cat sat"), 3);
        assert_eq!(errors("", ""), 0);
        assert_eq!(errors("a b c d", "b c d e"), 2);
    }

    /// By its definition.
    fn slow(a: &[String], b: &[String]) -> usize {
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, one) in a.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            for (j, other) in b.iter().enumerate() {
                let exchanged = diagonal + usize::from(one != other);
                diagonal = row[j + 1];
                row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
            }
        }
        row[b.len()]
    }

    proptest! {
        #[test]
        fn it_is_the_distance_by_its_definition(a in "[abc]{0,14}", b in "[abc]{0,14}") {
            let letters = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
            let (a, b) = (letters(&a), letters(&b));
            prop_assert_eq!(distance(&a, &b), slow(&a, &b));
        }
    }
}
