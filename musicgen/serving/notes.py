"""Notes as JSON: a score for programs that have notes at hand rather than a file, such as MuseScore's plugin."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from musicgen.music.pitch import Key, Spelling, spell
from musicgen.music.score import TICKS_PER_QUARTER, KeyAt, Meter, MeterAt, Note, Part, Score

MOST_TICKS = 20_000_000


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NoteForm(_Form):
    """A note; what is tied is one."""

    start: int = Field(ge=0, le=MOST_TICKS, description="Ticks from the beginning.")
    duration: int = Field(ge=0, le=MOST_TICKS, description="Ticks; 0 for a grace note.")
    pitch: int = Field(ge=0, le=127, description="As it sounds; C4 is 60.")
    spelling: str | None = Field(default=None, max_length=8, description="Its name as written.", examples=["Bb4"])
    fermata: bool = Field(default=False, description="In chorales, a phrase ends here.")


class PartForm(_Form):
    """One voice, on a staff alone or with others."""

    name: str = Field(max_length=100, examples=["Alto"])
    notes: list[NoteForm] = Field(max_length=20_000)


class MeterForm(_Form):
    """A meter and where it begins."""

    start: int = Field(ge=0, le=MOST_TICKS, description="Ticks from the beginning.")
    meter: str = Field(max_length=8, examples=["4/4"])


class NotesForm(_Form):
    """A score."""

    ticks_per_quarter: int = Field(default=TICKS_PER_QUARTER, ge=1, le=50_400)
    pickup: int = Field(default=0, ge=0, le=MOST_TICKS, description="Ticks before the first barline.")
    fifths: int = Field(default=0, ge=-7, le=7, description="Sharps of the key signature, negative for flats.")
    mode: str | None = Field(
        default=None, pattern="^(major|minor)$", description="If not said, minor where the lowest part ends on the tonic of minor."
    )
    meters: list[MeterForm] = Field(default=[MeterForm(start=0, meter="4/4")], min_length=1, max_length=1000)
    parts: list[PartForm] = Field(min_length=1, max_length=16)


def score_of(form: NotesForm) -> Score:
    """Raises NotationError where no score can be so."""
    parts = tuple(Part(part.name, tuple(sorted(map(_note, part.notes), key=lambda note: (note.start, note.pitch)))) for part in form.parts)
    return Score(
        parts,
        form.ticks_per_quarter,
        tuple(MeterAt(each.start, Meter.parse(each.meter)) for each in form.meters),
        (KeyAt(0, _key(form, parts)),),
        pickup=form.pickup,
    )


def _note(form: NoteForm) -> Note:
    spelling = Spelling.parse(form.spelling) if form.spelling else None
    return Note(form.start, form.duration, form.pitch, spelling=spelling, fermata=form.fermata)


def _key(form: NotesForm, parts: tuple[Part, ...]) -> Key:
    if form.mode:
        return Key(form.fifths, "minor" if form.mode == "minor" else "major")
    lowest = [note.pitch for note in parts[-1].notes]
    minor = Key(form.fifths, "minor")
    return minor if lowest and lowest[-1] % 12 == minor.tonic else Key(form.fifths, "major")


def form_of(score: Score) -> NotesForm:
    """Every note with a name, that which is usual in the first key where it has none."""
    key = score.key or Key()
    parts = [
        PartForm(
            name=part.name[:100],
            notes=[
                NoteForm(
                    start=note.start,
                    duration=note.duration,
                    pitch=note.pitch,
                    spelling=str(note.spelling or spell(note.pitch, key)),
                    fermata=note.fermata,
                )
                for note in part.notes
            ],
        )
        for part in score.parts
    ]
    meters = [MeterForm(start=each.start, meter=str(each.meter)) for each in score.meters]
    return NotesForm(
        ticks_per_quarter=score.ticks_per_quarter, pickup=score.pickup, fifths=key.fifths, mode=key.mode, meters=meters, parts=parts
    )
