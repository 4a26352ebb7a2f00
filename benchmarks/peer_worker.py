"""Runs deepbach-pytorch 1.5.0 by its own functions and prints one line of JSON. Needs the peer's environment, not ours.

The peer ships no weights and builds its dataset in over an hour. Neither changes how long an update takes, so `prepare` writes what its
`harmonize` will load: a dataset object with a vocabulary of every spelling in the choir's ranges, and random weights.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from typing import Any

BEGAN = time.perf_counter()

import deepbach_pytorch as peer  # noqa: E402
import music21  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.utils.data import TensorDataset  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - BEGAN
RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))  # lowest and highest pitch of each voice in its corpus
SPELLINGS = [letter + accidental for letter in "CDEFGAB" for accidental in ("-", "", "#")]
VERSIONS = {name: version(name) for name in ("deepbach_pytorch", "torch", "numpy", "music21")}


def make_dataset(folder: Path) -> Any:
    """Its dataset object as it is after a build, with the arguments of its `_get_default_dataset`, less the notes."""
    dataset = peer.ChoraleDataset(
        corpus_it_gen=None,
        name="custom_" + folder.name,
        voice_ids=[0, 1, 2, 3],
        metadatas=[peer.FermataMetadata(), peer.TickMetadata(subdivision=4), peer.KeyMetadata()],
        sequences_size=8,
        subdivision=4,
        cache_dir=str(folder / "cache"),
    )
    dataset.voice_ranges = list(RANGES)
    vocabularies = [sorted({"__", "START", "END", "rest", "OOR", *_names(*bounds)}) for bounds in RANGES]
    dataset.index2note_dicts = [dict(enumerate(names)) for names in vocabularies]
    dataset.note2index_dicts = [{name: index for index, name in enumerate(names)} for names in vocabularies]
    return dataset


def _names(lowest: int, highest: int) -> list[str]:
    names = [f"{spelling}{octave}" for octave in range(1, 7) for spelling in SPELLINGS]
    return [name for name in names if lowest <= music21.pitch.Pitch(name).midi <= highest]


def prepare(folder: Path, seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    dataset = make_dataset(folder)
    torch.save(dataset, dataset.filepath)
    peer.create_model(dataset, models_dir=str(folder / "models")).save()
    return {"vocabulary": [len(names) for names in dataset.note2index_dicts], "versions": VERSIONS, "chorales": four_part_files()}


def four_part_files() -> list[str]:
    """The files that its dataset is built from, as often as its iterator names them: four parts, as its `is_valid` asks."""
    names = []
    for name in music21.corpus.chorales.Iterator(returnType="filename"):
        found = music21.corpus.getWork(name)
        paths = [Path(path) for path in (found if isinstance(found, list) else [found])]
        path = next((path for path in paths if path.suffix == ".mxl"), paths[0])
        with zipfile.ZipFile(path) as file:
            score = max((file.read(member) for member in file.namelist()), key=len)
        if score.count(b"<score-part ") == 4:
            names.append(path.stem)
    return names


def harmonize(folder: Path, tune: Path, out: Path, iterations: int, seed: int) -> dict[str, Any]:
    """Its own `harmonize`, whole; the sampling inside is timed apart."""
    random.seed(seed)
    np.random.seed(seed)
    peer.DATASET_CACHE_DIR = str(folder / "cache")
    sampling: list[float] = []
    gibbs = peer.DeepBach.parallel_gibbs

    def timed_gibbs(*args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        result = gibbs(*args, **options)
        sampling.append(time.perf_counter() - began)
        return result

    peer.DeepBach.parallel_gibbs = timed_gibbs
    began = time.perf_counter()
    peer.harmonize(str(tune), str(out), num_iterations=iterations, models_dir=str(folder / "models"), custom_midi_dir=str(folder))
    return {"import": IMPORT_SECONDS, "sampling": sampling[0], "harmonize": time.perf_counter() - began}


class Watched:
    """A loader that notes when each batch is asked for: the times between are its loop's steps, the start of its workers left out."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        self.asked: list[float] = []

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        for batch in self.loader:
            yield batch
            self.asked.append(time.perf_counter())

    @property
    def step_seconds(self) -> float:
        return median(np.diff(self.asked).tolist())


def training(folder: Path, steps: int, batch: int, seed: int) -> dict[str, Any]:
    """Seconds a step of its own training and testing loops, mean of the four voices."""
    random.seed(seed)
    torch.manual_seed(seed)
    dataset = make_dataset(folder)
    dataset.tensor_dataset = random_windows(dataset, round(steps * batch / 0.8))
    times = []
    for voice in peer.create_model(dataset, models_dir=str(folder / "models")).voice_models:
        train, valid = (Watched(loader) for loader in dataset.data_loaders(batch_size=batch)[:2])
        voice.loss_and_acc(train, optimizer=torch.optim.Adam(voice.parameters(), lr=1e-3), phase="train")
        voice.loss_and_acc(valid, phase="test")
        times.append((train.step_seconds, valid.step_seconds))
    return {"train": fmean(train for train, _ in times), "valid": fmean(valid for _, valid in times)}


def random_windows(dataset: Any, count: int) -> TensorDataset:
    """Windows of 32 steps as its dataset keeps them: notes (N, 4, 32), and fermata, step in the beat, key and voice (N, 4, 32, 4)."""
    notes = torch.stack([torch.randint(len(names), (count, 32)) for names in dataset.note2index_dicts], dim=1)
    sizes = [metadata.num_values for metadata in dataset.metadatas] + [4]
    conditions = torch.stack([torch.randint(size, (count, 4, 32)) for size in sizes], dim=-1)
    return TensorDataset(notes.int(), conditions.int())


def main(task: str, *words: str) -> None:
    with contextlib.redirect_stdout(sys.stderr):
        if task == "prepare":
            result = prepare(Path(words[0]), int(words[1]))
        elif task == "harmonize":
            result = harmonize(Path(words[0]), Path(words[1]), Path(words[2]), int(words[3]), int(words[4]))
        else:
            result = training(Path(words[0]), int(words[1]), int(words[2]), int(words[3]))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
