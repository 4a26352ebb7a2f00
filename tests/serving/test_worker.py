"""The process that composes, the socket that is listened on, and where MuseScore's plugin goes."""

import os
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI

from musicgen.cli import main
from musicgen.cli.serve import PORT
from musicgen.errors import ConfigError, FileError
from musicgen.serving import listen, musescore_plugin
from musicgen.serving.limits import Limits
from musicgen.serving.listen import bound, server_of
from musicgen.serving.orders import Order
from musicgen.serving.worker import Worker
from musicgen.steering.request import Request

LONG = Order(Request(bars=200, count=16, seed=1, model="rules"))  # many times longer than it may take
PIECES = Order(Request(bars=8, count=16, seed=1))
SHORT = Order(Request(bars=1, seed=1))


def test_what_takes_too_long_or_is_not_waited_for_is_ended_and_does_not_harm_the_next():
    worker = Worker("dice", Limits(seconds=0.2))
    try:
        with ThreadPoolExecutor(1) as beside:
            first = beside.submit(worker.do, LONG)
            _press_ctrl_c(worker)  # at the terminal it goes to all processes
            ended = first.result()
            worker.limits = Limits()
            left = beside.submit(worker.do, PIECES)
            while not left.done():
                time.sleep(0.05)
                worker.give_up()
        after = worker.do(SHORT)
    finally:
        worker.close()
    assert (ended.status, left.result().status, after.status) == (504, 499, 200)
    assert ended.content["error"].startswith("it took longer than 0.2 seconds")
    assert worker.do(SHORT).status == 503  # it is closed, and begins no process again


def _press_ctrl_c(worker) -> None:
    """While its process is being begun."""
    while worker._process is None:
        time.sleep(0.001)
    os.kill(worker._process.pid, signal.SIGINT)


def test_a_connection_on_which_nothing_is_asked_is_ended(monkeypatch):
    monkeypatch.setattr(listen, "IDLE_SECONDS", 0.1)
    with bound(0) as listener:
        server = server_of(FastAPI(), lambda: None)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            for sent in (b"", b"POST /compose HTTP/1.1\r\nHost: 127.0.0.1\r\n"):
                with socket.create_connection(listener.getsockname(), timeout=20) as client:
                    client.sendall(sent)
                    assert client.recv(1) == b""
        finally:
            server.should_exit = True
            thread.join()


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
