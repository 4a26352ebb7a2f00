"""The process that composes, the socket that is listened on, and where MuseScore's plugin goes."""

import re
import socket
from pathlib import Path

import pytest

from musicgen.cli import main
from musicgen.cli.serve import PORT
from musicgen.errors import ConfigError, FileError
from musicgen.serving import musescore_plugin
from musicgen.serving.limits import Limits
from musicgen.serving.listen import bound
from musicgen.serving.orders import Order
from musicgen.serving.worker import Worker
from musicgen.steering.request import Request

# Every note of 200 bars is fixed by rules that look back: many times longer than it may take.
LONG = Order(Request(bars=200, count=16, seed=1, model="rules"))
SHORT = Order(Request(bars=1, seed=1))


def test_what_takes_too_long_is_ended_and_does_not_harm_the_next():
    worker = Worker("dice", Limits(seconds=0.2))
    try:
        ended = worker.do(LONG)
        worker.limits = Limits()
        after = worker.do(SHORT)
    finally:
        worker.close()
    assert (ended.status, after.status) == (504, 200)
    assert ended.content["error"].startswith("it took longer than 0.2 seconds")
    assert worker.do(SHORT).status == 503  # it is closed, and begins no process again


def test_a_taken_port_is_said_before_a_model_is_loaded(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port)]) == 2
    assert f"--port: {port}: another program listens there" in capsys.readouterr().err


def test_only_this_computer_is_listened_to():
    with bound(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        with pytest.raises(ConfigError, match="another program"):
            bound(listener.getsockname()[1])


# --- the plugin


def test_the_plugin_goes_to_each_musescore_that_has_been_used(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "user-dirs.dirs").write_text('XDG_DOCUMENTS_DIR="$HOME/Dokumente"\n')
    (tmp_path / "Dokumente" / "MuseScore3").mkdir(parents=True)
    (tmp_path / "Documents" / "MuseScore4").mkdir(parents=True)
    assert main(["serve", "--install-plugin"]) == 0
    folders = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert folders == [tmp_path / "Dokumente/MuseScore3/Plugins/musicgen", tmp_path / "Documents/MuseScore4/Plugins/musicgen"]
    for folder in folders:
        assert {file.name for file in folder.iterdir()} == {"musicgen.qml", "asking.js", "reading.js", "writing.js"}


def test_without_musescore_the_folder_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    with pytest.raises(FileError, match="--plugin-folder"):
        musescore_plugin.install()
    assert musescore_plugin.install(tmp_path / "mine") == [tmp_path / "mine" / "musicgen"]


def test_the_plugin_asks_where_the_server_listens():
    script = (musescore_plugin.HERE / "asking.js").read_text()
    assert re.search(r'SERVER = "(.*)"', script)[1] == f"http://127.0.0.1:{PORT}"
