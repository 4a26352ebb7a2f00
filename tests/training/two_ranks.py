"""Two processes that train together, as torchrun would start them, forked from a server that has imported torch once."""

import multiprocessing
import os
import signal
import socket
from pathlib import Path

from musicgen.training.language_config import LanguageTraining

SHORT = LanguageTraining(updates=4, batch=6, at_once=2, warmup=2, test_every=2, valid_rows=5, save_minutes=0.0)
KILLED_AFTER = 3
LOADED = [
    "musicgen.training.language",
    "event_pieces",
    "miditok",
    "torch._dynamo",
    "torch.distributed.fsdp",
    "torch.distributed.checkpoint",
]
"""All that a process would import itself: once, instead of ten times."""


def train_as_rank(rank: int, count: int, port: int, folder: Path, parallel: str, killed: bool) -> None:
    """`killed`: the process that tells of progress, the first, is killed on the way."""
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(count), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    from dataclasses import replace

    import event_pieces as events
    import torch

    from musicgen.training.distributed import all_ranks
    from musicgen.training.language import train_language
    from musicgen.training.streams import whole_rows

    torch.set_num_threads(1)
    config = replace(SHORT, parallel=parallel)
    valid = whole_rows(events.pieces(4, 6), 64, events.tokenizer().bar_ids, config.valid_rows)

    def die(progress):
        if killed and progress.update == KILLED_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint = events.checkpoint(window=64, dropout=0.0)
    with all_ranks("cpu") as ranks:
        train_language(checkpoint, config, events.tokenizer(), events.pieces(0, 4), valid, folder, ranks, on_progress=die)


def together(folder: Path, parallel: str, killed: bool = False, count: int = 2, seconds: float = 300) -> list[int]:
    """A run in so many processes; how each of them ended."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = [context.Process(target=train_as_rank, args=(rank, count, port, folder, parallel, killed)) for rank in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(seconds)
        if process.is_alive():
            process.kill()
            process.join()
    return [process.exitcode for process in processes]
