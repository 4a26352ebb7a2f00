"""Scores on disk."""

from musicgen.files.io import read_score, write_score

__all__ = ["read_score", "write_score"]
