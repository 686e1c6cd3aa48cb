"""Two transcripts of one recording, compared."""

import difflib
from dataclasses import dataclass
from typing import Optional

from .distance import error_rate, short_diff

# Whisper's timestamps stand 0.02 s apart.
TOLERANCE = 0.02 + 1e-6


@dataclass(frozen=True)
class Times:
    """Differences of the times of what has the same text on both sides."""

    # How many starts and ends were compared, how many could have been.
    compared: int
    possible: int
    within: int
    largest: float

    @property
    def share(self):
        """Share of those compared that differ by at most 0.02 s."""
        return self.within / self.compared if self.compared else 1.0

    @staticmethod
    def sum(parts):
        """All of them together."""
        parts = list(parts)
        return Times(sum(p.compared for p in parts), sum(p.possible for p in parts), sum(p.within for p in parts),
                     max((p.largest for p in parts), default=0.0))


@dataclass(frozen=True)
class Comparison:
    """What is told about a recording."""

    name: str
    seconds: float
    # Why there is nothing to compare; the rest is empty then.
    missing: Optional[str] = None
    # Detected or given, reference's first.
    languages: tuple = ()
    equal: bool = False
    diff: str = ""
    error_rate: float = 0.0
    # How many segments each side has, and how many come from windows that no beam search satisfied.
    segments: tuple = ()
    sampled: tuple = ()
    segment_times: Times = Times(0, 0, 0, 0.0)
    word_times: Times = Times(0, 0, 0, 0.0)


def compare(name, reference, ours):
    """Steno's transcript of a recording beside the reference's."""
    for side, transcript in (("the reference", reference), ("Steno", ours)):
        if transcript is None or "error" in transcript:
            why = "no transcript" if transcript is None else transcript["error"]
            seconds = (reference or {}).get("duration") or (ours or {}).get("duration") or 0.0
            return Comparison(name, seconds, missing=f"{side}: {why}")
    language = reference["language"]
    texts = text(reference), text(ours)
    both = reference["segments"], ours["segments"]
    return Comparison(
        name=name,
        seconds=reference["duration"],
        languages=(language, ours["language"]),
        equal=texts[0] == texts[1],
        diff="" if texts[0] == texts[1] else short_diff(*texts, language) or "only spaces differ",
        error_rate=error_rate(*texts, language),
        segments=tuple(len(segments) for segments in both),
        sampled=tuple(sum((segment.get("temperature") or 0) > 0 for segment in segments) for segments in both),
        segment_times=_times(*both, "text"),
        word_times=_times(*(words(segments) for segments in both), "word"),
    )


def text(transcript):
    """The whole text."""
    return "".join(segment["text"] for segment in transcript["segments"])


def words(segments):
    """All words of all segments."""
    return [word for segment in segments for word in segment.get("words") or ()]


def _times(reference, ours, key):
    a, b = [entry[key] for entry in reference], [entry[key] for entry in ours]
    blocks = ([(0, 0, len(a))] if a == b
              else difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks())
    differences = [
        abs(reference[i + n][edge] - ours[j + n][edge])
        for i, j, size in blocks for n in range(size) for edge in ("start", "end")
    ]
    return Times(len(differences), 2 * max(len(a), len(b)), sum(d <= TOLERANCE for d in differences),
                 max(differences, default=0.0))
