"""A corpus built through Ray Data is, byte for byte, the one that this machine builds by itself. Needs the extra [ray]."""

import pytest
from test_event_build import fill, tune

from musicgen.corpus.event_build import build_events, local_engine
from musicgen.corpus.midi_folder import find_units
from musicgen.tokenizers.events import EventTokenizer

pytest.importorskip("ray.data")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_same_shards(tmp_path):
    from musicgen.corpus.ray_build import ray_engine

    fill(tmp_path / "music", {f"{seed:03}.mid": tune(seed) for seed in range(80)} | {"bad.mid": b"hello", "copy.mid": tune(3, shift=2)})
    units, tokenizer = find_units(tmp_path / "music"), EventTokenizer.make()
    build_events("mine", units, "here", tokenizer, tmp_path / "local", local_engine(1))
    done = []
    build_events("mine", units, "here", tokenizer, tmp_path / "ray", ray_engine(), lambda count, *_: done.append(count))
    assert done[-1] == 82
    files = sorted(path.name for path in (tmp_path / "local" / "mine").iterdir())
    assert sorted(path.name for path in (tmp_path / "ray" / "mine").iterdir()) == files
    for name in files:
        assert (tmp_path / "local" / "mine" / name).read_bytes() == (tmp_path / "ray" / "mine" / name).read_bytes()
