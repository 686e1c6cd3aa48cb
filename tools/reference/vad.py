#!/usr/bin/env python3
"""Write what faster-whisper 1.2.1 finds of speech, for `worker/tests/vad/`.

    python tools/reference/vad.py worker/tests/data [--ffmpeg .local/bin/ffmpeg]

`vad.json`: probabilities, spans, chunks and times of real recordings, and the probabilities of one recording cut at
lengths that matter. `vad-spans.json`: the same without probabilities for made-up ones, which Rust makes too: they come
from a linear congruential generator.

A chunk is `[offset in seconds, duration in seconds, samples]`; those without samples are left out. A time is
`[samples of speech, is_end, index of the span, seconds of the recording]`.
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
from faster_whisper import vad

RATE = 16000
WINDOW = 512
RECORDINGS = [
    "worker/tests/data/jfk.flac",
    "samples/meeting room/ami-dev00-end.m4a",
    "samples/meeting room/ami-dev00-start.mp3",
    "samples/meeting room/ami-dev01.opus",
    "samples/meeting room/telephone.wav",
]
# Parameters that differ from the reference's defaults, and the most samples of a chunk.
RULES = [
    ({}, None),
    ({"min_silence_duration_ms": 160, "max_speech_duration_s": 30.0}, 30 * RATE),
    ({"min_silence_duration_ms": 100, "max_speech_duration_s": 3.0, "speech_pad_ms": 100}, 6 * RATE),
    ({"threshold": 0.8, "neg_threshold": 0.7, "min_silence_duration_ms": 64, "speech_pad_ms": 0,
      "min_speech_duration_ms": 250}, 2 * RATE),
]
# Samples of the first recording: none, less than a window, around its ends and around the last window's zeros.
CUTS = [0, 1, 511, 512, 513, 1024 + 447, 1024 + 448, 20480 + 449, 20480 + 500, 65535, 65536, 65537, 131072 + 480]


class Numbers:
    """The generator that Rust repeats."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 1103515245 + 12345) % 2**31
        return (self.state >> 16) % n

    def choose(self, values):
        return values[self.below(len(values))]


def made_up(seed):
    """Length in samples and the probabilities of a made-up recording: runs of speech, silence, neither and noise."""
    numbers = Numbers(seed)
    n_windows = 1 + numbers.below(400)
    n_samples = (n_windows - 1) * WINDOW + numbers.below(WINDOW)
    thousandths = []
    while len(thousandths) < n_windows:
        least, range_ = numbers.choose([(900, 100), (0, 60), (300, 300), (0, 1000)])
        thousandths += [least + numbers.below(range_) for _ in range(1 + numbers.below(24))]
    return n_samples, np.array([n / 1000 for n in thousandths[:n_windows]], dtype=np.float32)


def made_up_rules(seed):
    """Parameters for a made-up recording, and the most samples of a chunk."""
    numbers = Numbers(seed * 7 + 3)
    parameters = {
        "threshold": numbers.choose([0.5, 0.5, 0.3, 0.6, 0.9, 0.1]),
        "neg_threshold": numbers.choose([None, None, 0.35, 0.05, 0.7]),
        "min_speech_duration_ms": numbers.choose([0, 0, 100, 250, 500, 2000]),
        "max_speech_duration_s": numbers.choose([None, 30.0, 5.0, 2.5, 1.3, 0.5, 3.217]),
        "min_silence_duration_ms": numbers.choose([2000, 160, 160, 100, 0, 500, 98, 64]),
        "speech_pad_ms": numbers.choose([400, 400, 0, 30, 200, 1000]),
    }
    return parameters, numbers.choose([None, 30 * RATE, 5 * RATE, RATE])


def run(n_samples, probabilities, parameters, max_samples, n_times):
    """Spans, chunks and times by the reference, with the model's answer given."""
    vad.get_vad_model = lambda: lambda audio: probabilities
    options = {name: value for name, value in parameters.items()
               if name != "max_speech_duration_s" or value is not None}
    audio = np.zeros(n_samples, dtype=np.float32)
    spans = vad.get_speech_timestamps(audio, vad.VadOptions(**options))
    max_seconds = float("inf") if max_samples is None else max_samples / RATE
    pieces, about = vad.collect_chunks(audio, spans, max_duration=max_seconds)
    return {
        "parameters": parameters,
        "max_samples": max_samples,
        "spans": [[span["start"], span["end"]] for span in spans],
        "chunks": [[chunk["offset"], chunk["duration"], len(piece)]
                   for piece, chunk in zip(pieces, about) if len(piece)],
        "times": times(spans, n_times) if spans else [],
    }


def times(spans, n):
    """The map asked at ends of spans and between them."""
    map_ = vad.SpeechTimestampsMap(spans, RATE)
    ends = map_.chunk_end_sample
    asked = [ends[i * len(ends) // n] for i in range(min(n, len(ends)))]
    asked += [ends[-1] * (i + 1) // (n + 1) for i in range(n)] + [ends[-1] + 8000]
    return [[sample, is_end, map_.get_chunk_index(sample / RATE, is_end),
             map_.get_original_time(sample / RATE, is_end=is_end)]
            for sample in asked for is_end in (False, True)]


def decoded(ffmpeg, path):
    """16 kHz mono samples as the worker decodes them."""
    command = [ffmpeg, "-nostdin", "-loglevel", "error", "-threads", "1", "-i", path, "-map", "0:a:0",
               "-ac", "1", "-ar", str(RATE), "-f", "s16le", "pipe:1"]
    raw = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(raw, dtype=np.int16).astype(np.float32) / 32768.0


def main():
    """Writes both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ffmpeg", default=".local/bin/ffmpeg")
    arguments = parser.parse_args()

    model = vad.get_vad_model()

    def probabilities(samples):
        return model(np.pad(samples, (0, WINDOW - len(samples) % WINDOW)))

    recordings = []
    for path in RECORDINGS:
        samples = decoded(arguments.ffmpeg, path)
        found = probabilities(samples)
        recordings.append({
            "file": path,
            "n_samples": len(samples),
            "probabilities": [round(float(p), 6) for p in found],
            "runs": [run(len(samples), found, parameters, max_samples, 4) for parameters, max_samples in RULES],
        })
    whole = decoded(arguments.ffmpeg, RECORDINGS[0])
    cuts = [{"n_samples": n, "last": [round(float(p), 6) for p in probabilities(whole[:n])[-3:]]} for n in CUTS]
    write(arguments.folder / "vad.json", {"recordings": recordings, "cuts": cuts})

    cases = []
    for seed in range(1, 301):
        n_samples, found = made_up(seed)
        cases.append({"seed": seed, **run(n_samples, found, *made_up_rules(seed), 1)})
    write(arguments.folder / "vad-spans.json", cases)


def write(path, value):
    """One recording or case a line."""
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(item, separators=(",", ":")) for item in value) + "\n]\n"
    else:
        text = json.dumps(value, separators=(",", ":")) + "\n"
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
