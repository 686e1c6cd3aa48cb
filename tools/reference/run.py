#!/usr/bin/env python3
"""One process of the reference: load a model once, transcribe file after file, write texts and timings.

    .local/reference/bin/python tools/reference/run.py JOB.json

The job: {"model": FOLDER, "compute_type": NAME, "device": "cpu" | "cuda", "threads": N, "mode": "sequential" | "words" | "batched",
"language": CODE | null, "batch_size": N | null, "temperature": T | null, "seed": N, "files": [[NAME, PATH], …], "out": FILE}.
"""

import json
import pathlib
import sys
import time

# Before the imports that take their time: a user of the library waits for them too.
STARTED = time.time()

import ctranslate2  # noqa: E402
from faster_whisper import BatchedInferencePipeline  # noqa: E402
from transcribe import Model, described, transcribe  # noqa: E402

MODES = ("sequential", "words", "batched")


class Reference:
    """faster-whisper with its own defaults."""

    def __init__(self, model, compute_type, device, threads, seed=1):
        ctranslate2.set_random_seed(seed)
        self._model = Model(str(model), device=device, compute_type=compute_type, cpu_threads=threads)
        self._batched = BatchedInferencePipeline(self._model)

    def transcribe(self, path, mode, language=None, batch_size=None, temperature=None):
        """The transcript of one file, in the form of Steno's own. `batch_size` and `temperature` None are its defaults."""
        given = {} if temperature is None else {"temperature": [temperature]}
        if mode != "batched":
            return transcribe(self._model, str(path), {"language": language, "word_timestamps": mode == "words", **given})
        if batch_size is not None:
            given["batch_size"] = batch_size
        segments, info = self._batched.transcribe(str(path), language=language, **given)
        return {
            "language": info.language,
            "language_probability": info.language_probability,
            "duration": info.duration,
            "segments": [described(segment) for segment in segments],
        }


def main(job):
    """Does the job; a file that the reference cannot read is noted with its error."""
    loading = time.time()
    reference = Reference(job["model"], job["compute_type"], job["device"], job["threads"], job["seed"])
    loaded = time.time()
    files = {}
    for name, path in job["files"]:
        began = time.monotonic()
        try:
            files[name] = reference.transcribe(path, job["mode"], job["language"], job["batch_size"],
                                               job["temperature"])
        except Exception as error:  # whatever it raises for a bad file is its result for that file
            files[name] = {"error": f"{type(error).__name__}: {error}"}
        files[name]["wall_seconds"] = time.monotonic() - began
    result = {"started": STARTED, "loading_seconds": loaded - loading, "loaded": loaded, "files": files}
    pathlib.Path(job["out"]).write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
