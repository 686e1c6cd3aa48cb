#!/usr/bin/env python3
"""Print log-mel values of faster-whisper 1.2.1 for a made-up signal, as JSON for `worker/tests/features.rs`.

    python tools/reference/features.py > worker/tests/data/log-mel.json

The signal is made of integers, so that Rust makes the same: a chirp that grows louder, with noise from a
linear congruential generator. One value in 7 is kept, to keep the file small.
"""

import json

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor


def signal(length: int) -> np.ndarray:
    state = 1
    samples = []
    for n in range(length):
        state = (state * 1103515245 + 12345) % 2**31
        noise = (state >> 16) % 201 - 100
        triangle = abs((n * n // 4000) % 200 - 100) - 50
        samples.append(triangle * (n % 5000) // 20 + noise)
    return np.array(samples, dtype=np.int16)


def main() -> None:
    cases = []
    for n_mels, length in [(80, 8000), (128, 8000), (80, 1), (80, 250), (80, 0)]:
        samples = signal(length).astype(np.float32) / 32768.0
        mel = FeatureExtractor(feature_size=n_mels)(samples)
        values = [round(float(x), 6) for x in mel.flatten()[::7]]
        cases.append({"n_mels": n_mels, "samples": length, "frames": mel.shape[1], "every_7th": values})
    print(json.dumps(cases))


if __name__ == "__main__":
    main()
