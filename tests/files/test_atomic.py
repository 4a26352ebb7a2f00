"""A file is written whole or not at all, and every reason is one line."""

import errno
import os
import resource
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from musicgen.errors import FileError
from musicgen.files.atomic import atomic_write, check_output, write_all


@contextmanager
def largest_file(size):
    """The system refuses to let a file grow beyond `size` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def no_privileges():
    """Root may write anywhere; lay that aside."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def open_folder():
    """A folder whose parents anyone may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder
        folder.chmod(0o777)


def refusal(path, data=b"new"):
    with pytest.raises(FileError) as caught:
        atomic_write(path, data)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_writes_and_overwrites(tmp_path):
    path = tmp_path / "a.mid"
    atomic_write(path, b"one")
    atomic_write(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.mid"]


def test_respects_umask(tmp_path):
    old = os.umask(0o022)
    try:
        atomic_write(tmp_path / "a.mid", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "a.mid").stat().st_mode & 0o777 == 0o644


def test_relative_name_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    atomic_write("a.mid", b"x")
    assert (tmp_path / "a.mid").read_bytes() == b"x"


def test_writes_through_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    real, link = tmp_path / "there" / "a.mid", tmp_path / "b.mid"
    link.symlink_to(real)
    atomic_write(link, b"x")
    assert link.is_symlink()
    assert real.read_bytes() == b"x"


def test_folder_that_is_not_there(tmp_path):
    assert "does not exist; make it" in refusal(tmp_path / "out" / "a.mid")
    assert os.listdir(tmp_path) == []


def test_folder_is_a_file(tmp_path):
    (tmp_path / "out").write_bytes(b"")
    assert "not a folder" in refusal(tmp_path / "out" / "a.mid")


def test_path_is_a_folder(tmp_path):
    (tmp_path / "a.mid").mkdir()
    assert "is a folder" in refusal(tmp_path / "a.mid")


@pytest.mark.parametrize("name", ["", "a\0.mid"])
def test_no_name(name):
    assert "cannot be a file name" in refusal(name)


def test_name_too_long(tmp_path):
    assert "too long" in refusal(tmp_path / ("a" * 300 + ".mid"))
    assert os.listdir(tmp_path) == []


def test_device_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "a.mid")
    assert "device or a pipe" in refusal(tmp_path / "a.mid")
    assert "device or a pipe" in refusal("/dev/null")


def test_folder_without_write_permission(open_folder):
    open_folder.chmod(0o555)
    with no_privileges():
        assert "no permission" in refusal(open_folder / "a.mid")
    assert os.listdir(open_folder) == []


def test_file_without_write_permission(open_folder):
    path = open_folder / "a.mid"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with no_privileges():
        assert "no permission" in refusal(path)
    assert path.read_bytes() == b"old"


def test_file_too_large_for_the_disk_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.mid"
    path.write_bytes(b"old")
    with largest_file(100):
        assert "nothing was written" in refusal(path, b"x" * 1000)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.mid"]


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EIO, "input/output error")])
def test_disk_error_at_the_last_moment(tmp_path, monkeypatch, number, words):
    def fail(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    assert words in refusal(tmp_path / "a.mid")
    assert os.listdir(tmp_path) == []


def test_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        atomic_write(tmp_path / "a.mid", b"x")
    assert os.listdir(tmp_path) == []


def test_check_output_makes_nothing(tmp_path):
    check_output(tmp_path / "a.mid")
    assert os.listdir(tmp_path) == []


def test_of_several_files_all_or_none(tmp_path):
    (tmp_path / "x-2.svg").mkdir()
    with pytest.raises(FileError, match=r"x-2\.svg: this is a folder"):
        write_all({tmp_path / "x.svg": b"1", tmp_path / "x-2.svg": b"2"})
    assert not (tmp_path / "x.svg").exists()
    assert write_all({tmp_path / "y.svg": b"1", tmp_path / "y-2.svg": b"2"}) == [tmp_path / "y.svg", tmp_path / "y-2.svg"]
    assert (tmp_path / "y-2.svg").read_bytes() == b"2"
