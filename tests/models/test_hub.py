"""Checkpoints to and from a Hub: a small one on this machine, which speaks as much of its language as is needed."""

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zlib import crc32

import pytest
import torch
from tiny import CHECKPOINT

from musicgen.errors import CheckpointError, FileError
from musicgen.models.checkpoint import load_model, read_checkpoint, save_checkpoint
from musicgen.models.hub import FILES, from_pretrained, push_to_hub, stage

COMMIT = "0" * 40


class Hub(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/repos/create":
            self.answer({"url": f"http://{self.headers['Host']}/me/mine", "id": "me/mine"})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            self.answer({"files": [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer({"commitUrl": f"http://{self.headers['Host']}/me/mine/commit/{COMMIT}", "commitOid": COMMIT, "hookOutput": ""})
        else:
            self.answer({"update": {"siblings": []}})

    def do_GET(self):
        if "/tree/" in self.path:
            entries = self.server.files.items()
            self.answer([{"type": "file", "path": name, "size": len(body), "oid": f"{crc32(body):040x}"} for name, body in entries])
            return
        self.answer({"id": "me/mine", "sha": COMMIT, "siblings": [{"rfilename": name} for name in self.server.files]})

    def do_HEAD(self):
        self.answer_bytes(b"")

    def answer(self, value):
        self.answer_bytes(json.dumps(value).encode(), **{"Content-Type": "application/json"})

    def answer_bytes(self, body, **headers):
        if "/resolve/" in self.path:
            body = self.server.files[re.sub(r".*/resolve/[^/]+/", "", self.path)]
            headers |= {"ETag": f'"{crc32(body):040x}"', "X-Repo-Commit": COMMIT}
        self.send_response(200)
        for name, value in {**headers, "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files = {}
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(1)
    folder = tmp_path / "mine"
    save_checkpoint(folder, CHECKPOINT, CHECKPOINT.build().state_dict())
    (folder / "MODEL_CARD.md").write_text("# mine\n")
    (folder / "log.jsonl").write_text("{}")
    return folder


def test_a_checkpoint_comes_back_as_it_went(hub, checkpoint, tmp_path):
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    assert push_to_hub(checkpoint, "me/mine", token="hf_none", endpoint=endpoint).endswith("me/mine")
    assert set(hub.files) == {"config.json", "model.safetensors", "MODEL_CARD.md", "README.md"}
    assert hub.files["README.md"].decode().startswith("---\nlibrary_name: musicgen\n")
    folder = from_pretrained("me/mine", cache=tmp_path / "cache", endpoint=endpoint)
    assert read_checkpoint(folder) == read_checkpoint(checkpoint)
    weights = [load_model(where, CHECKPOINT).state_dict() for where in (checkpoint, folder)]
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())


def test_a_folder_needs_no_hub(checkpoint):
    assert from_pretrained(checkpoint) == checkpoint


def test_what_cannot_be_had_or_given_is_one_line(checkpoint, tmp_path):
    nowhere = {"endpoint": "http://127.0.0.1:9"}
    with pytest.raises(CheckpointError, match="owner/name"):
        from_pretrained("mine-that-is-missing")
    with pytest.raises(CheckpointError, match="not to be had from the Hub"):
        from_pretrained("me/mine", cache=tmp_path / "cache", **nowhere)
    with pytest.raises(CheckpointError, match="the Hub does not take it"):
        push_to_hub(checkpoint, "me/mine", token="hf_none", **nowhere)
    (checkpoint / "MODEL_CARD.md").unlink()
    with pytest.raises(FileError, match="the card is missing"):
        stage(checkpoint, tmp_path, "mit")
    assert set(FILES) >= {"tokenizer.json"}
