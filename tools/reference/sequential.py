#!/usr/bin/env python3
"""Write what faster-whisper 1.2.1 (sequential mode) makes of the repository's recordings, option set by option set.

    python tools/reference/sequential.py worker/tests/data/sequential .local/models

`worker/tests/sequential/option_sets.rs` compares Steno with these files. Each holds its own question: model, recording
and options. A recording is put together from files of the repository and seconds of silence. No window may need sampling,
so that the answers depend on no seed.
"""

import json
import pathlib
import sys

import numpy as np
from faster_whisper import decode_audio
from transcribe import Model, transcribe

ROOT = pathlib.Path(__file__).parents[2]
JFK = "worker/tests/data/jfk.flac"
TELEPHONE = "samples/meeting room/telephone.wav"
MEETING = "samples/meeting room/ami-dev00-start.mp3"
GAPS = [JFK, 3.0, TELEPHONE, 20.0, JFK]

CASES = {
    "plain": ("tiny.en", [JFK], {}),
    "words": ("tiny.en", GAPS, {"word_timestamps": True}),
    "speech-only": ("tiny.en", GAPS, {"vad_filter": True, "temperature": [0.0]}),
    "speech-only-words": (
        "tiny.en",
        GAPS,
        {"vad_filter": True, "word_timestamps": True, "temperature": [0.0]},
    ),
    "short-speech": (
        "tiny.en",
        [MEETING],
        {
            "vad_filter": True,
            "vad_parameters": {
                "threshold": 0.4,
                "min_silence_duration_ms": 300,
                "speech_pad_ms": 100,
                "min_speech_duration_ms": 250,
                "max_speech_duration_s": 8.0,
            },
        },
    ),
    "silences": ("tiny.en", GAPS, {"word_timestamps": True, "hallucination_silence_threshold": 1.0}),
    "clips": ("tiny.en", GAPS, {"clip_timestamps": [0.5, 6.5, 8.013, 9.987, 36.0], "word_timestamps": True}),
    "prefix": ("tiny.en", GAPS, {"prefix": "Well,", "hotwords": "Remote control, fellow Americans"}),
    "no-timestamps": ("tiny.en", GAPS, {"without_timestamps": True, "max_new_tokens": 40}),
    "short-windows": ("tiny.en", [JFK], {"chunk_length": 7, "word_timestamps": True}),
    "forgetful": (
        "tiny.en",
        GAPS,
        {
            "condition_on_previous_text": False,
            "initial_prompt": "AND SO, MY FELLOW AMERICANS.",
            "max_initial_timestamp": 0.5,
            "suppress_tokens": [-1, 11],
        },
    ),
    "languages": (
        "base",
        GAPS,
        {"multilingual": True, "language_detection_threshold": 0.98, "language_detection_segments": 2},
    ),
    "translated-words": ("base", [JFK, 1.0, TELEPHONE], {"task": "translate", "word_timestamps": True}),
}


def samples(parts: list) -> np.ndarray:
    def part(of) -> np.ndarray:
        return decode_audio(str(ROOT / of)) if isinstance(of, str) else np.zeros(int(of * 16000), np.float32)

    return np.concatenate([part(of) for of in parts])


def main() -> None:
    out, models = (pathlib.Path(argument) for argument in sys.argv[1:3])
    out.mkdir(parents=True, exist_ok=True)
    for name, (folder, parts, options) in CASES.items():
        model = Model(str(models / folder), device="cpu", compute_type="float32")
        reference = transcribe(model, samples(parts), options)
        if model.sampled:
            sys.exit(f"{name} needs sampling: no two runs are equal")
        case = {"model": folder, "parts": parts, "options": options, "reference": reference}
        text = json.dumps(case, indent=1, ensure_ascii=False)
        (out / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
