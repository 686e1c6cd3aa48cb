#!/usr/bin/env python3
"""Print the token ids that faster-whisper 1.2.1 suppresses by default for a model folder, as JSON.

    python tools/reference/suppressed.py .local/models/tiny.en > worker/tests/data/suppressed-tiny.en.json
"""

import json
import sys

import tokenizers
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_suppressed_tokens

multilingual = not sys.argv[1].rstrip("/").endswith(".en")
tokenizer = Tokenizer(
    tokenizers.Tokenizer.from_file(sys.argv[1] + "/tokenizer.json"), multilingual, "transcribe", "en"
)
print(json.dumps(get_suppressed_tokens(tokenizer, [-1])))
