"""Tunes with words, drawn by hand: two verses, notes without a syllable, two words on one note, a triplet, a grace note, a tie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from oddities import line, score

from musicgen.music.score import Lyric, Note


def sung(notes: Iterable[Note], *verses: str) -> tuple[Note, ...]:
    """`Lo- be den_ * Herrn~der`: a syllable a note, `*` none; `-` a hyphen, `_` a line after it; `~` sings two words to one note."""
    found = list(notes)
    mains = [index for index, note in enumerate(found) if note.duration]
    for verse, text in enumerate(verses, 1):
        for index, word in zip(mains, text.split(), strict=False):
            if word != "*":
                lyric = Lyric(word.rstrip("-_").replace("~", "‿"), verse, word.endswith("-"), word.endswith("_"))
                found[index] = replace(found[index], lyrics=(*found[index].lyrics, lyric))
    return tuple(found)


def words(notes: Iterable[Note]) -> list[str]:
    """As in `sung`, of each note all verses: `Lo-/Lo-`."""
    signs = {(True, False): "-", (False, True): "_", (True, True): "-_"}
    return [
        "/".join(f"{lyric.text.replace('‿', '~')}{signs.get((lyric.is_joined, lyric.is_held), '')}" for lyric in note.lyrics)
        for note in notes
    ]


TUNE = line(
    "G4:1 G4:1 D5:1 B4:1/2 C5:1/2 D5:1 C5:1 B4:1 A4:2^ G4:1 A4:1/3 B4:1/3 C5:1/3 B4:1 A4g A4:2 G4:1 E5:1 D5:1/2 C5:1/2 B4:1 A4:3/2 "
    "G4:1/2 G4:2^"
)
VERSES = (
    "Lo- be den_ * * Her- ren, den mäch- ti- gen_ * * Kö- nig~der Eh- ren, lob ihn_ * Got- tes, Amen",
    "Lo- be den Her- * ren, der al- les so herr- * * lich re- gie- ret, der dich_ * auf A- dern",
)
HYMN = replace(
    score(sung(TUNE, *VERSES), key="G", pickup="1", title="Lobe den Herren"),
    parts=(replace(score(sung(TUNE, *VERSES)).parts[0], name="Soprano"),),
)
