#!/usr/bin/env python3
"""Write what the reference makes of the repository's recordings, for `worker/tests/sequential/`: `make reference-data`.

    .local/reference/bin/python tools/reference/recordings.py

One file a model: worker/tests/data/reference/MODEL.json, with every recording of samples/ in all three modes, default
options, float32, one thread (which no result may depend on, but sampling does).
"""

import json
from pathlib import Path

import ctranslate2
import faster_whisper
from faster_whisper import decode_audio
from run import MODES, Reference

REPOSITORY = Path(__file__).resolve().parents[2]
EXTENSIONS = (".flac", ".m4a", ".mp3", ".opus", ".wav")


def main():
    folder = REPOSITORY / "samples"
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in EXTENSIONS)
    for model in ("tiny.en", "base"):
        reference = Reference(REPOSITORY / ".local/models" / model, "float32", threads=1)
        recordings = {}
        for name in names:
            path = folder / name
            recordings[name] = {"n_samples": len(decode_audio(str(path)))}
            recordings[name] |= {mode: reference.transcribe(path, mode) for mode in MODES}
        made_by = f"faster-whisper {faster_whisper.__version__}, CTranslate2 {ctranslate2.__version__}, float32"
        text = _lines({"made_by": made_by, "recordings": recordings})
        out = REPOSITORY / "worker/tests/data/reference" / f"{model}.json"
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
        print(out.relative_to(REPOSITORY))


def _lines(value, indent=""):
    """JSON with a line for each value that holds no object itself, so that changes can be read."""
    if isinstance(value, dict) and any(isinstance(inner, (dict, list)) for inner in value.values()):
        inner = (f'{indent} {json.dumps(key, ensure_ascii=False)}: {_lines(entry, indent + " ")}'
                 for key, entry in value.items())
        return "{\n" + ",\n".join(inner) + "\n" + indent + "}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"{indent} {_lines(entry, indent + ' ')}" for entry in value) + "\n" + indent + "]"
    return json.dumps(_rounded(value), ensure_ascii=False)


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    return round(value, 6) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
