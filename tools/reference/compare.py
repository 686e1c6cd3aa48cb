#!/usr/bin/env python3
"""Set two folders of transcripts side by side, as Markdown.

    python tools/reference/compare.py TITLE REFERENCE_FOLDER STENO_FOLDER [TITLE REFERENCE STENO …] > docs/parity.md

REFERENCE_FOLDER comes from `tools/reference/transcribe.py`, STENO_FOLDER from the example `transcribe` with
`--float32`, both from the same files, model, language and seed.
"""

import json
import pathlib
import sys

HEAD = """# Parity with faster-whisper

Steno's sequential pipeline beside faster-whisper 1.2.1 (sequential, no VAD, no word times), both on CTranslate2 4.8.4, CPU,
float32, beam 5, all fallback temperatures, the same seed. Made by `tools/reference/compare.py`; see `tools/reference/` for how.

The audio is decoded by each side's own decoder; the samples were equal to the bit. Times must agree within 0.02 s, text exactly.

Segments counted as sampled come from windows that no beam search satisfied: their text is drawn at random, by the same seed here.
A draw can still fall on the other side for a difference in the sixth decimal: the one difference in joined.flac on tiny.en appears in
the reference itself, in the same way, when noise of 3e-6 is added to its features.
The probability of a detected language differs a little for recordings under 30 s: the reference encodes the window a second time,
with one more frame, to detect it; Steno encodes it once.
"""


def load(folder: str) -> dict:
    return {
        path.name.removesuffix(".json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(pathlib.Path(folder).glob("*.json"))
    }


def differences(reference: dict, ours: dict) -> list[str]:
    found = []
    if reference["language"] != ours["language"]:
        found.append(f"language {reference['language']} / {ours['language']}")
    if len(reference["segments"]) != len(ours["segments"]):
        found.append(f"segments {len(reference['segments'])} / {len(ours['segments'])}")
    for number, (a, b) in enumerate(zip(reference["segments"], ours["segments"]), 1):
        if a["text"] != b["text"]:
            found.append(f"text of segment {number}:{a['text']!r} / {b['text']!r}")
        for key in ("start", "end"):
            if abs(a[key] - b[key]) > 0.02 + 1e-9:
                found.append(f"{key} of segment {number}: {a[key]} / {b[key]}")
        if a["temperature"] != b["temperature"]:
            found.append(f"temperature of segment {number}: {a['temperature']} / {b['temperature']}")
    return found


def largest(reference: dict, ours: dict, *keys: str) -> str:
    pairs = [
        abs(a[key] - b[key])
        for a, b in zip(reference["segments"], ours["segments"])
        for key in keys
    ]
    return f"{max(pairs):.1g}" if pairs else "–"


def section(title: str, reference: dict, ours: dict) -> None:
    print(f"## {title}\n")
    print("| file | s | language (p) | segments | sampled | largest difference: s, logprob, no-speech, ratio | text |")
    print("|---|---|---|---|---|---|---|")
    notes = []
    for name in sorted(set(reference) | set(ours)):
        if name not in reference or name not in ours:
            print(f"| {name} | | | | | | only on one side |")
            continue
        a, b = reference[name], ours[name]
        found = differences(a, b)
        notes += [f"- {name}: {note}" for note in found]
        sampled = sum(segment["temperature"] > 0 for segment in b["segments"])
        print(
            f"| {name} | {b['duration']:.1f}"
            f" | {a['language']} {a['language_probability']:.4f} / {b['language']} {b['language_probability']:.4f}"
            f" | {len(a['segments'])} / {len(b['segments'])} | {sampled}"
            f" | {largest(a, b, 'start', 'end')}, {largest(a, b, 'avg_logprob')},"
            f" {largest(a, b, 'no_speech_prob')}, {largest(a, b, 'compression_ratio')}"
            f" | {'differs' if found else 'same'} |"
        )
    print()
    print("Differences:\n\n" + "\n".join(notes) if notes else "No differences.")
    print()


def main() -> None:
    print(HEAD)
    arguments = sys.argv[1:]
    while arguments:
        title, reference, ours, *arguments = arguments
        section(title, load(reference), load(ours))


if __name__ == "__main__":
    main()
