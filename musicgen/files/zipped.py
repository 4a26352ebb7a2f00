"""MusicXML in its compressed form, .mxl: a zip archive whose bytes depend on the score alone, never on the day."""

from __future__ import annotations

import io
import zipfile

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
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "mimetype", b"application/vnd.recordare.musicxml", zipfile.ZIP_STORED)
        _add(archive, "META-INF/container.xml", _CONTAINER.encode(), zipfile.ZIP_DEFLATED)
        _add(archive, _NAME, musicxml, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes, compression: int) -> None:
    entry = zipfile.ZipInfo(name, _DAY)
    entry.compress_type = compression
    entry.create_system = 3  # whatever system wrote it
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
