//! Status as a user reads it, word for word.

use steno_shared::ids::WorkerId;

use super::super::record::{Course, Found};
use super::super::sample;
use super::*;

fn record(course: Course) -> Record {
    Record { course, ..sample::record() }
}

fn pod(name: &str, index: u32, node: Option<&str>, state: PodState) -> PodView {
    PodView { name: Some(name.into()), index, node: node.map(str::to_owned), state }
}

fn worker(pod: &str, index: u32) -> WorkerReport {
    WorkerReport {
        worker: WorkerId::new(pod),
        index,
        phase: WorkerPhase::Transcribing,
        recording: Some("calls/2026/monday.mp3".into()),
        position_seconds: 754.0,
        length_seconds: 3600.0,
        finished: 2,
        finished_seconds: 900.0,
        in_hand_seconds: 300.0,
        busy_seconds: 100.0,
        engine_seconds: 120.0,
        speed: 0.0,
        is_slow: false,
    }
}

fn price() -> Price {
    Price { per_node_hour: 1.25, currency: "USD".into() }
}

#[test]
fn running_with_a_pod_that_waits() {
    let course = Course {
        phase: Phase::Running,
        launch: 1,
        found: Some(Found { published: 2, ..Found::default() }),
        node_seconds: 1800.0,
        ..Course::default()
    };
    let totals = Totals {
        recordings: 40,
        ready: 30,
        leased: 2,
        done: 7,
        dead: 1,
        audio_ms: 36_000_000,
        done_ms: 1_800_000,
        ..Totals::default()
    };
    let because =
        "no node has a free GPU: wait for one, add GPU nodes, or leave it: the others do its work".to_owned();
    let pods = vec![
        pod("a-2", 2, None, PodState::Waiting { because }),
        pod("a-0", 0, Some("gpu-1"), PodState::Failed { because: "killed".into() }),
        pod("b-0", 0, Some("gpu-1"), PodState::Failed { because: "told to stop".into() }),
        pod("c-0", 0, Some("gpu-1"), PodState::Failed { because: "killed".into() }),
        pod("d-0", 0, Some("gpu-1"), PodState::Running),
        pod("a-1", 1, Some("gpu-2"), PodState::Running),
    ];
    let job =
        JobState::Active { name: "j".into(), launch: 1, pods: 3, open: vec![0, 1, 2], suspended: false };
    let status =
        ClusterStatus::of(&record(course), Some(totals), &job, pods, &[worker("d-0", 0)], Some(&price()));
    insta::assert_snapshot!(status.text());
    assert!(!status.settled);
}

#[test]
fn finished_with_failures() {
    let course = Course {
        phase: Phase::Finished,
        launch: 2,
        events: vec!["The Job was gone; launched again on 2 nodes".into()],
        node_seconds: 7200.0,
        ..Course::default()
    };
    let totals = Totals {
        recordings: 40,
        done: 37,
        dead: 3,
        audio_ms: 36_000_000,
        done_ms: 35_000_000,
        ..Totals::default()
    };
    let status = ClusterStatus::of(&record(course), Some(totals), &JobState::None, Vec::new(), &[], None);
    insta::assert_snapshot!(status.text());
    assert!(status.settled);
}

#[test]
fn failed_with_the_worker_s_words() {
    let course = Course {
        phase: Phase::Failed,
        launch: 1,
        message: Some("no access to bucket calls: give the credentials read access".into()),
        ..Course::default()
    };
    let totals = Totals { recordings: 40, ready: 40, audio_ms: 36_000_000, ..Totals::default() };
    let job = JobState::Ended {
        launch: 1,
        end: super::super::job_state::JobEnd::Refused { message: "exit code 3".into() },
    };
    let failed =
        PodState::Failed { because: "no access to bucket calls: give the credentials read access".into() };
    let pods = vec![pod("a-0", 0, Some("gpu-1"), failed)];
    let status = ClusterStatus::of(&record(course), Some(totals), &job, pods, &[], None);
    insta::assert_snapshot!(status.text());
}

#[test]
fn before_anything_runs() {
    let submitted =
        ClusterStatus::of(&record(Course::default()), None, &JobState::None, Vec::new(), &[], None);
    insta::assert_snapshot!(submitted.text());
}
