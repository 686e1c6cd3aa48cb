//! Tokens split into words.

use serde::Deserialize;

use super::tokenizer;

#[derive(Deserialize)]
struct Case {
    model: String,
    language: String,
    tokens: Vec<u32>,
    /// None where the reference drops tokens.
    words: Option<Vec<(String, Vec<u32>)>>,
}

#[test]
fn words_are_those_of_the_reference_and_nothing_is_dropped() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../data/word-splits.json")).unwrap();
    let tokenizers = ["tiny.en", "base"].map(|model| (model, tokenizer(model)));
    let mut dropped = 0;
    for Case { model, language, tokens, words } in cases {
        let (_, tokenizer) = tokenizers.iter().find(|(name, _)| *name == model).unwrap();
        let ours = tokenizer.split_to_words(&tokens, &language).unwrap();
        let ours: Vec<_> = ours.into_iter().map(|word| (word.text, word.tokens)).collect();
        let text: String = ours.iter().map(|word| word.0.as_str()).collect();
        assert_eq!(text, tokenizer.decode(&tokens).unwrap(), "{model} {language} {tokens:?}");
        assert_eq!(ours.iter().flat_map(|word| word.1.clone()).collect::<Vec<_>>(), tokens);
        match words {
            Some(words) => assert_eq!(ours, words, "{model} {language}"),
            None => dropped += 1,
        }
    }
    assert!((1..100).contains(&dropped), "{dropped} cases in which the reference drops tokens");
}

#[test]
fn special_tokens_are_no_words() {
    let tokenizer = tokenizer("base");
    let special = tokenizer.special();
    let mut tokens = vec![special.timestamp_begin];
    tokens.extend(tokenizer.encode(" Hi there").unwrap());
    tokens.extend([special.timestamp_begin + 50, special.eot]);
    let words = tokenizer.split_to_words(&tokens, "en").unwrap();
    assert_eq!(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), [" Hi", " there"]);
    assert_eq!(tokenizer.split_to_words(&[special.timestamp_begin, special.eot], "en").unwrap(), []);
    assert_eq!(tokenizer.split_to_words(&[], "ja").unwrap(), []);
}
