"""MIDI files as annotated hex text."""

import struct


def raw(text):
    """`# ...` to the end of a line is a comment."""
    return bytes.fromhex("".join(line.partition("#")[0] for line in text.splitlines()))


def chunk(name, body):
    return struct.pack(">4sI", name, len(body)) + body


def smf(*tracks, division=480, file_format=1):
    """A MIDI file whose tracks are hex text, without their headers."""
    header = struct.pack(">HHH", file_format, len(tracks), division)
    return chunk(b"MThd", header) + b"".join(chunk(b"MTrk", raw(track)) for track in tracks)


END = "00 ff 2f 00"
ONE_NOTE = """
    00    90 3c 50  # C4 begins
    83 60 80 3c 40  # and ends 480 ticks later
    00    ff 2f 00
"""
