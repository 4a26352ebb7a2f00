"""The server, asked as programs ask it: what the command line writes, refusals in one line, no file through any field."""

import asyncio
import base64
import json
import re
import sys
import threading

import jsonschema
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicgen.cli import main
from musicgen.cli.steering_options import described
from musicgen.errors import MusicgenError
from musicgen.files.io import score_bytes
from musicgen.music.chorale import Chorale
from musicgen.music.convert import to_score
from musicgen.serving.app import make_app
from musicgen.serving.guards import Guard, read_origin
from musicgen.serving.limits import Limits
from musicgen.serving.notes import form_of, score_of
from musicgen.serving.orders import example_of, keys_of, properties, read_order
from musicgen.serving.studio import Outcome, Studio
from musicgen.steering.request import TASKS

LIMITS = Limits(body=200_000, pieces=3, bars=40)
TUNE = "X:1\nM:4/4\nL:1/4\nK:G\nG A B c|d2 G2|]\n"
CHOIR = """
    4/4, C major
    S  E5 -  -  -  D5 -  -  -  C5 -  -  -  D5 -  -  - | E5 -  -  -  D5 -  -  -  C5^ - - - - - - -
    A  C5 -  -  -  B4 -  -  -  G4 -  -  -  G4 -  -  - | G4 -  -  -  G4 -  -  -  G4  - - - - - - -
    T  G4 -  -  -  G4 -  -  -  E4 -  -  -  B3 -  -  - | C4 -  -  -  B3 -  -  -  E4  - - - - - - -
    B  C3 -  -  -  G3 -  -  -  C3 -  -  -  G3 -  -  - | C3 -  -  -  G3 -  -  -  C3  - - - - - - -
"""
SECRET = "the root password"
NOTES = {"score": {"parts": [{"name": "Tune", "notes": [{"start": 480 * at, "duration": 480, "pitch": 67 + at} for at in range(8)]}]}}
NOTES["score_format"] = "notes"
LONG = [{"start": 0, "duration": 480, "pitch": 67}, {"start": 480 * 4 * 50, "duration": 480, "pitch": 67}]


@pytest.fixture(scope="module")
def client():
    with TestClient(make_app(Studio("dice", LIMITS).do, "dice", LIMITS), base_url="http://127.0.0.1:8765") as client:
        yield client


def told(answer) -> str:
    """The one line of a failure."""
    content = answer.json()
    assert list(content) == ["error"], content
    assert "\n" not in content["error"]
    return content["error"]


# --- the same music


@pytest.mark.parametrize(
    ("task", "asked", "options"),
    [
        ("compose", {"bars": 3, "key": "G minor", "count": 2}, ["--bars", "3", "--key", "G minor", "--count", "2"]),
        ("harmonize", {"score": TUNE, "score_format": "abc", "pin": ["B 1:1 G2"]}, ["tune.abc", "--pin", "B 1:1 G2"]),
    ],
)
def test_a_seed_gives_what_the_command_line_writes(client, tmp_path, monkeypatch, task, asked, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tune.abc").write_text(TUNE)
    assert main([task, *options, "--seed", "5", "--model", "dice", "-o", "x.musicxml", "-o", "x.mid"]) == 0
    answer = client.post(f"/{task}", json={**asked, "seed": 5, "answer_formats": ["musicxml", "midi"]}).json()
    for number, piece in enumerate(answer["pieces"], 1):
        stem = f"x-{number:03d}" if len(answer["pieces"]) > 1 else "x"
        assert piece["musicxml"] == (tmp_path / f"{stem}.musicxml").read_text()
        assert base64.b64decode(piece["midi"]) == (tmp_path / f"{stem}.mid").read_bytes()


@pytest.mark.parametrize("task", TASKS)
def test_the_examples_of_openapi_can_be_sent_as_they_are(client, task):
    random = {"how": "random"} if task == "vary" else {}  # dice find nothing unlikely
    answer = client.post(f"/{task}", json=example_of(task) | random)
    assert answer.status_code == 200, answer.text


def test_notes_and_midi_are_read_and_what_is_not_filled_stays(client):
    score = to_score(Chorale.parse(CHOIR))
    as_notes = {"score": form_of(score).model_dump(), "score_format": "notes"}
    as_midi = {"score": base64.b64encode(score_bytes(score, "x.mid")).decode(), "score_format": "midi"}
    for sent in (as_notes, as_midi):
        answer = client.post("/fill", json={**sent, "bars": 2, "voices": "AT", "seed": 1, "answer_formats": ["notes"]})
        parts = answer.json()["pieces"][0]["notes"]["parts"]
        kept = [[(note["start"], note["duration"], note["pitch"]) for note in parts[voice]["notes"]] for voice in (0, 3)]
        assert kept == [[(note.start, note.duration, note.pitch) for note in score.parts[voice].notes] for voice in (0, 3)]


def sounding(note) -> tuple:
    return note.start, note.duration, note.pitch, note.fermata


def test_notes_as_json_give_the_score_back(bach_pieces):
    for piece in bach_pieces[:5]:
        score = to_score(piece.chorale)
        again = score_of(form_of(score))
        assert (again.keys[0], again.meters, again.pickup) == (score.keys[0], score.meters, score.pickup)
        for part, same in zip(score.parts, again.parts, strict=True):
            assert [sounding(note) for note in same.notes] == [sounding(note) for note in part.notes]


# --- the schema


VALUES = [True, False, 3, -1, 0, 10**6, 2.5, "x", "strict", "dice", "fill", "", "9" * 3000, [], ["x"], ["x", 3], ["x"] * 200, {}, {"x": 1}]


def test_the_schema_takes_what_a_request_takes():
    """Of each field, every kind of value: the one refuses what the other refuses."""
    seen, differing = set(), []
    for task in TASKS:
        known = properties(task, LIMITS, ("dice",), {})
        assert tuple(known) == keys_of(task)
        for key in sorted(set(known) - {"score", "score_format", "rank", "phrases"}):  # which ask for more than a kind
            if (key, json.dumps(known[key])) in seen:
                continue
            seen.add((key, json.dumps(known[key])))
            fits = jsonschema.Draft202012Validator(known[key])
            differing += [(task, key, value) for value in VALUES if fits.is_valid(value) != is_taken(task, key, value)]
    assert differing == []


def is_taken(task, key, value) -> bool:
    try:
        return bool(read_order(task, {key: value} | ({} if task == "compose" else NOTES), LIMITS, {"dice"}))
    except MusicgenError:
        return False


def test_a_developer_reads_what_each_field_is():
    api = make_app(Studio("dice").do, "dice", about=described()).openapi()
    for task in TASKS:
        about = api["paths"][f"/{task}"]["post"]
        assert about["operationId"] == task
        schema = about["requestBody"]["content"]["application/json"]["schema"]
        assert [key for key, field in schema["properties"].items() if not field.get("description")] == []
        assert not re.search(r"song\.abc|folder|printed|Also several", json.dumps(schema))  # which only the command line has
        assert about["description"]


# --- refusals


@pytest.mark.parametrize(
    ("task", "sent", "status", "line"),
    [
        ("compose", b"[1]", 400, "the body is no JSON object"),
        ("compose", b"{", 400, "the body is not JSON"),
        ("compose", b"\xff", 400, "the body is not JSON"),
        ("compose", b"[" * 100_000, 400, "nested too deep"),
        ("compose", b'{"tempo": NaN}', 400, "NaN is no number"),
        ("compose", b'{"seed": 99999999999999999999}', 422, "a number of 20 digits"),
        ("compose", b'{"pickup": -9007199254740992}', 422, "a number of 16 digits"),
        ("compose", {"bras": 3}, 422, "there is no key 'bras' for compose; did you mean bars?"),
        ("compose", {"seed": None}, 422, "seed: null says nothing"),
        ("compose", {"bars": 41}, 422, "bars: 41; this server writes 1 to 40"),
        ("compose", {"phrases": "30+30"}, 422, "phrases: more than 40 bars together"),
        ("compose", {"count": 4}, 422, "count: 4; this server writes at most 3"),
        ("compose", {"chords": "song.musicxml"}, 422, "chords: a file cannot be named here"),
        ("compose", {"model": "/etc"}, 422, "model: no model named '/etc'"),
        ("compose", {"source": "/etc/passwd"}, 422, "source: no file is opened here"),
        ("compose", {"task": "fill"}, 422, "task: 'fill'; choices: compose"),
        ("compose", {"score": TUNE}, 422, "there is no key 'score'"),
        ("harmonize", {}, 422, "score: the text of a score is needed"),
        ("harmonize", {"score": TUNE}, 422, "score.musicxml: "),
        ("harmonize", {"score": "=", "score_format": "midi"}, 422, "score: not midi in base64"),
        ("harmonize", {"score": "TVRoZA==", "score_format": "midi"}, 422, "score.mid: "),
        ("harmonize", {"score": {}, "score_format": "notes"}, 422, "score.parts: Field required"),
        ("harmonize", {"score": {"parts": [{"name": "Tune", "notes": LONG}]}, "score_format": "notes"}, 422, "score: longer than 40 bars"),
        ("harmonize", {"score": TUNE, "score_format": "abc", "cadence": ["9:9=half"]}, 422, 'cadence "9:9=half": '),
        ("compose", b" " * 200_001, 413, "the body is larger than 200,000 bytes"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_without_a_path(client, task, sent, status, line):
    data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    answer = client.post(f"/{task}", content=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert line in told(answer)
    assert "/tmp" not in answer.text


def test_addresses_methods_and_kinds_of_bodies_that_there_are_not(client):
    for answer, status in ((client.get("/nothing"), 404), (client.get("/compose"), 405)):
        assert answer.status_code == status
        assert "/openapi.json" in told(answer)
    answer = client.post("/compose", content=b"{}", headers={"Content-Type": "text/plain"})  # what a form of a web page could send
    assert answer.status_code == 415
    assert "application/json" in told(answer)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8765"}, 200),
        ({"Host": "[::1]:8765"}, 200),
        ({"Origin": "http://127.0.0.1:8765"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:8765"}, 403),
        ({"Host": "localhost:x@evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:3000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example:8765", "Origin": "http://evil.example:8765"}, 403),
    ],
)
def test_other_hosts_and_origins_are_sent_away(client, headers, status):
    for answer in (client.get("/health", headers=headers), client.post("/compose", json={"bars": 1, "seed": 1}, headers=headers)):
        assert answer.status_code == status


def test_an_allowed_page_may_ask():
    app = make_app(Studio("dice", LIMITS).do, "dice", LIMITS, origins=["http://localhost:3000"])
    answer = TestClient(app, base_url="http://127.0.0.1:8765").get("/models", headers={"Origin": "http://localhost:3000"})
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert "dice" in [model["name"] for model in answer.json()]


def test_origins_are_read_as_browsers_write_them():
    assert read_origin("http://LocalHost:3000/") == "http://localhost:3000"
    for text in ("localhost:3000", "*", "null", "http://", "http://a/page", "http://a?b", "file://x", "http://a@b"):
        with pytest.raises(MusicgenError, match="like http://localhost:3000"):
            read_origin(text)


# --- whatever is sent


def test_no_field_opens_a_file(client, tmp_path):
    """Every text of a request is the path of a file that is there, under every name that a reader of ours takes."""
    (tmp_path / "config.json").write_text('{"kind": "markov"}')  # the folder is a checkpoint
    files = [tmp_path / f"secret{suffix}" for suffix in (".musicxml", ".abc", "")]
    for file in files:
        file.write_text(SECRET)
    opened, hearing = [], [True]
    sys.addaudithook(lambda event, arguments: opened.append(str(arguments[0])) if hearing and event in ("open", "os.listdir") else None)
    asked = {key: task for task in TASKS for key in keys_of(task)}
    for key, task in asked.items():
        for path in [tmp_path] if key == "model" else files if key == "chords" else files[:1]:
            client.post(f"/{task}", json={"seed": 1} | ({} if task == "compose" else NOTES) | {key: str(path)})
    client.post("/harmonize", json={"seed": 1, "score": TUNE, "score_format": "abc"})
    hearing.clear()
    assert any("musicgen-" in path for path in opened), "nothing was heard"
    assert not [path for path in opened if str(tmp_path) in path]


TEXTS = st.one_of(
    st.sampled_from(["G", "S 1:1 G4", "B 1-2 1/4", "1:1=half", "2+1", "I V I", "6/8", "SAB", "1:1", "4", "AT", "D dorian"]), st.text()
)
ANY = st.one_of(st.none(), st.booleans(), st.integers(-3, 400), st.floats(), TEXTS, st.lists(TEXTS, max_size=3))


@given(st.data())
@settings(max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_whatever_is_sent_is_answered_as_documented(client, data):
    task = data.draw(st.sampled_from(TASKS))
    keys = data.draw(st.lists(st.sampled_from(keys_of(task)), max_size=4))
    sent = {} if task == "compose" else dict(NOTES)
    sent |= {"seed": 1} | {key: data.draw(ANY, label=key) for key in keys}
    answer = client.post(f"/{task}", content=json.dumps(sent).encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 422), (sent, answer.text)
    if answer.status_code != 200:
        assert told(answer)


def test_who_leaves_is_not_composed_for():
    """The app as a server runs it, for a client that sends its order and goes."""
    begun, given_up, sent, body = threading.Event(), threading.Event(), [], [b"{}"]

    def do(order) -> Outcome:
        begun.set()
        assert given_up.wait(5), "nobody has said that it may end"
        return Outcome(499, {})

    async def receive():
        if body:
            return {"type": "http.request", "body": body.pop()}
        while not begun.is_set():
            await asyncio.sleep(1)
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/compose", "query_string": b"", "headers": headers}
    asyncio.run(make_app(do, "dice", give_up=given_up.set)(scope, receive, send))
    assert sent[0]["status"] == 499


def test_too_many_at_once_are_told_to_come_again():
    inside, sent = asyncio.Event(), []

    async def app(scope, receive, send):
        await inside.wait()

    async def send(message):
        sent.append(message)
        inside.set()

    async def ask_twice():
        guard, scope = Guard(app, most=1), {"type": "http", "headers": [(b"host", b"localhost")]}
        async with asyncio.timeout(5):
            await asyncio.gather(guard(scope, None, send), guard(scope, None, send))
            await guard(scope, None, send)

    asyncio.run(ask_twice())
    assert [message["status"] for message in sent if "status" in message] == [503]


def test_too_many_are_told_to_come_again():
    begun, finish = threading.Event(), threading.Event()

    def do(order) -> Outcome:
        begun.set()
        finish.wait(20)
        return Outcome(200, {"model": "", "remarks": [], "pieces": [], "seconds": 0})

    with TestClient(make_app(do, "dice", Limits(waiting=1)), base_url="http://127.0.0.1") as client:
        statuses = []
        first = threading.Thread(target=lambda: statuses.append(client.post("/compose", json={}).status_code))
        first.start()
        assert begun.wait(20)
        second = client.post("/compose", json={})
        assert client.get("/health").json()["waiting"] == 1
        finish.set()
        first.join()
    assert (second.status_code, second.headers["Retry-After"]) == (503, "10")
    assert "try again" in told(second)
    assert statuses == [200]


class Broken(Studio):
    def composer(self, request):
        return 1 / 0


def test_a_bug_is_said_to_be_one(capsys):
    client = TestClient(make_app(Broken("dice").do, "dice"), base_url="http://127.0.0.1")
    answer = client.post("/compose", json={"bars": 1})
    assert answer.status_code == 500
    assert "a bug of ours" in told(answer)
    assert "ZeroDivisionError" in capsys.readouterr().err
