#!/usr/bin/env python3
"""Print what faster-whisper 1.2.1 makes of words and their times, as JSON for `worker/tests/words.rs`.

    python tools/reference/words.py splits > worker/tests/data/word-splits.json
    python tools/reference/words.py speech > worker/tests/data/word-speech.json
    python tools/reference/words.py made [CASES] > worker/tests/data/word-made.json

`splits`: tokens of made texts, and of bytes at random, split into words. Needs the models of `make setup`.
`speech`: windows of real recordings: alignments, words before and after they are placed.
`made`: windows of made words, placed and judged. They come from integers, so that Rust makes the same: only what the
reference makes of them is kept.
"""

import ast
import copy
import inspect
import json
import pathlib
import sys
import textwrap

import numpy as np
from faster_whisper import WhisperModel, decode_audio
from faster_whisper import transcribe as reference
from faster_whisper.tokenizer import Tokenizer
from tokenizers import Tokenizer as TextTokenizer

ROOT = pathlib.Path(__file__).parents[2]
MODELS = ROOT / ".local/models"
PREPENDED = "\"'“¿([{-"
APPENDED = "\"'.。,，!！?？:：”)]}、"


class Random:
    """A linear congruential generator."""

    def __init__(self, seed: int):
        self.state = seed

    def below(self, n: int) -> int:
        self.state = (self.state * 1103515245 + 12345) % 2**31
        return (self.state >> 12) % n


# Splits

TEXTS = [
    ("en", " And so, my fellow Americans: ask not... (what) \"your country\" can do -- for you!"),
    ("en", " It's 3.14%, e.g. at www.example.org/a_b?c=d&e; O'Neill's co-op [applause] {x} <y> 😀👍🏽!"),
    ("en", "  two  spaces\tand a tab\n\nlines\x1c\x1dseparators \u00a0no-break\u3000wide "),
    ("fr", " L'été où « Zoë » naïve a mangé des œufs à Genève – 12 €…"),
    ("de", " Grüß Gott! Größe 5½, „schön“, Straße; ΑΒΓ и кириллица."),
    ("es", " ¿Qué tal? ¡Mañana será otro día!"),
    ("ar", " السلام عليكم ورحمة الله، كيف حالك؟"),
    ("hi", " नमस्ते दुनिया, क्या हाल है? हाँ।"),
    ("ko", " 안녕하세요, 만나서 반갑습니다."),
    ("zh", "我認為跑步最重要的就是給我帶來了身體健康。你好，世界！𠮷野家"),
    ("yue", "我哋今日去飲茶，好唔好呀？"),
    ("ja", "こんにちは、世界。東京タワーは333メートルです「はい」"),
    ("th", "สวัสดีครับ ยินดีที่ได้รู้จัก"),
    ("lo", "ສະບາຍດີ ຂອບໃຈ"),
    ("my", "မင်္ဂလာပါ ကျေးဇူးတင်ပါတယ်"),
    ("zh", " Mixed 中文 and English, 100%。"),
    ("en", ""),
]


def splits() -> None:
    cases = []
    for model, multilingual in [("tiny.en", False), ("base", True)]:
        tokens_of = TextTokenizer.from_file(str(MODELS / model / "tokenizer.json"))
        for language, text in TEXTS:
            # English-only models split as English, whatever the language.
            if multilingual or language == "en":
                tokenizer = Tokenizer(tokens_of, multilingual, "transcribe", language)
                cases.append(split(model, tokenizer, language, tokenizer.encode(text)))
        random = Random(11)
        for number in range(120):
            language = ["en", "ja"][number % 2] if multilingual else "en"
            tokenizer = Tokenizer(tokens_of, multilingual, "transcribe", language)
            tokens = [byte_or_token(random) for _ in range(random.below(9))]
            cases.append(split(model, tokenizer, language, tokens))
    print_cases(cases)


# Bytes in the order of their tokens: printable ones first.
BYTES = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES += sorted(set(range(256)) - set(BYTES))
# Beginnings, middles and ends of characters, and what is neither.
PARTS = b"\xe4\xbd\xa0\xf0\x9f\x98\x80\xc3\xa9\xef\xbf\xbd\xff a,"


def byte_or_token(random: Random) -> int:
    if random.below(5):
        return BYTES.index(PARTS[random.below(len(PARTS))])
    return random.below(50000)


def split(model: str, tokenizer: Tokenizer, language: str, tokens: list[int]) -> dict:
    words, word_tokens = tokenizer.split_to_word_tokens(tokens + [tokenizer.eot])
    whole = sum(word_tokens, []) == tokens + [tokenizer.eot] and word_tokens[-1] == [tokenizer.eot]
    return {
        "model": model,
        "language": language,
        "tokens": tokens,
        # Null where the reference drops tokens after bytes that are no character.
        "words": [list(pair) for pair in zip(words, word_tokens)][:-1] if whole else None,
    }


# Speech

RECORDINGS = [
    ("tiny.en", "samples/jfk inaugural address.flac", False),
    ("tiny.en", "samples/meeting room/ami-dev00-start.mp3", True),
    ("base", "samples/jfk inaugural address.flac", True),
    ("base", "samples/meeting room/ami-dev01.opus", False),
]


def speech() -> None:
    windows = []
    for name, path, short_windows in RECORDINGS:
        model = WhisperModel(str(MODELS / name), device="cpu", compute_type="float32", cpu_threads=2)
        recorder = Recorder(model)
        # Clips make several windows of a short recording.
        clips = [0, 7.5, 7.5, 11] if short_windows else "0"
        samples = decode_audio(str(ROOT / path))
        list(model.transcribe(samples, language="en", word_timestamps=True, clip_timestamps=clips)[0])
        for window in recorder.windows:
            windows.append({"model": name, "recording": path, **window})
    print_cases(windows)


class Recorder:
    """Notes each window that words are found for."""

    def __init__(self, model: WhisperModel):
        self.windows = []
        self.find_alignment = model.find_alignment
        self.add_word_timestamps = model.add_word_timestamps
        self.engine_align = model.model.align
        self.alignment = None
        model.model = Engine(model.model, self)
        model.find_alignment = self.note_alignment
        model.add_word_timestamps = self.note_words

    def note_alignment(self, *arguments, **named):
        found = self.find_alignment(*arguments, **named)
        self.found = copy.deepcopy(found[0])
        return found

    def note_words(self, windows, tokenizer, encoded, n_frames, prepended, appended, last_speech_timestamp):
        drafts = [{key: s[key] for key in ("seek", "start", "end", "tokens")} for s in windows[0]]
        end = self.add_word_timestamps(
            windows, tokenizer, encoded, n_frames, prepended, appended, last_speech_timestamp
        )
        self.windows.append(
            {
                "n_frames": n_frames,
                "start_sequence": tokenizer.sot_sequence,
                "language": tokenizer.language_code,
                "drafts": drafts,
                "steps": steps(self.alignment.alignments),
                "probabilities": [round(float(p), 7) for p in self.alignment.text_token_probs],
                "aligned": [[w["word"], w["tokens"], *numbers(w)] for w in self.found],
                "last_speech": float(last_speech_timestamp),
                "segments": [segment(s) for s in windows[0]],
                "speech_end": float(end),
            }
        )
        return end


class Engine:
    """The engine, with its alignments noted."""

    def __init__(self, engine, recorder: Recorder):
        self.engine = engine
        self.recorder = recorder

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def align(self, *arguments, **named):
        results = self.engine.align(*arguments, **named)
        self.recorder.alignment = results[0]
        return results


def steps(path: list) -> list:
    """First and last step of each token."""
    runs = {}
    for token, step in path:
        runs.setdefault(token, [step, step])[1] = step
    assert [(t, s) for t, (a, b) in runs.items() for s in range(a, b + 1)] == path
    return list(runs.values())


# Made words

WORDS = [
    " hello", " a", " World", "你", "好", "ing", " \"", "\"", "'", ".", ",", "?", "!", "。", "！", "，", "...", " (", ")",
    " ", "", " -", "-", " “", "”", " [\"", ".\"", " ¿", ":", " word ", "?!", ".。",
]  # fmt: skip
EOT = 1000


def made() -> None:
    n_cases = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    is_anomaly = segment_judge()
    print_cases([place(number, is_anomaly) for number in range(n_cases)])


def place(number: int, is_anomaly) -> dict:
    random = Random(number)
    windows, alignments = [], []
    for _ in range(1 + random.below(3)):
        drafts, words = made_window(random)
        windows.append(drafts)
        alignments.append(words)
    model = WhisperModel.__new__(WhisperModel)
    model.frames_per_second = 100
    model.find_alignment = lambda *_: alignments
    tokenizer = type("Made", (), {"eot": EOT})
    last_speech = random.below(1000) / 50
    end = model.add_word_timestamps(windows, tokenizer, None, None, PREPENDED, APPENDED, last_speech)
    return {
        "windows": [[segment(s) for s in window] for window in windows],
        "speech_end": float(end),
        "anomalies": [[bool(is_anomaly(s)) for s in window] for window in windows],
    }


def made_window(random: Random) -> tuple[list, list]:
    """Segments, and the aligned words that spell most of their tokens."""
    seek = random.below(4000)
    words, step, token = [], random.below(50), 0
    # Words that last long, or no time at all, are what the rules are for.
    longest = [5, 20, 80, 300][random.below(4)]
    for _ in range(random.below(25)):
        n_tokens = 1 + random.below(3)
        end = step + [0, random.below(longest), random.below(longest), random.below(20)][random.below(4)]
        words.append(
            {
                "word": WORDS[random.below(len(WORDS))],
                "tokens": list(range(token, token + n_tokens)),
                "start": np.float64(step) / 50,
                "end": np.float64(end) / 50,
                "probability": np.float64(random.below(64)) / 64,
            }
        )
        step, token = end, token + n_tokens
    drafts, done, start = [], 0, seek / 100
    while done < token or not drafts:
        # At times a segment without text.
        n_tokens = min(random.below(9), token - done)
        tokens = [EOT + 5, *range(done, done + n_tokens), EOT + 6]
        done += n_tokens
        end = start + random.below(150) / 50
        drafts.append({"seek": seek, "start": start, "end": end, "tokens": tokens})
        start = end + [0, random.below(100) / 50][random.below(2)]
    if random.below(10) == 0:
        words = []
    return drafts, words


def segment_judge():
    """`is_segment_anomaly`, which the reference keeps within `generate_segments`."""
    source = textwrap.dedent(inspect.getsource(reference.WhisperModel.generate_segments))
    wanted = {"word_anomaly_score", "is_segment_anomaly"}
    parts = [
        node
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.FunctionDef) and node.name in wanted)
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "punctuation")
    ]
    scope = dict(vars(reference))
    exec(compile(ast.Module(parts, []), "generate_segments", "exec"), scope)
    return scope["is_segment_anomaly"]


# Output


def numbers(word: dict) -> list[float]:
    return [float(word["start"]), float(word["end"]), float(word["probability"])]


def segment(placed: dict) -> dict:
    return {
        "start": float(placed["start"]),
        "end": float(placed["end"]),
        "words": [[w["word"], *numbers(w)] for w in placed["words"]],
    }


def print_cases(cases: list) -> None:
    rows = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    print(f"[\n{rows}\n]")


if __name__ == "__main__":
    {"splits": splits, "speech": speech, "made": made}[sys.argv[1]]()
