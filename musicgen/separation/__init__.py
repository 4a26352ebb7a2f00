"""Telling voices apart: all notes of a score as four voices."""

from musicgen.separation.separator import Separation, separate

__all__ = ["Separation", "separate"]
