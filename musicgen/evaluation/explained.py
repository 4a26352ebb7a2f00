"""What each measure of a comparison means, in a sentence for who meets it for the first time."""

from __future__ import annotations

from musicgen.evaluation.style import Comparison

_CROSSING = "A voice sounds above its upper neighbour: a place for the ear to lose the line."
_ONSETS = "How busy the voice is: 1 is a note on every quarter, 2 an eighth after each."
_CADENCE = "How phrases end, by the last two chords before a fermata."

MEANINGS: dict[str, str] = {
    "parallel fifths per 100 transitions": "Two voices a fifth apart go the same way to another fifth, which melts them into one.",
    "parallel octaves and unisons per 100 transitions": "Two voices double each other, and a voice of the four is lost.",
    "pieces without parallels, %": "Pieces with neither parallel fifths nor parallel octaves inside their phrases.",
    "voice crossings, % of slices": _CROSSING,
    "soprano and alto crossed, % of slices": _CROSSING,
    "alto and tenor crossed, % of slices": _CROSSING,
    "tenor and bass crossed, % of slices": _CROSSING,
    "overlaps, % of transitions": "A voice moves past the note that its neighbour has just left.",
    "upper voices over an octave apart, % of slices": "Soprano and alto, or alto and tenor, stand so far apart that the chord has a hole.",
    "outside text-book ranges, % of notes": "Notes that text-books find too high or too low for the voice.",
    "non-chord tones, % of onsets": "Passing notes, suspensions and the like: few make a piece stiff, many make it unclear.",
    "onsets per quarter, soprano": _ONSETS,
    "onsets per quarter, alto": _ONSETS,
    "onsets per quarter, tenor": _ONSETS,
    "onsets per quarter, bass": _ONSETS,
    "perfect authentic cadences, % of fermatas": f"{_CADENCE} Dominant to tonic, both with the root in the bass, the tonic on top.",
    "imperfect authentic cadences, % of fermatas": f"{_CADENCE} Dominant to tonic, less final than a perfect one.",
    "half cadences, % of fermatas": f"{_CADENCE} On the dominant: the music must go on.",
    "plagal cadences, % of fermatas": f"{_CADENCE} Subdominant to tonic.",
    "final chords in root position, % of fermatas": "A phrase that ends on another inversion does not sound ended.",
    "major triads, % of beats": "Share of the chords on quarters.",
    "minor triads, % of beats": "Share of the chords on quarters.",
    "diminished and augmented triads, % of beats": "Share of the chords on quarters; unstable, so seldom.",
    "seventh chords, % of beats": "Share of the chords on quarters; passing notes that make a seventh count too.",
    "first inversions, % of beats": "Chords with their third in the bass, which keep it moving.",
    "second and third inversions, % of beats": "Chords with their fifth or seventh in the bass, which ask for a reason.",
    "chords foreign to their key, % of chords": "Chords that the key of their place does not have: color, or a harmony that is lost.",
    "changes of chord per quarter": "The pace of the harmony: 1 is a new chord on every quarter.",
    "from dominant to tonic, % of changes": "The strongest step of tonal harmony.",
    "length of a phrase, quarters": "From fermata to fermata. Composed pieces end their phrases where they are asked to.",
    "phrases of eight quarters, %": "The usual length of a line of a hymn. Composed pieces end their phrases where they are asked to.",
    "phrases of their piece's usual length, %": "How even the phrases are. Composed pieces end their phrases where they are asked to.",
    "length of the note under a fermata, quarters": "How long a phrase rests at its end.",
    "pitch": "Degrees of the scale, weighed by duration.",
    "rhythm": "Lengths of notes.",
    "parallels": "Parallel fifths and octaves a note, times their kinds.",
    "chords": "Qualities of chords.",
    "soprano intervals": "Steps and leaps of the melody.",
    "alto intervals": "Steps and leaps of the alto.",
    "tenor intervals": "Steps and leaps of the tenor.",
    "bass intervals": "Steps and leaps of the bass.",
    "repeats": "How long the stretches are that come again within the piece.",
    "all nine together": "The grade: the sum of the nine.",
    "scale degrees": "How often each degree of major and minor sounds.",
    "melodic intervals, soprano": "From each note to the next, in semitones.",
    "melodic intervals, alto": "From each note to the next, in semitones.",
    "melodic intervals, tenor": "From each note to the next, in semitones.",
    "melodic intervals, bass": "From each note to the next, in semitones.",
    "vertical intervals, soprano over alto": "How far apart the two voices stand, in semitones.",
    "vertical intervals, alto over tenor": "How far apart the two voices stand, in semitones.",
    "vertical intervals, tenor over bass": "How far apart the two voices stand, in semitones.",
    "rhythm of a quarter": "In which patterns of sixteenths notes begin.",
    "voices that begin together": "Which voices strike notes at once.",
    "motion of the outer voices": "Whether soprano and bass move together, against each other, or one alone.",
    "chord qualities": "Qualities and inversions of the chords on quarters.",
    "chord progressions": "From which chord to which, by quality and by the step of the root.",
}


def how_far(row: Comparison) -> str:
    """`3.2 times Bach's`, `a third of Bach's` is `33 % of Bach's`; a difference in words where a ratio says little."""
    value, bach = row.rate.value, row.bach.value
    if not value:
        return "none at all"
    ratio = value / bach
    if ratio >= 1.5:
        return f"{ratio:.1f} times Bach's" if ratio < 10 else f"{ratio:.0f} times Bach's"
    if ratio <= 2 / 3:
        return f"{100 * ratio:.0f} % of Bach's"
    return "more than Bach" if ratio > 1 else "less than Bach"
