"""Zip archives whose bytes depend on what is in them alone, never on the day; and .mxl, compressed MusicXML, which is one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable

_NAME = "score.musicxml"
_CONTAINER = f"""<?xml version="1.0" encoding="UTF-8"?>
<container>
 <rootfiles>
  <rootfile full-path="{_NAME}" media-type="application/vnd.recordare.musicxml+xml"/>
 </rootfiles>
</container>
"""
_DAY = (1980, 1, 1, 0, 0, 0)  # the first that a zip archive knows


def zipped(musicxml: bytes) -> bytes:
    """The type of the archive comes first and uncompressed, as in all archives of this kind."""
    return archived(
        [
            ("mimetype", b"application/vnd.recordare.musicxml", zipfile.ZIP_STORED),
            ("META-INF/container.xml", _CONTAINER.encode(), zipfile.ZIP_DEFLATED),
            (_NAME, musicxml, zipfile.ZIP_DEFLATED),
        ]
    )


def archived(files: Iterable[tuple[str, bytes, int]]) -> bytes:
    """Of each file its name, its bytes and how it is compressed, as zipfile calls that."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data, compression in files:
            entry = zipfile.ZipInfo(name, _DAY)
            entry.compress_type = compression
            entry.create_system = 3  # whatever system wrote it
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return buffer.getvalue()
