"""What schemathesis sends as weights: what libraries write, whole, cut or with a byte changed.

Loaded by schemathesis itself (SCHEMATHESIS_HOOKS), which knows none of these media types.
"""

import gzip
import itertools

import numpy as np
import schemathesis
from hypothesis import strategies as st

import protocol
from libraries import FORMATS, to_fedwt

ARRAYS = {"layer": np.array([[0.25, -1.5, 2], [0, 1, -0.0]], np.float32)}
SEVERAL = {**ARRAYS, "bias": np.arange(5, dtype=np.int64), "mask": np.array([True, False])}
SPARSE = {"layer": np.eye(12, dtype=np.float32)}

WRITTEN = {
    "application/vnd.fedwt": ("binary_custom", "binary_custom, coo", "binary_custom, pickled"),
    "application/x-numpy-pickle": ("numpy_pickle",),
    "application/x-protobuf": ("protobuf",),
    "application/vnd.msgpack": ("msgpack",),
    "application/x-npy": ("npy",),
    "application/x-npz": ("npz, stored", "npz, deflated"),
    "application/zip": ("npz, stored", "npz, deflated"),
    "application/vnd.safetensors": ("safetensors",),
}


def bodies(names):
    """What the formats' libraries write."""
    for name in names:
        format = FORMATS[name]
        for arrays in (ARRAYS, SEVERAL, SPARSE):
            if arrays is not SEVERAL or not format.single:
                yield format.write(arrays)


@st.composite
def damaged(draw, whole):
    """One of the bodies with a byte changed, or without its end."""
    body = bytearray(draw(whole))
    place = draw(st.integers(0, len(body) - 1))
    if draw(st.booleans()):
        return bytes(body[:place])
    body[place] ^= draw(st.integers(1, 255))
    return bytes(body)


def register(media, bodies):
    whole = st.sampled_from(bodies)
    schemathesis.openapi.media_type(media, st.one_of(whole, damaged(whole), st.binary(max_size=64)))


for media, names in WRITTEN.items():
    register(media, list(bodies(names)))
PACKAGES = [protocol.package(to_fedwt(SEVERAL), "model_weights", compression=compression)
            for compression in protocol.COMPRESS]
register("application/vnd.fedpk", PACKAGES)
# Without a type of their own, and as parts of an upload.
ANYTHING = [to_fedwt(ARRAYS), gzip.compress(to_fedwt(ARRAYS)), np.arange(6, dtype="<f4").tobytes(), *PACKAGES[:1]]
register("application/octet-stream", ANYTHING)
register("application/partial-upload", ANYTHING)

count = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Takes from every other right upload what only goes with some bodies, so that there are uploads which are stored."""
    if not case.operation.label.endswith(("/updates", "/updates/{client_id}")) or case.meta is None:
        return
    if case.meta.generation.mode is not schemathesis.GenerationMode.POSITIVE or next(count) % 2:
        return
    for given, names in ((case.query, ("dtype", "shape", "format")),
                         (case.headers, ("Content-Digest", "Fed-Metadata", "Upload-Complete", "Upload-Length"))):
        for name in names:
            if given and name in given:
                del given[name]
