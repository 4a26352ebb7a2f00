"""PDF: one file of all pages, of the paper asked for, whole by its own table of objects, with its fonts and letters in it."""

import re
import zlib

import pytest
from bach_scores import bach

from musicgen.music.score import Score
from musicgen.rendering.edition import Edition
from musicgen.rendering.export import export_score


def written(score: Score, path, **edition) -> bytes:
    (file,) = export_score(score, [path], Edition(**edition))
    return file.read_bytes()


def streams(data: bytes) -> list[bytes]:
    found = re.findall(rb"/Filter /FlateDecode[^>]*>>\nstream\n(.*?)\nendstream", data, re.DOTALL)
    return [zlib.decompress(each) for each in found]


@pytest.fixture(scope="module")
def chorale(tmp_path_factory) -> bytes:
    return written(bach("bwv66.6"), tmp_path_factory.mktemp("pdf") / "x.pdf")


def test_the_table_of_objects_is_right(chorale):
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF", chorale)[-1])
    assert chorale[start:].startswith(b"xref")
    offsets = [int(row) for row in re.findall(rb"(\d{10}) 00000 n", chorale[start:])]
    assert len(offsets) == chorale.count(b" 0 obj\n")
    for number, offset in enumerate(offsets, 1):
        assert chorale[offset:].startswith(b"%d 0 obj" % number)


def test_fonts_are_embedded_and_their_letters_can_be_found(chorale):
    assert chorale.count(b"/FontFile2 ") == chorale.count(b"/Type /FontDescriptor") > 0
    maps = b"".join(each for each in streams(chorale) if b"beginbfchar" in each)
    letters = {chr(int(code, 16)) for code in re.findall(rb"<[0-9A-F]{4}> <([0-9A-F]{4})>", maps)}
    assert letters >= set("SopranoAltTenrBs")


def test_equal_scores_are_equal_bytes_on_the_paper_that_is_asked_for(chorale, tmp_path):
    assert written(bach("bwv66.6"), tmp_path / "again.pdf") == chorale
    letter = written(bach("bwv66.6"), tmp_path / "letter.pdf", paper="letter")
    for data, width, height in ((chorale, 595, 842), (letter, 612, 792)):
        (box,) = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
        assert tuple(map(float, box)) == pytest.approx((width, height), abs=0.6)


def test_long_music_has_more_pages_in_the_same_file(tmp_path):
    score = bach("bwv66.6")
    long = Score(
        tuple(part for _ in range(4) for part in score.parts), score.ticks_per_quarter, score.meters, score.keys, pickup=score.pickup
    )
    data = written(long, tmp_path / "long.pdf")
    count = int(re.findall(rb"/Type /Pages .*?/Count (\d+)", data)[0])
    assert count == len(re.findall(rb"/Type /Page\b", data)) > 1
