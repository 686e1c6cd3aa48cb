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
import numpy as np
from faster_whisper import WhisperModel, decode_audio


def arguments(options: dict) -> dict:
    """Steno's options, which have the reference's names, as arguments of its `transcribe()`.

    What decides how to compute rather than what is left out; so are values that stand for a default.
    """
    arguments = {name: value for name, value in options.items() if name not in ("mode", "compute_type")}
    if "temperatures" in arguments:
        arguments["temperature"] = arguments.pop("temperatures")
    if not arguments.get("clip_timestamps"):
        arguments.pop("clip_timestamps", None)
    if "vad_filter" in arguments:
        arguments["vad_filter"] = bool(arguments["vad_filter"])
    if "vad_parameters" in arguments:
        given = arguments["vad_parameters"].items()
        arguments["vad_parameters"] = {name: value for name, value in given if value is not None}
    return arguments


def rounded(word) -> dict:
    return {
        "start": round(word.start, 3),
        "end": round(word.end, 3),
        "word": word.word,
        "probability": float(word.probability),
    }


def transcribe(model: WhisperModel, samples: np.ndarray, options: dict) -> dict:
    """The reference's transcript of 16 kHz mono samples, in Steno's form."""
    segments, info = model.transcribe(samples, **arguments(options))
    segments = [
        {
            "start": round(segment.start, 3),
            "end": round(segment.end, 3),
            "text": segment.text,
            "avg_logprob": segment.avg_logprob,
            "no_speech_prob": segment.no_speech_prob,
            "compression_ratio": segment.compression_ratio,
            "temperature": segment.temperature,
        }
        | ({} if segment.words is None else {"words": [rounded(word) for word in segment.words]})
        for segment in segments
    ]
    return {
        "language": info.language,
        "language_probability": info.language_probability,
        "duration": info.duration,
        "duration_after_vad": info.duration_after_vad if options.get("vad_filter") else None,
        "segments": segments,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True, help="model folder")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="folder for the JSON files")
    parser.add_argument("--options", type=pathlib.Path, help="JSON object of options by their names")
    parser.add_argument("--language")
    parser.add_argument("--task")
    parser.add_argument("--compute-type", default="float32")
    parser.add_argument("--initial-prompt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    args = parser.parse_args()

    options = json.loads(args.options.read_text(encoding="utf-8")) if args.options else {}
    given = {"language": args.language, "task": args.task, "initial_prompt": args.initial_prompt}
    options |= {name: value for name, value in given.items() if value is not None}

    ctranslate2.set_random_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    for path in args.files:
        model = WhisperModel(
            args.model, device="cpu", compute_type=args.compute_type, cpu_threads=args.threads
        )
        begin = time.monotonic()
        result = {"filename": path.name} | transcribe(model, decode_audio(str(path)), options)
        print(f"{path.name}: {time.monotonic() - begin:.2f} s", file=sys.stderr)
        text = json.dumps(result, indent=2, ensure_ascii=False)
        (args.out / f"{path.name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
