"""Checkpoints on the Hugging Face Hub: the folder as it is, up and down. The network is asked only for what is no folder here.

A pushed checkpoint has its card as README.md too, where the Hub shows it, with a few lines in front that name the library and the licence.
"""

from __future__ import annotations

import tempfile
from os import PathLike
from pathlib import Path
from shutil import copyfile

from musicgen.errors import CheckpointError, FileError
from musicgen.models.checkpoint import read_checkpoint, write_text
from musicgen.models.folders import checkpoint_folders

FILES = ("config.json", "model.safetensors", "tokenizer.json", "MODEL_CARD.md", "metrics.json")
CARD = "MODEL_CARD.md"


def from_pretrained(
    name: str | PathLike[str], *, revision: str | None = None, cache: str | PathLike[str] | None = None, endpoint: str | None = None
) -> Path:
    """The folder of a checkpoint: one on disk, one by its name, or a repository `owner/name` of the Hub, fetched once and then kept.

    `endpoint`: another Hub than huggingface.co.
    """
    folder = Path(name)
    if not (folder / "config.json").is_file():
        folder = checkpoint_folders().get(str(name)) or _fetched(str(name), revision, cache, endpoint)
    read_checkpoint(folder)
    return folder


def push_to_hub(
    folder: str | PathLike[str],
    repo: str,
    *,
    private: bool = True,
    token: str | None = None,
    licence: str = "mit",
    endpoint: str | None = None,
) -> str:
    """Uploads a checkpoint to the repository `owner/name`, which is made if it is missing; returns its address."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined] # that of the HTTP library that it uses

    _check_name(repo)
    api = HfApi(endpoint=endpoint, token=token)
    with tempfile.TemporaryDirectory() as staged:
        stage(Path(folder), Path(staged), licence)
        try:
            made = api.create_repo(repo, private=private, exist_ok=True)
            api.upload_folder(repo_id=made.repo_id, folder_path=staged, commit_message=f"musicgen checkpoint {Path(folder).name}")
        except (HTTPError, OSError) as error:
            raise CheckpointError(f"{repo}: the Hub does not take it ({_short(error)}); log in with `hf auth login`") from None
    return str(made)


def stage(folder: Path, target: Path, licence: str) -> None:
    """What goes to the Hub: the files of a checkpoint and no others, and the card as README.md."""
    checkpoint = read_checkpoint(folder)
    for name in FILES:
        if (folder / name).is_file():
            copyfile(folder / name, target / name)
    try:
        card = (folder / CARD).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileError(folder / CARD, "the card is missing; a checkpoint is published with one, train or copy it again") from None
    head = f"---\nlibrary_name: musicgen\nlicense: {licence}\ntags:\n- symbolic-music\n- midi\n- {checkpoint.kind}\n---\n"
    write_text(target / "README.md", head + card)


def _fetched(name: str, revision: str | None, cache: str | PathLike[str] | None, endpoint: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    _check_name(name)
    try:
        return Path(
            snapshot_download(
                name, revision=revision, cache_dir=Path(cache) if cache else None, allow_patterns=list(FILES), endpoint=endpoint
            )
        )
    except (HTTPError, OSError) as error:
        raise CheckpointError(f"{name}: no folder, no checkpoint of that name, and not to be had from the Hub ({_short(error)})") from None


def _check_name(name: str) -> None:
    """`HFValidationError` says it in many lines."""
    owner, slash, rest = name.partition("/")
    if not (owner and slash and rest) or "/" in rest or name.startswith((".", "/")):
        raise CheckpointError(f"{name}: no checkpoint here; a repository of the Hub is written owner/name")


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
