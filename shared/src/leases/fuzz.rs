//! Whatever Redis answers, each reader of answers gives a value or an error.

use proptest::prelude::*;
use redis::Value;

use super::{batch, claim, counts, items, presence, settle};
use crate::ids::ShardId;

/// Fields as scripts answer them, and fields as they never do.
fn field() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "done",
        "again",
        "superseded",
        "delayed",
        "dead",
        "ready",
        "stay",
        "leave",
        "r",
        "l",
        "d",
        "x",
        "D",
        "0",
        "1",
        "",
        "18446744073709551616",
        "-1",
        "1e3",
        "[\"a.mp3\",\"e\",3]",
        "[\"a.mp3\",\"e\",3,2]",
        "[\"a.mp3\",\"e\",3,9,9]",
        "[\"a.mp3\",\"e\",3,0,[1,2,600000]]",
        "{\"worker\":\"w\"}",
        "[",
        "\u{202e}",
    ]);
    prop_oneof![
        6 => word.prop_map(|word| Value::BulkString(word.as_bytes().to_vec())),
        2 => any::<i64>().prop_map(Value::Int),
        2 => (0_i64..3).prop_map(Value::Int),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Value::BulkString),
        1 => Just(Value::Nil),
        1 => Just(Value::Okay),
        1 => any::<bool>().prop_map(Value::Boolean),
        1 => any::<f64>().prop_map(Value::Double),
        1 => "[a-z ]{0,8}".prop_map(Value::SimpleString),
    ]
}

fn answer() -> impl Strategy<Value = Value> {
    let list = |length| prop::collection::vec(field(), length).prop_map(Value::Array);
    prop_oneof![
        1 => field(),
        4 => list(0..18),
        6 => (prop::collection::vec(field(), 0..4), prop::collection::vec(list(0..16), 0..4))
            .prop_map(|(head, rows)| Value::Array(head.into_iter().chain(rows).collect())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(5000), ..ProptestConfig::default() })]

    #[test]
    fn fuzz_redis_replies(value in answer()) {
        let (doing, shard) = ("read an answer", ShardId(0));
        let _ = claim::read_claim(doing, shard, value.clone());
        let _ = claim::read_renewal(doing, value.clone());
        let _ = settle::read_completed(doing, value.clone());
        let _ = settle::read_failed(doing, value.clone());
        let _ = settle::read_released(doing, value.clone());
        let _ = items::read_page(doing, value.clone());
        let _ = presence::read_reports(doing, value.clone());
        let _ = presence::read_advice(doing, value.clone());
        let _ = presence::read_together(doing, value.clone());
        let _ = counts::read_counts(doing, shard, value.clone());
        if let Err(error) = batch::count(doing, value) {
            prop_assert!(error.to_string().starts_with("failed to read an answer: "), "{error}");
        }
    }
}
