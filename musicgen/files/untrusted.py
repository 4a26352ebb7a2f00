"""Text of scores from strangers: what is refused before a parser of music sees it. Every refusal is a FileError.

MusicXML comes out as an element tree without document type; kern and ABC as text.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
import zipfile
import zlib
from fractions import Fraction
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn
from xml.parsers import expat

from musicgen.errors import FileError, NotationError
from musicgen.files.atomic import os_reason
from musicgen.music.score import Meter

MAX_UNZIPPED = 50_000_000
MAX_RATIO = 200  # notation compresses 10 to 40 times
MAX_NOTES = 100_000
MAX_DEPTH = 60
MAX_ABC_NUMBER = 128
MAX_QUARTERS = 1024  # of one note
MAX_TICKS_PER_QUARTER = 50_400

_CONTAINER = "META-INF/container.xml"


def read_bytes(path: str | PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileError(path, os_reason(error)) from error


def read_text(path: str | PathLike[str], data: bytes) -> str:
    """UTF-8, or UTF-16 with its mark."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FileError(path, f"byte {error.start} is not {encoding.removesuffix('-sig').upper()} text; save the file as UTF-8") from error
    if not text.strip():
        raise FileError(path, "the file is empty; choose another")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def check_text(path: str | PathLike[str], text: str, suffix: str) -> None:
    """Refuses what is not kern or ABC, and the numbers that would keep music21 busy for hours."""
    if suffix == ".krn":
        _check_kern(path, text)
    else:
        _check_abc(path, text)


def _check_kern(path: str | PathLike[str], text: str) -> None:
    if not re.search(r"^(.*\t)?\*\*kern", text, re.MULTILINE | re.IGNORECASE):
        raise FileError(path, "no **kern spine in it, so it is not kern; choose another file")
    if not re.search(r"^\*-", text, re.MULTILINE):
        raise FileError(path, "no *- at the end of its spines, so it is cut off; get it again")
    for beats, unit in re.findall(r"\*M(\d+)/(\d+)", text):
        _check_fraction(path, "meter", f"{beats}/{unit}")


def _check_abc(path: str | PathLike[str], text: str) -> None:
    if not re.search(r"^K:", text, re.MULTILINE):
        raise FileError(path, "no K: line in it, so it is not ABC; add the key, as in K:G, or choose another file")
    for meter in re.findall(r"(?:^|\[)M:([^\]\n%]*)", text, re.MULTILINE):
        if digits := re.sub(r"[^\d/+]", "", meter):  # as music21 reads them
            _check_fraction(path, "M", digits)
    music = re.sub(r"^[A-Za-z]:.*$|%.*$|\"[^\"\n]*\"|![^!\n]*!|\[[A-Za-z]:[^\]\n]*\]", "", text, flags=re.MULTILINE)
    for length in re.findall(r"\d+", music):
        if len(length) > 4 or int(length) > MAX_ABC_NUMBER:
            raise FileError(
                path, f"the number {length[:20]} among the notes; 1 to {MAX_ABC_NUMBER} are read, take out text that is no music"
            )


def _check_fraction(path: str | PathLike[str], where: str, text: str) -> None:
    """`3+2/8` has five beats."""
    beats, _, unit = text.partition("/")
    try:
        Meter(sum(int(word) for word in beats.strip("() ").split("+")), int(unit))
    except (ValueError, NotationError) as error:
        raise FileError(path, f"{where}: {text[:20]} is no meter; 1 to 64 beats over 1, 2, 4, 8, 16 or 32") from error


# --- zip


def unzipped_score(path: str | PathLike[str], data: bytes) -> bytes:
    """The score inside an .mxl: the file that its container names. Nothing is ever written to disk."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_bombs(path, archive)
            names = archive.namelist()
            if _CONTAINER not in names:
                raise FileError(path, f"no {_CONTAINER} in it, so it is not compressed MusicXML; save it as MusicXML again")
            name = _root_file(path, archive.read(_CONTAINER))
            if name not in names:
                raise FileError(path, f"its container names {name!r}, which is not in it; save it as MusicXML again")
            return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise FileError(path, f"a damaged, cut off or encrypted zip archive ({error}); get it again or save it as .musicxml") from error


def _refuse_bombs(path: str | PathLike[str], archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    size, packed = sum(member.file_size for member in members), sum(member.compress_size for member in members)
    if size > MAX_UNZIPPED or len(members) > 1000 or size > MAX_RATIO * max(packed, 1000):
        raise FileError(path, f"would unpack to {size:,} bytes in {len(members)} files, more than a score can have; choose another file")
    for member in members:
        if member.flag_bits & 1:
            raise FileError(path, "the archive is encrypted; save it without a password")
        if member.filename.startswith(("/", "\\")) or ".." in PurePosixPath(member.filename.replace("\\", "/")).parts:
            raise FileError(path, f"the archive names {member.filename!r}, a path outside itself; choose another file")


def _root_file(path: str | PathLike[str], container: bytes) -> str:
    root = parse_xml(path, container)
    for element in root.iter():
        if element.tag.rpartition("}")[2] == "rootfile" and element.get("full-path"):
            return str(element.get("full-path"))
    raise FileError(path, "its container names no score; save it as MusicXML again")


# --- xml


def parse_xml(path: str | PathLike[str], data: bytes) -> ET.Element:
    """An element tree. Declared entities, which can bomb or read other files, are refused; MusicXML's plain DOCTYPE is fine."""
    _refuse_entities(path, data)
    try:
        return ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError) as error:
        _refuse_xml(path, error)


def _refuse_entities(path: str | PathLike[str], data: bytes) -> None:
    depth = 0

    def refuse(*_: Any) -> NoReturn:
        raise FileError(path, "declares XML entities, which a score never needs and an attack does; remove them or choose another file")

    def start(*_: Any) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise FileError(path, f"XML elements nested more than {MAX_DEPTH} deep; this is no score")

    def end(*_: Any) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = parser.ExternalEntityRefHandler = parser.UnparsedEntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        _refuse_xml(path, error)


def _refuse_xml(path: str | PathLike[str], error: Exception) -> NoReturn:
    raise FileError(path, f"not well-formed XML ({error}); export it from the notation program again") from error


# --- MusicXML


def parse_musicxml(path: str | PathLike[str], data: bytes) -> ET.Element:
    """The tree of a MusicXML file whose numbers are sane."""
    root = parse_xml(path, data)
    if root.tag == "score-timewise":
        raise FileError(path, "timewise MusicXML is not read; export it as partwise, as notation programs do")
    if root.tag != "score-partwise":
        raise FileError(path, f"XML, but not MusicXML: it begins with <{root.tag[:40]}>, not <score-partwise>; choose another file")
    count = sum(1 for _ in root.iter("note"))
    if count > MAX_NOTES:
        raise FileError(path, f"has {count:,} notes, at most {MAX_NOTES:,} are read; split it")
    for part in root.findall("part"):
        _check_part(path, part)
    return root


def _check_part(path: str | PathLike[str], part: ET.Element) -> None:
    divisions = Fraction(0)
    for measure in part.findall("measure"):
        where = f"part {part.get('id', '?')}, bar {measure.get('number', '?')}"
        for element in measure.iter():
            if element.tag == "divisions":
                divisions = _number(path, where, element)
                if not 0 < divisions <= 1_000_000:
                    raise FileError(path, f"{where}: {divisions} divisions a quarter; at least 1 is needed, export the file again")
            elif element.tag == "duration":
                _check_duration(path, where, element, divisions)
            elif element.tag == "time":
                _check_meter(path, where, element)
            elif element.tag == "sound" and element.get("tempo"):
                _check_tempo(path, where, str(element.get("tempo")))


def _number(path: str | PathLike[str], where: str, element: ET.Element) -> Fraction:
    text = (element.text or "").strip()
    if not re.fullmatch(r"-?\d{1,12}(\.\d{0,9})?", text):
        raise FileError(path, f"{where}: {element.tag} {text[:20]!r} is no number; export the file again")
    return Fraction(text)


def _check_duration(path: str | PathLike[str], where: str, element: ET.Element, divisions: Fraction) -> None:
    duration = _number(path, where, element)
    if divisions == 0:
        raise FileError(path, f"{where}: a duration before any divisions, so its length is unknown; export the file again")
    if not 0 <= duration <= MAX_QUARTERS * divisions:
        raise FileError(path, f"{where}: a note of {float(duration / divisions):g} quarters; 0 to {MAX_QUARTERS} are read")
    if (duration / divisions).denominator > MAX_TICKS_PER_QUARTER:
        raise FileError(
            path,
            f"{where}: a note of {duration / divisions} quarters is too fine; at most {MAX_TICKS_PER_QUARTER} ticks a quarter are read",
        )


def _check_meter(path: str | PathLike[str], where: str, time: ET.Element) -> None:
    for beats, unit in zip(time.findall("beats"), time.findall("beat-type"), strict=False):
        _check_fraction(path, where, f"{beats.text}/{unit.text}")


def _check_tempo(path: str | PathLike[str], where: str, text: str) -> None:
    if not re.fullmatch(r"\d{1,6}(\.\d*)?", text) or not 1 <= float(text) <= 2000:
        raise FileError(path, f"{where}: a tempo of {text[:20]}; 1 to 2000 quarters a minute are read")
