"""Where pieces come from: the Bach chorales inside the user's installed music21, read straight from their MusicXML.

Reading with ElementTree instead of music21's parser is the same notes in a fraction of the time. Repeats are not expanded.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from importlib import metadata, util
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from musicgen.errors import CorpusError
from musicgen.music.pitch import Key, Spelling
from musicgen.music.score import TICKS_PER_QUARTER, KeyAt, Meter, MeterAt, Note, Part, Score


def music21_version() -> str:
    try:
        return metadata.version("music21")
    except metadata.PackageNotFoundError:
        raise CorpusError("the Bach chorales are read from music21's corpus, and music21 is not installed: pip install music21") from None


def bach_folder() -> Path:
    """The bach/ folder of music21's corpus, found without importing music21."""
    spec = util.find_spec("music21")
    if spec is None or spec.origin is None:
        raise CorpusError("the Bach chorales are read from music21's corpus, and music21 is not installed: pip install music21")
    folder = Path(spec.origin).parent / "corpus" / "bach"
    if not folder.is_dir():
        raise CorpusError(f"{folder}: this music21 came without its corpus; pip install --force-reinstall music21")
    return folder


@dataclass(frozen=True)
class SourceFile:
    """What a file holds: the parts asked for as a Score, its title, and the hash of its bytes."""

    score: Score
    sha256: str


def read_source(path: Path, parts: Sequence[int]) -> SourceFile:
    """Parts of a MusicXML file, compressed or plain, by index, in the order given."""
    try:
        data = path.read_bytes()
        root = ElementTree.fromstring(_unpacked(data) if path.suffix == ".mxl" else data)
    except (OSError, zipfile.BadZipFile, ElementTree.ParseError, KeyError) as error:
        raise CorpusError(f"{path}: the file is missing or damaged ({error}); pip install --force-reinstall music21") from None
    return SourceFile(_score(root, parts), hashlib.sha256(data).hexdigest())


def _unpacked(data: bytes) -> bytes:
    """The score inside an .mxl, as its container names it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
        return archive.read(next(element.attrib["full-path"] for element in container.iter() if element.tag.endswith("rootfile")))


def _score(root: Element, parts: Sequence[int]) -> Score:
    read = [_read_part(element) for element in [root.findall("part")[index] for index in parts]]
    names = [element.findtext("part-name") or "" for element in root.iter("score-part")]
    top = read[0]
    return Score(
        tuple(Part(names[index], tuple(part.notes)) for index, part in zip(parts, read, strict=True)),
        TICKS_PER_QUARTER,
        top.meters_of_bars(),
        # In two files the soprano's signature is not that of the other voices, and of the notes.
        (KeyAt(0, Counter(part.key for part in read).most_common(1)[0][0]),),
        pickup=top.pickup,
    )


@dataclass
class _PartReader:
    """One part as far as it has been read; all times in ticks, `now` from the start of the piece."""

    notes: list[Note] = field(default_factory=list)
    meters: list[MeterAt] = field(default_factory=list)
    bars: list[int] = field(default_factory=list)  # where each begins
    key: Key = Key()
    now: int = 0
    divisions: int = 1
    tied: dict[int, int] = field(default_factory=dict)  # pitch -> index of the note whose tie is open

    def measure(self, element: Element) -> None:
        """Reads a bar; the next begins where the longest voice of this one ends."""
        end = before = self.now
        self.bars.append(self.now)
        for item in element:
            length = _ticks(item.findtext("duration") or "0", self.divisions)
            if item.tag == "attributes":
                self._attributes(item)
            elif item.tag == "note":
                chord = item.find("chord") is not None
                before = before if chord else self.now
                self._note(item, before, length)
                self.now = self.now if chord else self.now + length
            elif item.tag in ("forward", "backup"):
                self.now += length if item.tag == "forward" else -length
            end = max(end, self.now)
        self.now = end

    def _attributes(self, item: Element) -> None:
        self.divisions = int(item.findtext("divisions") or self.divisions)
        if item.find("key") is not None:
            self.key = Key(int(item.findtext("key/fifths") or 0))
        if item.find("time") is not None:
            meter = Meter(int(item.findtext("time/beats") or 4), int(item.findtext("time/beat-type") or 4))
            self.meters.append(MeterAt(self.now, meter))

    def _note(self, item: Element, start: int, duration: int) -> None:
        """Adds a note, or lengthens the one it is tied to; of a tied chain the fermata may stand on any link."""
        pitch = item.find("pitch")
        if pitch is None:
            return
        spelling = _spelling(pitch)
        ties = {tie.get("type") for tie in item.findall("tie")}
        fermata = item.find("notations/fermata") is not None
        index = self.tied.pop(spelling.pitch, None) if "stop" in ties else None
        if index is not None and self.notes[index].end == start:
            head = self.notes[index]
            self.notes[index] = replace(head, duration=head.duration + duration, fermata=head.fermata or fermata)
        else:
            index = len(self.notes)
            self.notes.append(Note(start, duration, spelling.pitch, spelling=spelling, fermata=fermata))
        if "start" in ties:
            self.tied[spelling.pitch] = index

    @property
    def pickup(self) -> int:
        """Length of a first bar that is not full."""
        first = (self.bars[1:] or [self.now])[0]
        return first if first < _bar_ticks(self.meters[0].meter) else 0

    def meters_of_bars(self) -> tuple[MeterAt, ...]:
        """The meters as written, and the same meter again where the bars begin anew after one that was shorter or longer.

        A bar split in two by a repeat sign counts as one. Seven pieces have an odd bar; without this all later barlines would be off.
        """
        written = {change.start: change.meter for change in self.meters}
        found, due, meter = dict(written), self.pickup, self.meters[0].meter
        for start, end in pairwise(bar for bar in self.bars if bar >= self.pickup):
            meter = written.get(start, meter)
            if start < due:
                continue
            due = start + _bar_ticks(meter)
            if end != due and due not in self.bars:
                due = end
                found.setdefault(end, meter)
        return tuple(MeterAt(start, meter) for start, meter in sorted(found.items()))


def _bar_ticks(meter: Meter) -> int:
    return int(meter.bar_quarters * TICKS_PER_QUARTER)


@cache
def _ticks(duration: str, divisions: int) -> int:
    """Length of an element; a corpus has some dozens of lengths."""
    ticks = Fraction(duration) * TICKS_PER_QUARTER / divisions
    if ticks.denominator != 1:
        raise CorpusError(f"a duration of {ticks / TICKS_PER_QUARTER} quarters is finer than {TICKS_PER_QUARTER} ticks a quarter")
    return int(ticks)


def _spelling(pitch: Element) -> Spelling:
    return _spelled(pitch.findtext("step") or "", pitch.findtext("alter") or "0", pitch.findtext("octave") or "0")


@cache
def _spelled(letter: str, alteration: str, octave: str) -> Spelling:
    return Spelling(letter, int(float(alteration)), int(octave))


def _read_part(element: Element) -> _PartReader:
    part = _PartReader()
    for measure in element.iter("measure"):
        part.measure(measure)
    return part
