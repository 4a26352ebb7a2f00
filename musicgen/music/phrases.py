"""Phrases: from where to where each goes, and how it ends: the cadence, the key it is in, the numerals of its last two chords."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musicgen.music.cadences import Cadence, find_cadences
from musicgen.music.chorale import REST, Chorale
from musicgen.music.harmony import beats_of_steps, local_keys, nearest_name
from musicgen.music.pitch import Key, Mode
from musicgen.music.roman import roman


@dataclass(frozen=True, slots=True)
class Phrase:
    """Steps [start, end); `has_fermata` is False where the piece just stops. `key` is that of the cadence."""

    start: int
    end: int
    cadence: Cadence
    key: Key
    has_fermata: bool

    @property
    def numerals(self) -> tuple[str, ...]:
        """Of the last two chords, as far as they are chords: `V7`, `I`."""
        before, final = self.cadence.before, self.cadence.final
        return tuple(roman(chord, self.key, after) for chord, after in ((before, final), (final, None)) if chord is not None)


def find_phrases(chorale: Chorale) -> list[Phrase]:
    """A phrase ends with each fermata, and with the last note of the top voice; the next begins with a note, not with a rest."""
    sounding = [note for note in chorale.notes(0) if note.pitch != REST]
    if not sounding:
        return []
    fermata = chorale.fermata & (chorale.pitch[0] != REST)
    with_last = fermata.copy()
    with_last[sounding[-1].start] = True
    ends = {note.start: note.end for note in sounding}
    keys, phrases, start = local_keys(chorale), list[Phrase](), 0
    for cadence in find_cadences(chorale.replaced(fermata=with_last)):
        end = ends[cadence.step]
        phrases.append(Phrase(start, end, cadence, cadence_key(cadence, keys[end - 1], chorale.key), bool(fermata[cadence.step])))
        struck = chorale.onset[:, end:] & (chorale.pitch[:, end:] != REST)
        start = end + int(np.argmax(struck.any(axis=0))) if end < chorale.steps else end
    return phrases


def keys_to_cadences(chorale: Chorale, phrases: Sequence[Phrase]) -> list[Key]:
    """The key at every step, as `local_keys`, but going through the keys of the named cadences at the last two chords of their phrases."""
    beats = beats_of_steps(chorale)
    known: dict[int, Key] = {}
    for phrase in phrases:
        if phrase.cadence.kind != "other":
            last_two = beats[max(0, phrase.cadence.step - 1) : phrase.end]
            known |= dict.fromkeys(last_two.tolist(), phrase.key)
    return local_keys(chorale, known)


def cadence_key(cadence: Cadence, local: Key, home: Key) -> Key:
    """The key that a cadence is in: that in which its final chord, or the one before it, does what the kind of cadence says.

    Of two names it has the one nearer to `home`.
    """
    return nearest_name(_cadence_key(cadence, local, home), home)


def _cadence_key(cadence: Cadence, local: Key, home: Key) -> Key:
    before, final = cadence.before, cadence.final
    if before is None or final is None:
        return local
    modes: tuple[Mode, Mode] = ("minor", "major") if 3 in final.intervals else ("major", "minor")
    match cadence.kind:
        case "perfect authentic" | "imperfect authentic" | "plagal":
            return _known(Key.of_tonic(final.root, modes[0]), final.root, local, home)
        case "deceptive":
            tonic = (before.root + 5) % 12
            return _known(Key.of_tonic(tonic, modes[1]), tonic, local, home)
        case "phrygian":
            return Key.of_tonic((final.root + 5) % 12, "minor")
        case "half":
            return home
    return local


def _known(likely: Key, tonic: int, local: Key, home: Key) -> Key:
    """The local or the home key if it has this tonic: a major chord may end a phrase in minor. Else the likely one."""
    return next((key for key in (local, home) if key.tonic == tonic), likely)
