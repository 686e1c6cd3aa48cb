#!/usr/bin/env python3
"""Makes a larger model that writes what a small one writes: large work on a device, with real speech and real text.

    .local/reference/bin/python tools/reference/widen.py MODEL OUT [--times N] [--layers N]

Every vector of the model is repeated N times, so that layer norms see the same mean and variance, and heads the same
queries and keys; weights that read such a vector are divided by N. Layers are added that add nothing. In exact arithmetic
the result is the same, token by token; the work is that of a model so wide and so deep. tiny.en, 3 times, with 32 layers, is
1,152 wide: four fifths of large-v3's multiplications (1,280 wide, 32 and 32 layers).

The layout of model.bin is that of CTranslate2's ModelReader, binary version 6.
"""

import argparse
import pathlib
import re
import shutil
import struct

import numpy

# Types of values, by their numbers in the file, that are repeated; others are settings.
_FLOATS = {0: numpy.float32, 4: numpy.float16}
_SIZES = {0: 4, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2}
# What the last of a block's matrices adds to the stream.
_ADDS = re.compile(r"layer_\d+/(self_attention/linear_1|attention/linear_2|ffn/linear_1)/")


class Reader:
    """Values of a file, one after the other."""

    def __init__(self, data):
        self._data, self._at = data, 0

    def number(self, form):
        (value,) = struct.unpack_from(form, self._data, self._at)
        self._at += struct.calcsize(form)
        return value

    def text(self):
        return self.take(self.number("<H"))[:-1].decode()

    def take(self, n_bytes):
        self._at += n_bytes
        return self._data[self._at - n_bytes:self._at]


def read(path):
    """The head of a model.bin, its variables as name → (shape, type, bytes), its aliases."""
    file = Reader(path.read_bytes())
    version = file.number("<I")
    if version != 6:
        raise SystemExit(f"widen: {path} has binary version {version}, this reads 6")
    head = (version, file.text(), file.number("<I"))
    variables = {}
    for _ in range(file.number("<I")):
        name, rank = file.text(), file.number("<B")
        shape = tuple(file.number("<I") for _ in range(rank))
        kind, n_bytes = file.number("<B"), file.number("<I")
        variables[name] = (shape, kind, file.take(n_bytes))
    aliases = [(file.text(), file.text()) for _ in range(file.number("<I"))]
    return head, variables, aliases


def write(path, head, variables, aliases):
    """The reverse."""
    def text(value):
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    version, spec, revision = head
    with open(path, "wb") as file:
        file.write(struct.pack("<I", version) + text(spec) + struct.pack("<II", revision, len(variables)))
        for name, (shape, kind, data) in variables.items():
            assert len(data) == int(numpy.prod(shape, dtype=numpy.int64)) * _SIZES[kind], name
            file.write(text(name) + struct.pack(f"<B{len(shape)}IBI", len(shape), *shape, kind, len(data)) + data)
        file.write(struct.pack("<I", len(aliases)) + b"".join(text(a) + text(b) for a, b in aliases))


def widened(name, values, times):
    """One variable of the wider model."""
    if name.endswith(("gamma", "beta")):
        # The output matrix is the embeddings' own, which cannot be divided: what it reads is.
        return numpy.tile(values, times) / (times if name.startswith("decoder/layer_norm/") else 1)
    if "embeddings/" in name or "position_encodings/" in name:
        return numpy.tile(values, (1, times))
    # Queries, keys and values that are one matrix are repeated each for itself.
    fused = {"self_attention/linear_0": 3, "attention/linear_1": 2}
    n_parts = next((n for part, n in fused.items() if f"/{part}/" in name), 1)
    if name.endswith("bias"):
        return numpy.concatenate([numpy.tile(part, times) for part in numpy.split(values, n_parts)])
    # [out, in] or, of a convolution, [out, in, width]; the first one reads the spectrogram.
    ins = 1 if name == "encoder/conv1/weight" else times
    more = (1,) * (values.ndim - 2)
    return numpy.concatenate([numpy.tile(part, (times, ins, *more)) for part in numpy.split(values, n_parts)]) / ins


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--layers", type=int, default=32)
    options = parser.parse_args()
    head, variables, aliases = read(options.model / "model.bin")
    wide = {}
    for name, (shape, kind, data) in variables.items():
        if name.endswith("num_heads"):
            heads = numpy.frombuffer(data, {1: numpy.int8, 2: numpy.int16, 3: numpy.int32}[kind]) * options.times
            wide[name] = (shape, kind, heads.astype({1: numpy.int8, 2: numpy.int16, 3: numpy.int32}[kind]).tobytes())
        elif kind in _FLOATS and shape:
            values = numpy.frombuffer(data, _FLOATS[kind]).reshape(shape).astype(numpy.float32)
            values = widened(name, values, options.times).astype(_FLOATS[kind])
            wide[name] = (values.shape, kind, values.tobytes())
        else:
            wide[name] = (shape, kind, data)
    first = {name: value for name, value in wide.items() if "/layer_0/" in name}
    for side in ("encoder", "decoder"):
        n_layers = len({name.split("/")[1] for name in wide if name.startswith(f"{side}/layer_") and "_norm" not in name.split("/")[1]})
        for layer in range(n_layers, options.layers):
            for name, (shape, kind, data) in first.items():
                if name.startswith(side):
                    data = bytes(len(data)) if _ADDS.search(name) else data
                    wide[name.replace("/layer_0/", f"/layer_{layer}/")] = (shape, kind, data)
    options.out.mkdir(parents=True)
    for path in options.model.iterdir():
        if path.name != "model.bin" and path.is_file():
            shutil.copy(path, options.out)
    write(options.out / "model.bin", head, wide, aliases)


if __name__ == "__main__":
    main()
