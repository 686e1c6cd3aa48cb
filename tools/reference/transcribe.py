"""The reference's transcripts, in the form of Steno's own."""

from faster_whisper import WhisperModel


class Model(WhisperModel):
    """The reference's model, that tells whether beam search satisfied each window.

    Text of windows that it did not satisfy is drawn at random, and such a window may be left out as silence: no segment
    tells of it then.
    """

    sampled = False

    def generate_with_fallback(self, *args, **kwargs):
        decoded = super().generate_with_fallback(*args, **kwargs)
        temperature = decoded[2]
        self.sampled |= temperature > 0
        return decoded


def arguments(options):
    """Steno's options, which have the reference's names, as arguments of its `transcribe()`.

    What decides how to compute rather than what is left out; so are values that stand for a default.
    """
    arguments = {name: value for name, value in options.items() if name not in ("mode", "compute_type")}
    if not arguments.get("clip_timestamps"):
        arguments.pop("clip_timestamps", None)
    if "vad_filter" in arguments:
        arguments["vad_filter"] = bool(arguments["vad_filter"])
    if "vad_parameters" in arguments:
        given = arguments["vad_parameters"].items()
        arguments["vad_parameters"] = {name: value for name, value in given if value is not None}
    return arguments


def transcribe(model, audio, options):
    """The transcript of a file, or of 16 kHz mono samples, by a `Model`.

    `segments_before_sampling` is there if a window was sampled: so many segments depend on no chance.
    """
    model.sampled = False
    generated, info = model.transcribe(audio, **arguments(options))
    segments, certain = [], None
    for segment in generated:
        # A window's segments come when they are asked for: those of all windows before it are here.
        if model.sampled and certain is None:
            certain = len(segments)
        segments.append(described(segment))
    transcript = {
        "language": info.language,
        "language_probability": info.language_probability,
        "duration": info.duration,
        "duration_after_vad": info.duration_after_vad if options.get("vad_filter") else None,
        "segments": segments,
    }
    if model.sampled:
        transcript["segments_before_sampling"] = len(segments) if certain is None else certain
    return transcript


def described(segment):
    """A segment of the reference in the form of Steno's."""
    values = {
        "start": round(float(segment.start), 3),
        "end": round(float(segment.end), 3),
        "text": segment.text,
        "avg_logprob": float(segment.avg_logprob),
        "no_speech_prob": float(segment.no_speech_prob),
        "compression_ratio": float(segment.compression_ratio),
        "temperature": segment.temperature,
    }
    if segment.words is not None:
        values["words"] = [
            {"start": round(float(word.start), 3), "end": round(float(word.end), 3), "word": word.word,
             "probability": float(word.probability)}
            for word in segment.words
        ]
    return values
