"""16-bit sound as MP3 through LAME, with the tag that tells a player how long it is and where each hundredth of it begins.

lameenc's LAME takes a third of the time of libsndfile's, but leaves the tag to its caller; without it a player guesses the length of frames
of many sizes, and begins with the encoder's delay.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from musicgen.errors import MissingExtraError

QUALITY = 4  # of LAME's variable bit rate, from 0 (large) to 9: its default
_DELAY = 576  # samples that LAME puts before the first
_MONO = 3  # the number of that mode in a frame's header
_ALL = 0b1111  # frames, bytes, hundredths and quality are said


class Layer(NamedTuple):
    """What frames look like at some rates (ISO 11172-3 and 13818-3, 2.4.2.3)."""

    rates: tuple[int, ...]
    samples: int  # in a frame
    side: tuple[int, int]  # bytes of side information, of one channel and of two
    bit_rates: tuple[int, ...]  # kilobits a second, by the number in a header


MPEG1 = Layer((44_100, 48_000, 32_000), 1152, (17, 32), (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320))
MPEG2 = Layer((22_050, 24_000, 16_000), 576, (9, 17), (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160))


def mp3_bytes(pcm: bytes, channels: int, rate: int, quality: int = QUALITY) -> bytes:
    """An MP3 file of one channel or two, at a rate of MPEG1 or MPEG2."""
    try:
        import lameenc
    except ImportError as error:
        raise MissingExtraError("sound as .mp3", "lameenc", "sound") from error
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_in_sample_rate(rate)
    encoder.set_out_sample_rate(rate)
    encoder.set_channels(channels)
    encoder.set_vbr(4)  # its faster way to a variable bit rate
    encoder.set_vbr_quality(quality)
    stream = bytes(encoder.encode(pcm) + encoder.flush())
    return _tag(stream, len(pcm) // (2 * channels), rate, quality) + stream


def _tag(stream: bytes, length: int, rate: int, quality: int) -> bytes:
    """A silent frame with Xing's header and LAME's: frames, bytes, where each hundredth begins, delay and padding."""
    layer = MPEG1 if rate in MPEG1.rates else MPEG2
    starts = _starts(stream, layer, rate)
    side = bytes(layer.side[stream[3] >> 6 != _MONO])
    size = _size(layer, 9, rate)  # the ninth bit rate makes a frame that the tag fits into
    whole = size + len(stream)
    hundredths = bytes((size + starts[len(starts) * part // 100]) * 256 // whole for part in range(100))
    xing = b"Xing" + struct.pack(">III", _ALL, len(starts), whole) + hundredths + struct.pack(">I", 100 - 10 * quality)
    padding = len(starts) * layer.samples - _DELAY - length
    lame = b"LAME3.100" + bytes(12) + (_DELAY << 12 | padding).to_bytes(3, "big")
    header = stream[:2] + bytes([9 << 4 | layer.rates.index(rate) << 2, stream[3]])
    return (header + side + xing + lame).ljust(size, b"\0")


def _starts(stream: bytes, layer: Layer, rate: int) -> list[int]:
    """Where each frame begins."""
    starts, position = [], 0
    while position < len(stream):
        starts.append(position)
        head = stream[position + 2]
        position += _size(layer, head >> 4, rate) + (head >> 1 & 1)
    return starts


def _size(layer: Layer, bit_rate: int, rate: int) -> int:
    """Bytes of a frame without padding."""
    return layer.samples * 125 * layer.bit_rates[bit_rate] // rate
