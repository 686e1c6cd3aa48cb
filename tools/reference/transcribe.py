#!/usr/bin/env python3
"""Transcribe files with faster-whisper 1.2.1 (sequential mode) and write one JSON file each.

The counterpart of `cargo run -p steno-worker --example transcribe`: the same options give files of the
same form, which `compare.py` sets side by side. Needs a virtual environment with

    pip install faster-whisper==1.2.1 ctranslate2==4.8.4

The model is loaded anew for each file: with --seed both programs then draw the same random numbers at
temperatures above 0, so that even windows which needed sampling can be compared.
"""

import argparse
import json
import pathlib
import sys
import time

import ctranslate2
from faster_whisper import WhisperModel, decode_audio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="model folder")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder for the JSON files")
    parser.add_argument("--language")
    parser.add_argument("--task", default="transcribe")
    parser.add_argument("--compute-type", default="float32")
    parser.add_argument("--initial-prompt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    args = parser.parse_args()

    ctranslate2.set_random_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.files:
        model = WhisperModel(
            args.model, device="cpu", compute_type=args.compute_type, cpu_threads=args.threads
        )
        samples = decode_audio(str(path))
        begin = time.monotonic()
        segments, info = model.transcribe(
            samples,
            language=args.language,
            task=args.task,
            initial_prompt=args.initial_prompt,
        )
        segments = list(segments)
        result = {
            "filename": path.name,
            "language": info.language,
            "language_probability": info.language_probability,
            "duration": info.duration,
            "segments": [
                {
                    "start": round(segment.start, 3),
                    "end": round(segment.end, 3),
                    "text": segment.text,
                    "avg_logprob": segment.avg_logprob,
                    "no_speech_prob": segment.no_speech_prob,
                    "compression_ratio": segment.compression_ratio,
                    "temperature": segment.temperature,
                }
                for segment in segments
            ],
        }
        print(f"{path.name}: {time.monotonic() - begin:.2f} s", file=sys.stderr)
        text = json.dumps(result, indent=2, ensure_ascii=False)
        (args.out / f"{path.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
