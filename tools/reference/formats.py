#!/usr/bin/env python3
"""Write what OpenAI whisper's own writers make of a transcript with word times, for the tests of formats.

    formats.py --writers openai-whisper/whisper/utils.py --model .local/models/tiny.en --out FILE.json RECORDING

writes faster-whisper's segments with words and below them, by layout and format, what the writers make of these. The writers
are those of openai-whisper 20250625, whose `whisper/utils.py` needs nothing else of it (`pip download --no-deps
--no-binary openai-whisper openai-whisper` fetches the source). Transcribing needs faster-whisper 1.2.1 (see transcribe.py);
without --model and recording, the transcript that FILE.json holds is written anew.

worker/tests/data/formats.json is of both recordings in samples/ that begin with a and j, with four seconds of silence between:

    ffmpeg -i "samples/jfk inaugural address.flac" -i "samples/meeting room/ami-dev00-start.mp3" -filter_complex \\
        "[0]aresample=16000,apad=pad_dur=4[a];[1]aresample=16000[b];[a][b]concat=n=2:v=0:a=1" -ac 1 joined.flac
"""

import argparse
import importlib.util
import io
import json
import pathlib

# A layout's name, whether the segments have words, and the writers' options.
LAYOUTS = {
    "segments": (False, {}),
    "words": (True, {}),
    "width": (True, {"max_line_width": 24}),
    "width-count": (True, {"max_line_width": 24, "max_line_count": 2}),
    "one-line": (True, {"max_line_width": 42, "max_line_count": 1}),
    "words-per-line": (True, {"max_words_per_line": 4}),
    "highlight": (True, {"highlight_words": True}),
    "highlight-width-count": (True, {"max_line_width": 20, "max_line_count": 2, "highlight_words": True}),
}


def transcript(model: str, path: pathlib.Path) -> dict:
    from faster_whisper import WhisperModel

    whisper = WhisperModel(model, device="cpu", compute_type="float32")
    segments, info = whisper.transcribe(str(path), word_timestamps=True)
    return {
        "language": info.language,
        "segments": [
            {
                "start": round(segment.start, 3),
                "end": round(segment.end, 3),
                "text": segment.text,
                "words": [
                    {
                        "start": round(float(word.start), 3),
                        "end": round(float(word.end), 3),
                        "word": word.word,
                        "probability": round(float(word.probability), 4),
                    }
                    for word in segment.words
                ],
            }
            for segment in segments
        ],
    }


def without_words(result: dict) -> dict:
    segments = [{key: value for key, value in segment.items() if key != "words"} for segment in result["segments"]]
    return {**result, "segments": segments}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--writers", required=True, type=pathlib.Path, help="openai-whisper's whisper/utils.py")
    parser.add_argument("--model", help="model folder, to transcribe with faster-whisper")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="the test's data")
    parser.add_argument("file", nargs="?", type=pathlib.Path, help="recording")
    args = parser.parse_args()
    spec = importlib.util.spec_from_file_location("writers", args.writers)
    writers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writers)

    if args.model:
        result = transcript(args.model, args.file)
    else:
        result = json.loads(args.out.read_text(encoding="utf-8"))["transcript"]
    written = {}
    for layout, (has_words, options) in LAYOUTS.items():
        for extension in ["srt", "vtt"] if has_words else ["txt", "srt", "vtt", "tsv"]:
            out = io.StringIO()
            writer = writers.get_writer(extension, ".")
            writer.write_result(result if has_words else without_words(result), out, options)
            written[f"{layout}.{extension}"] = out.getvalue()
    text = json.dumps({"transcript": result, "written": written}, indent=1, ensure_ascii=False)
    args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
