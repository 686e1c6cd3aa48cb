"""The report, as Markdown."""

from .transcripts import Times

# With more recordings than this, only those are listed that differ.
_ROWS_MAX = 12
_NONE = "–"


def head(steno_version, build, reference_version, compute_type, machine):
    """What was compared, on what."""
    return (f"{steno_version} ({build}) and {reference_version}, {compute_type}, on {machine}; one after the other on the "
            "same cores, all options at their defaults unless named. Ratios are Steno ÷ reference: below 1 is better.\n")


def speed(rows):
    """Wall, processor time, memory and start of each run: rows of (model, mode, recordings, seconds, reference, ours)."""
    with_gpu = any(ours.measured.gpu_peak_bytes for *_, ours in rows)
    lines = [
        "| model | mode | recordings, audio | wall s | ratio | after loading s | ratio | CPU s | ratio | peak memory MB | ratio "
        + ("| GPU memory MB | ratio " if with_gpu else "") + "| start to first window s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|" + ("---|---|" if with_gpu else ""),
    ]
    for model, mode, count, seconds, reference, ours in rows:
        a, b = reference.measured, ours.measured
        memory = (None, None) if None in (a.peak_bytes, b.peak_bytes) else (a.peak_bytes / 1e6, b.peak_bytes / 1e6)
        lines.append(
            f"| {model} | {mode} | {count}, {_length(seconds)} | {_pair(a.wall_seconds, b.wall_seconds)}"
            f" | {_pair(reference.working_seconds, ours.working_seconds)} | {_pair(a.cpu_seconds, b.cpu_seconds)}"
            f" | {_pair(*memory, digits=0)}{_gpu(a, b) if with_gpu else ''} | {_number(reference.first_window_seconds)} / {_number(ours.first_window_seconds)} |"
        )
    return "\n".join(lines) + (
        "\n\nEach cell: reference / Steno. Wall is the whole process, start and loading included; memory is that of all its "
        "processes, shared pages counted once. First window: the reference's model is loaded; a worker of Steno begins with a "
        "recording, or has claimed one where its log tells no more.\n"
    )


def _gpu(reference, ours):
    peaks = (reference.gpu_peak_bytes, ours.gpu_peak_bytes)
    return " | " + _pair(*((None, None) if None in peaks else (peak / 1e6 for peak in peaks)), digits=0)


def exact(model, mode, language, comparisons):
    """Sequential modes, where the text must be the reference's own."""
    with_words = mode == "words"
    lines = [_title(model, mode, language), exact_summary(comparisons, with_words), ""]
    head = ["| recording | s | text | error rate | segments | sampled | segment times: largest s |"
            + (" words within 0.02 s | largest s |" if with_words else ""),
            "|---|---|---|---|---|---|---|" + ("---|---|" if with_words else "")]
    interesting = [c for c in comparisons if c.missing or not c.equal or c.segment_times.share < 1
                   or c.word_times.share < 0.95]
    shown = comparisons if len(comparisons) <= _ROWS_MAX else interesting
    lines += head if shown else []
    for c in shown:
        if c.missing:
            lines.append(f"| {_cell(c.name)} | {c.seconds:.1f} | {_cell(c.missing)} | | | | |" + (" | |" if with_words else ""))
            continue
        lines.append(
            f"| {_cell(c.name)} | {c.seconds:.1f} | {'same' if c.equal else 'differs'}{_languages(c)}"
            f" | {_percent(c.error_rate)} | {c.segments[0]} / {c.segments[1]} | {c.sampled[0]} / {c.sampled[1]}"
            f" | {_largest(c.segment_times)} |"
            + (f" {_share(c.word_times)} | {_largest(c.word_times)} |" if with_words else "")
        )
    if len(shown) < len(comparisons):
        lines.append(("\n" if shown else "") + f"Not listed: {len(comparisons) - len(shown)} recordings with the same text and times.")
    lines += _differences((c.name, c.diff) for c in comparisons if c.diff)
    return "\n".join(lines) + "\n"


def exact_summary(comparisons, with_words):
    """One sentence on all recordings."""
    heard = [c for c in comparisons if not c.missing]
    same = [c for c in heard if c.equal]
    drawn = [c for c in heard if not c.equal and any(c.sampled)]
    text = f"Text the same in {len(same)} of {len(comparisons)} recordings"
    if len(same) < len(heard):
        text += f", {len(drawn)} of the others sampled; largest error rate {_percent(max(c.error_rate for c in heard))}"
    segments = Times.sum(c.segment_times for c in heard)
    text += f". Segment times: {_share(segments)} within 0.02 s, largest {_largest(segments)}"
    if with_words:
        words = Times.sum(c.word_times for c in heard)
        text += f". Word times: {_share(words)} within 0.02 s, largest {_largest(words)}"
    return text + "."


def batched(model, mode, language, pairs):
    """Batched mode, both sides beside the reference's sequential text: pairs of comparisons (reference's, Steno's)."""
    lines = [_title(model, mode, language), batched_summary(pairs), ""]
    head = ["| recording | s | error rate: reference batched | Steno batched | no worse | segments | sampled |",
            "|---|---|---|---|---|---|---|"]
    interesting = [pair for pair in pairs if any(c.missing for c in pair) or pair[0].error_rate or pair[1].error_rate]
    shown = pairs if len(pairs) <= _ROWS_MAX else interesting
    lines += head if shown else []
    for theirs, ours in shown:
        rates = [c.missing or _percent(c.error_rate) + _languages(c) for c in (theirs, ours)]
        counts = [c.segments[1] if c.segments else _NONE for c in (theirs, ours)]
        sampled = [c.sampled[1] if c.sampled else _NONE for c in (theirs, ours)]
        lines.append(f"| {_cell(ours.name)} | {ours.seconds:.1f} | {_cell(rates[0])} | {_cell(rates[1])}"
                     f" | {'yes' if _no_worse(theirs, ours) else 'no'} | {counts[0]} / {counts[1]}"
                     f" | {sampled[0]} / {sampled[1]} |")
    if len(shown) < len(pairs):
        lines.append(("\n" if shown else "") + f"Not listed: {len(pairs) - len(shown)} recordings where both have the yardstick's words.")
    lines += _differences((ours.name, ours.diff) for theirs, ours in pairs if ours.diff and not _no_worse(theirs, ours))
    return "\n".join(lines) + "\n"


def batched_summary(pairs):
    """One sentence on all recordings."""
    both = [pair for pair in pairs if not any(c.missing for c in pair)]
    mean = [sum(pair[side].error_rate for pair in both) / max(1, len(both)) for side in (0, 1)]
    return (f"Yardstick: the reference's sequential text. Steno no worse in {sum(_no_worse(*p) for p in pairs)} of {len(pairs)} "
            f"recordings; mean error rate: reference batched {_percent(mean[0])}, Steno batched {_percent(mean[1])}.")


def _no_worse(theirs, ours):
    return not ours.missing and (bool(theirs.missing) or ours.error_rate <= theirs.error_rate + 1e-9)


def _title(model, mode, language):
    return f"### {model}, {mode}, language {language or 'detected'}\n"


def _differences(pairs):
    notes = [f"- {_cell(name)}: {_cell(diff)}" for name, diff in pairs]
    return ["", "Differences, as [-reference-] {+Steno+}:", "", *notes] if notes else []


def _languages(comparison):
    first, second = comparison.languages or ("", "")
    return "" if first == second else f" ({first} / {second})"


def _pair(a, b, digits=1):
    if a is None or b is None:
        return f"{_NONE} | {_NONE}"
    return f"{a:.{digits}f} / {b:.{digits}f} | {b / a:.2f}" if a > 0 else f"{a:.{digits}f} / {b:.{digits}f} | {_NONE}"


def _number(value):
    return _NONE if value is None else f"{value:.1f}"


def _percent(share):
    return "0" if share == 0 else f"{100 * share:.1f}%"


def _share(times):
    if not times.possible:
        return _NONE
    unmatched = "" if times.compared == times.possible else f" (of {times.compared} / {times.possible} that match)"
    return f"{100 * times.share:.1f}%{unmatched}"


def _largest(times):
    return f"{times.largest:.2f}" if times.compared else _NONE


def _length(seconds):
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")
