"""Tiny networks built in the tests: real layers, random weights, a thousandth of the size."""

import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import torch

from musicgen.composers.any_order import MaskedComposer
from musicgen.composers.left_to_right import SketcherComposer
from musicgen.composers.neural import QuartetComposer
from musicgen.models.checkpoint import Checkpoint, save_checkpoint
from musicgen.models.committee import Committee, CommitteeConfig
from musicgen.models.masked import Masked, MaskedConfig
from musicgen.models.quartet import Quartet, QuartetConfig
from musicgen.models.sketcher import Sketcher, SketcherConfig
from musicgen.models.unet import UNetConfig
from musicgen.sampling.any_order import OrderOptions
from musicgen.sampling.draw import SamplingOptions
from musicgen.separation.rolls import PLANES
from musicgen.tokenizers.grid import CONDITION_SIZES, GridTokenizer

TOKENIZER = GridTokenizer()
CONFIG = QuartetConfig(
    vocab_size=TOKENIZER.size,
    input_size=TOKENIZER.size + 2,
    hold_id=TOKENIZER.hold_id,
    condition_sizes=CONDITION_SIZES,
    embedding=8,
    condition_embedding=2,
    width=16,
    layers=1,
    dropout=0.0,
)
CHECKPOINT = Checkpoint("quartet", asdict(CONFIG), asdict(TOKENIZER), {"name": "bach-chorales", "fingerprint": "", "split": "train"}, {})


def tiny_model(seed: int = 0) -> Quartet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Quartet(CONFIG)


def tiny_checkpoint(folder: Path, seed: int = 0) -> Path:
    save_checkpoint(folder, CHECKPOINT, tiny_model(seed).state_dict(), dtype=torch.float32)
    return folder


def tiny_composer(sweeps: float = 2.0) -> QuartetComposer:
    return QuartetComposer("tiny", tiny_model().eval(), TOKENIZER, CHECKPOINT, SamplingOptions(sweeps=sweeps))


def shipped_like() -> QuartetComposer:
    """Loaded from a checkpoint in bf16, with the table of motions, as a user's composer is."""
    config = replace(CONFIG, motion=12)
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng():
        torch.manual_seed(1)
        save_checkpoint(Path(folder), replace(CHECKPOINT, model=asdict(config)), Quartet(config).state_dict())
        loaded = QuartetComposer.load(Path(folder), sweeps=2)
    return replace(loaded, name="shipped-like")


PAIRS = GridTokenizer("pair", relative=True, fermatas="struck", phrases=True)
SKETCHER_CONFIG = SketcherConfig(
    vocab_size=PAIRS.size,
    input_size=PAIRS.size + 2,
    condition_sizes=PAIRS.condition_sizes,
    embedding=8,
    condition_embedding=2,
    width=16,
    heads=2,
    inner=16,
    encoder_layers=1,
    decoder_layers=2,
    dropout=0.0,
    hidden=0.0,
)
SKETCHER_CHECKPOINT = Checkpoint("sketcher", asdict(SKETCHER_CONFIG), asdict(PAIRS), CHECKPOINT.corpus, {})


def tiny_sketcher(config: SketcherConfig = SKETCHER_CONFIG, seed: int = 0) -> Sketcher:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Sketcher(config).eval()


def tiny_committee(config: SketcherConfig = SKETCHER_CONFIG) -> Committee:
    """Two sketchers, of the seeds 0 and 1."""
    committee = Committee(CommitteeConfig(2, config)).eval()
    for seed, member in enumerate(committee.members):
        member.load_state_dict(tiny_sketcher(config, seed).state_dict())
    return committee


def tiny_committee_composer() -> SketcherComposer:
    return SketcherComposer("tiny-committee", tiny_committee(), PAIRS, SKETCHER_CHECKPOINT)


def tiny_sketcher_composer() -> SketcherComposer:
    return SketcherComposer("tiny-sketcher", tiny_sketcher(), PAIRS, SKETCHER_CHECKPOINT)


MASKED_CONFIG = MaskedConfig(
    vocab_size=PAIRS.size,
    input_size=PAIRS.size + 2,
    condition_sizes=PAIRS.condition_sizes,
    embedding=8,
    condition_embedding=2,
    width=16,
    heads=2,
    inner=16,
    layers=2,
    dropout=0.0,
)
MASKED_CHECKPOINT = Checkpoint("masked", asdict(MASKED_CONFIG), asdict(PAIRS), CHECKPOINT.corpus, {})


def tiny_masked(config: MaskedConfig = MASKED_CONFIG, seed: int = 0) -> Masked:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Masked(config).eval()


def tiny_masked_composer() -> MaskedComposer:
    return MaskedComposer("tiny-masked", tiny_masked(), PAIRS, MASKED_CHECKPOINT, order=OrderOptions(together=64, redraws=1))


SEPARATOR_CHECKPOINT = Checkpoint("unet", asdict(UNetConfig(PLANES, 4, (4, 6), 0.0)), {}, CHECKPOINT.corpus, {})
