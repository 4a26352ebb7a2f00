"""The command line: arguments -> one library call -> paths on screen. No musical and no numerical logic.

Results go to stdout, pure JSON under --json; progress, remarks and errors go to stderr.
"""

from musicgen.cli.app import main

__all__ = ["main"]
