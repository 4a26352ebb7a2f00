"""Training in several processes, as torchrun starts them: who I am, what we share, how weights are spread, how a run is saved in parts.

A run that processes share is saved as sharded safetensors, through torch.distributed.checkpoint: any number of processes, by DDP or by
FSDP2, goes on with it. Nothing is unpickled.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from musicgen.errors import CheckpointError
from musicgen.models.checkpoint import write_text

POINTER = "state.json"
"""Says which folder holds the latest whole state."""


@dataclass
class Ranks:
    """This process, `number` of `count`. `joined`: torchrun started it, even if it is the only one."""

    number: int = 0
    count: int = 1
    device: str = "cpu"
    joined: bool = False
    asked_to_stop: bool = field(default=False, init=False)

    @property
    def first(self) -> bool:
        return self.number == 0

    def total(self, *values: float) -> list[float]:
        """The sums over all processes."""
        if not self.joined:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=self.device)
        distributed.all_reduce(sums)
        return [float(value) for value in sums]

    def wait(self) -> None:
        if self.joined:
            distributed.barrier()


def is_joined() -> bool:
    """Whether torchrun started this process."""
    return {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys()


@contextmanager
def all_ranks(device: str) -> Iterator[Ranks]:
    """Joins the processes that torchrun started, or is alone. Ctrl-C in any of them stops all of them after the same update."""
    if not is_joined():
        yield Ranks(device=device)
        return
    if device.startswith("cuda"):
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    ranks = Ranks(distributed.get_rank(), distributed.get_world_size(), device, joined=True)

    def stop(*_: object) -> None:
        ranks.asked_to_stop = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ranks
        distributed.destroy_process_group()  # not after an error: the others may be waiting for something else
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def spread(model: nn.Module, ranks: Ranks, parallel: str) -> nn.Module:
    """What to call instead of the model. With `fsdp` the weights of the model itself are spread over the processes from now on."""
    if not ranks.joined:
        return model
    if parallel == "ddp":
        return nn.parallel.DistributedDataParallel(model)
    from torch.distributed.fsdp import fully_shard

    for layer in getattr(model, "layers", ()):
        fully_shard(layer)
    fully_shard(model)
    return model


@contextmanager
def gathering(module: nn.Module, now: bool) -> Iterator[None]:
    """Gradients of what is done within are shared with the other processes only if `now`, with all that came before."""
    by_fsdp = getattr(module, "set_requires_gradient_sync", None)
    if by_fsdp is not None:
        by_fsdp(now)
    by_ddp = getattr(module, "no_sync", None)
    with by_ddp() if by_ddp is not None and not now else nullcontext():
        yield


def local_parts(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What this process keeps of each."""
    return {name: tensor.to_local() if isinstance(tensor, _dtensor()) else tensor for name, tensor in tensors.items()}


def whole(tensor: Tensor) -> Tensor:
    """All of it, in every process."""
    return tensor.full_tensor() if isinstance(tensor, _dtensor()) else tensor


def _dtensor() -> Any:
    """DTensor, if anything here can be one: to import it takes a second."""
    module = sys.modules.get("torch.distributed.tensor")
    return module.DTensor if module else ()


def save_parts(folder: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any], update: int, ranks: Ranks) -> None:
    """A folder of its own for each state; the one before goes when the new one is whole."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter
    from torch.distributed.checkpoint.state_dict_saver import save

    name = f"state-{update:08d}"
    before = read_notes(folder).get("folder")
    if before == name:
        return
    if ranks.first:
        shutil.rmtree(folder / name, ignore_errors=True)  # half of one, left by a process that was killed
    ranks.wait()
    save(dict(tensors), storage_writer=HuggingFaceStorageWriter(str(folder / name), save_distributed=True))
    if ranks.first:
        write_text(folder / POINTER, json.dumps({**notes, "folder": name}) + "\n")
        if before:
            shutil.rmtree(folder / before, ignore_errors=True)
    ranks.wait()


def read_notes(folder: Path) -> dict[str, Any]:
    """What was noted with the latest whole state; nothing if there is none."""
    path = folder / POINTER
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read ({error}); remove the folder or choose another --run") from None


def load_parts(folder: Path, tensors: Mapping[str, Tensor], name: str) -> None:
    """Reads the state into the tensors, whose names and whole shapes must be those saved."""
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader
    from torch.distributed.checkpoint.state_dict_loader import load

    load(dict(tensors), storage_reader=HuggingFaceStorageReader(str(folder / name)))
