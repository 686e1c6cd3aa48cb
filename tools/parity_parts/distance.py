"""How far two texts are from each other."""

import difflib
import unicodedata

# Written without spaces between words: characters are counted there instead.
WITHOUT_SPACES = frozenset(("zh", "ja", "th", "lo", "my", "yue", "km", "bo"))
_SHOWN_DIFFERENCES = 4


def units(text, language):
    """What is compared: words, or characters, without case and punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(" " if unicodedata.category(c)[0] in "PSZC" and c not in "'’" else c for c in folded)
    words = [word for word in (word.strip("'’") for word in kept.split()) if word]
    return list("".join(words)) if language in WITHOUT_SPACES else words


def error_rate(reference, other, language):
    """Word error rate of `other`, or character error rate for languages without spaces; 1.0 is 100%."""
    expected, given = units(reference, language), units(other, language)
    return distance(expected, given) / max(1, len(expected))


def distance(a, b):
    """Levenshtein distance of two lists, in time that grows with the product of length and distance.

    E. Ukkonen, "Algorithms for approximate string matching", 1985: the furthest row that e edits reach on each diagonal.
    """
    difference = len(b) - len(a)

    def slide(row, diagonal):
        while row < len(a) and row + diagonal < len(b) and a[row] == b[row + diagonal]:
            row += 1
        return row

    reached, edits = {0: slide(0, 0)}, 0
    while reached.get(difference, -1) < len(a):
        edits += 1
        further = {}
        for diagonal in range(max(-edits, -len(a)), min(edits, len(b)) + 1):
            row = max(
                reached.get(diagonal, -2) + 1,  # one for another
                reached.get(diagonal - 1, -1),  # one more in b
                reached.get(diagonal + 1, -2) + 1,  # one less in b
            )
            row = min(row, len(a), len(b) - diagonal)
            if row >= max(0, -diagonal):
                further[diagonal] = slide(row, diagonal)
        reached = further
    return edits


def short_diff(reference, other, language):
    """The first differences, as `[-reference-]` and `{+other+}` with a word before each; empty if only spaces differ."""
    split = list if language in WITHOUT_SPACES else str.split
    glue = "" if language in WITHOUT_SPACES else " "
    a, b = split(reference), split(other)
    pieces = []
    for kind, a0, a1, b0, b1 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        gone, come = _shortened(a[a0:a1], glue), _shortened(b[b0:b1], glue)
        pieces.append(glue.join(a[max(0, a0 - 1):a0]) + (f" [-{gone}-]" if gone else "") + (f" {{+{come}+}}" if come else ""))
    more = f" … and {len(pieces) - _SHOWN_DIFFERENCES} more" if len(pieces) > _SHOWN_DIFFERENCES else ""
    return "; ".join(piece.strip() for piece in pieces[:_SHOWN_DIFFERENCES]) + more


def _shortened(items, glue):
    return glue.join(items) if len(items) <= 12 else f"{glue.join(items[:6])} … {glue.join(items[-3:])}"
