"""Hand-drawn chorales, for each rule of voice leading one that breaks it and one that looks like it and does not."""

from musicgen.music.chorale import Chorale

# rule -> (text that breaks it once, voices that do so)
VIOLATING = {
    "parallel fifths": (
        """
        S  E5 -  D5 -
        A  G4 -  F4 -
        T  G3 -  A3 -
        B  C3 -  D3 -
        """,
        (2, 3),
    ),
    "parallel octaves": (
        """
        S  C5 -  D5 -
        A  E4 -  D4 -
        T  G3 -  F3 -
        B  C3 -  D3 -
        """,
        (0, 3),
    ),
    "parallel unisons": (
        """
        S  E5 -  D5 -
        A  C4 -  D4 -
        T  C4 -  D4 -
        B  A3 -  F3 -
        """,
        (1, 2),
    ),
    "voice crossing": (
        """
        S  C5 -  C5 -
        A  E4 -  E4 F4
        T  C4 -  C4 G4
        B  C3 -  C3 -
        """,
        (1, 2),
    ),
    "voice overlap": (
        """
        S  C5 -  E5 -
        A  G4 -  D5 -
        T  G4 -  G4 -
        B  C3 -  B2 -
        """,
        (0, 1),
    ),
    "wide spacing": (
        """
        S  C5 -  F5 -
        A  G4 -  E4 -
        T  E4 -  C4 -
        B  C3 -  C3 -
        """,
        (0, 1),
    ),
    "out of range": (
        """
        S  C5 -  C5 -
        A  G4 -  G4 -
        T  E4 -  E4 -
        B  E2 -  D#2 -
        """,
        (3,),
    ),
}

INNOCENT = {
    "parallel fifths": """
        S  D5 -  C5 -
        A  G4 -  E4 -
        T  F3 -  G3 -
        B  B2 -  C3 -
        """,  # a diminished fifth before the perfect one
    "parallel octaves": """
        S  C5 -  C5 -
        A  G4 -  A4 -
        T  E4 -  F4 -
        B  C3 -  C3 -
        """,  # repeated, not moved
    "parallel unisons": """
        S  E5 -  D5 -
        A  C4 -  F4 -
        T  C4 -  B3 -
        B  A3 -  G3 -
        """,  # left in contrary motion
    "voice crossing": """
        S  C5 -  C5 -
        A  E4 -  F4 -
        T  C4 -  F4 -
        B  C3 -  A2 -
        """,  # a unison is no crossing
    "voice overlap": """
        S  C5 -  E5 -
        A  G4 -  C5 -
        T  E4 -  G4 -
        B  C3 -  C3 -
        """,  # as far as the place left, not past it
    "wide spacing": """
        S  C5 -  C5 -
        A  C4 -  G4 -
        T  G3 -  E4 -
        B  C3 -  C2 -
        """,  # an octave, and a bass as far off as it likes
    "out of range": """
        S  G5 -  C4 -
        A  D5 -  A3 -
        T  G4 -  C3 -
        B  D4 -  E2 -
        """,  # every voice at both ends of its range
}

# The fifths lie on both sides of a fermata: they join two phrases.
FIFTHS_ACROSS_PHRASES = """
    S  E5 -  -^ D5 -
    A  G4 -  -  F4 -
    T  G3 -  -  A3 -
    B  C3 -  -  D3 -
    """

# Alto and tenor are crossed, a fourth apart, and move together.
CROSSED_FOURTHS = """
    S  C5 -  B4 -
    A  D4 -  E4 -
    T  G4 -  A4 -
    B  G3 -  C3 -
    """

# kind -> the last two chords of a phrase in C major, or in A minor
CADENCES = {
    "perfect authentic": """
        S  B4 -  C5 -^
        A  G4 F4 E4 -
        T  D4 -  C4 -
        B  G3 -  C3 -
        """,
    "imperfect authentic": """
        S  D5 -  E5 -^
        A  G4 F4 G4 -
        T  B3 -  C4 -
        B  G3 -  C3 -
        """,
    "half": """
        S  C5 -  B4 -^
        A  G4 -  G4 -
        T  E4 -  D4 -
        B  C3 -  G3 -
        """,
    "plagal": """
        S  C5 -  C5 -^
        A  A4 -  G4 -
        T  F4 -  E4 -
        B  F3 -  C3 -
        """,
    "deceptive": """
        S  B4 -  C5 -^
        A  G4 -  E4 -
        T  D4 -  C4 -
        B  G3 -  A3 -
        """,
    "phrygian": """
        4/4, A minor
        S  A4 -  B4 -^
        A  F4 -  E4 -
        T  D4 -  G#3 -
        B  F3 -  E3 -
        """,
}


def drawn(text):
    return Chorale.parse(text)


def first_steps(chorale, steps):
    """The beginning of a chorale; its last notes end there."""
    return chorale.replaced(pitch=chorale.pitch[:, :steps], onset=chorale.onset[:, :steps], fermata=chorale.fermata[:steps])
