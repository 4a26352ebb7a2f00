"""Samples as the bytes of a sound file: .wav by the standard library, .flac and .ogg by libsndfile, .mp3 by LAME (mp3.py).

The same samples, the same bytes.

Shapes: N frames of sound, C channels, values from -1 to 1.
"""

from __future__ import annotations

import io
import struct
import wave
import zlib
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musicgen.errors import FileError, MissingExtraError, nearest
from musicgen.files.atomic import check_output

Samples = NDArray[np.float32]

RATE = 44_100
ENCODERS: dict[str, str | None] = {".wav": None, ".flac": "soundfile", ".ogg": "soundfile", ".mp3": "lameenc"}  # the packages
MIME = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg", ".mp3": "audio/mpeg"}

_AT_ONCE = 1 << 15  # frames; libsndfile 1.2 overflows the stack where a minute is written to .ogg at once
_OGG_SERIAL = 1  # of the stream, which libsndfile draws by the clock
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_encoding(path: str | PathLike[str]) -> None:
    """Refuses what could not be written as sound: call it before a long computation."""
    suffix = Path(path).suffix.lower()
    if suffix not in ENCODERS:
        raise FileError(path, f"{suffix or 'files without a suffix'} cannot be written as sound; {nearest(suffix, ENCODERS)}")
    check_output(path)
    package = ENCODERS[suffix]
    if package and not can_encode(suffix):
        raise MissingExtraError(f"sound as {suffix}", package, "sound")


def can_encode(suffix: str) -> bool:
    package = ENCODERS[suffix]
    return package is None or find_spec(package) is not None


def encoded(samples: Samples, suffix: str, rate: int = RATE, smallness: float | None = None) -> bytes:
    """The bytes of a sound file; `smallness` from 0 to below 1 for .ogg and .mp3, the encoder's own if not said."""
    if suffix == ".wav":
        return _wav(samples, rate)
    if suffix == ".mp3":
        from musicgen.rendering.mp3 import QUALITY, mp3_bytes

        return mp3_bytes(pcm(samples), samples.shape[1], rate, QUALITY if smallness is None else int(10 * smallness))
    try:
        import soundfile
    except ImportError as error:
        raise MissingExtraError(f"sound as {suffix}", "soundfile", "sound") from error
    memory, level = io.BytesIO(), smallness if suffix == ".ogg" else None
    with soundfile.SoundFile(memory, "w", rate, samples.shape[1], format=suffix[1:].upper(), compression_level=level) as file:
        for start in range(0, len(samples), _AT_ONCE):
            file.write(samples[start : start + _AT_ONCE])
    return _with_serial(memory.getvalue()) if suffix == ".ogg" else memory.getvalue()


def pcm(samples: Samples) -> bytes:
    """In 16 bits, one channel after the other."""
    return np.round(samples * 32767).astype("<i2").tobytes()


def _wav(samples: Samples, rate: int) -> bytes:
    memory = io.BytesIO()
    with wave.open(memory, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm(samples))
    return memory.getvalue()


def _with_serial(ogg: bytes) -> bytes:
    """Each page of an Ogg stream with OGG_SERIAL at byte 14 and a new checksum at byte 22 (RFC 3533, section 6)."""
    pages, position = [], 0
    while position < len(ogg):
        segments = ogg[position + 26]
        end = position + 27 + segments + sum(ogg[position + 27 : position + 27 + segments])
        head = ogg[position : position + 14] + struct.pack("<I", _OGG_SERIAL) + ogg[position + 18 : position + 22]
        page, body = head + bytes(4), ogg[position + 26 : end]
        pages.append(head + struct.pack("<I", _ogg_checksum(page + body)) + body)
        position = end
    return b"".join(pages)


def _ogg_checksum(page: bytes) -> int:
    """Ogg's is zlib's with the bits of each byte, and of the result, in reverse order, and nothing inverted."""
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED), "big")
