"""Writing a file whole or not at all: the bytes go to a hidden file in the same folder, which then takes the name in one move.

Whatever stops the writing (a full disk, Ctrl-C) leaves what was there before, and nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from musicgen.errors import FileError

_REASONS = {
    errno.ENOENT: "there is no such file; check the name",
    errno.EISDIR: "this is a folder; give the name of a file",
    errno.ENOTDIR: "a part of this path is a file, not a folder; check the path",
    errno.EACCES: "no permission; change the rights of the file or choose another",
    errno.EPERM: "no permission; change the rights of the file or choose another",
    errno.EROFS: "this disk can only be read; choose a folder on another",
    errno.ENOSPC: "the disk is full; nothing was written, make room and try again",
    errno.EDQUOT: "the disk quota is used up; nothing was written, make room and try again",
    errno.EFBIG: "the file would be larger than this system allows; nothing was written",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ELOOP: "the links of this path lead in a circle; choose another",
}


def os_reason(error: OSError) -> str:
    """What went wrong and what to do, for a FileError."""
    return _REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()


def check_output(path: str | PathLike[str]) -> None:
    """Refuses a path that could not be written: call it before a long computation. `atomic_write` calls it too."""
    name = os.fspath(path)
    if not name or "\0" in name:
        raise FileError(repr(name), "this cannot be a file name; choose another")
    folder = os.path.dirname(os.path.realpath(name))
    if os.path.isdir(name):
        raise FileError(path, "this is a folder; give the name of a file")
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise FileError(path, f"{folder} is a file, not a folder; choose another")
    if not os.path.isdir(folder):
        raise FileError(path, f"the folder {os.path.dirname(name) or folder} does not exist; make it or choose another")
    if os.path.exists(name) and not stat.S_ISREG(os.stat(name).st_mode):
        raise FileError(path, "this is a device or a pipe; give the name of a file")
    if not os.access(folder, os.W_OK | os.X_OK) or (os.path.exists(name) and not os.access(name, os.W_OK)):
        raise FileError(path, "no permission to write here; choose another folder or change its rights")


def atomic_write(path: str | PathLike[str], data: bytes) -> None:
    """Writes `data` to `path`, through a link if it is one; a FileError leaves the old file as it was."""
    check_output(path)
    target = os.path.realpath(path)
    hidden = os.path.join(os.path.dirname(target), f".musicgen-{secrets.token_hex(8)}.part")
    try:
        with open(hidden, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # some disks report that they are full only here
        os.replace(hidden, target)
    except OSError as error:
        raise FileError(path, os_reason(error)) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(hidden)


def write_all(files: Mapping[Path, bytes]) -> list[Path]:
    """`atomic_write` of each, in order, once all could be written. Returns the paths."""
    for path in files:
        check_output(path)
    for path, data in files.items():
        atomic_write(path, data)
    return list(files)
