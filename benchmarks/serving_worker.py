"""One child of serving_speed.py: tokens a second of one model at each batch size, as JSON. Imports only what it measures.

serving_worker.py ours|peer WIDTH HEADS LAYERS INNER VOCABULARY TOKENS THREADS BATCH ...
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable


def ours(sizes: dict[str, int], tokens: int, decoder: str) -> Callable[[int], None]:
    import torch

    from musicgen.models.causal import Causal, CausalConfig
    from musicgen.models.decoder import Decoder
    from musicgen.sampling.decoding import DecodingOptions, decode_batch

    torch.manual_seed(1)
    model = Causal(CausalConfig(bar_ids=(5,), fill_id=3, hole_id=4, bos_id=1, window=1024, **sizes)).eval()
    engine = model if decoder == "model" else Decoder(model, int8=decoder == "int8")

    class Until:
        def allowed(self, ids: list[int]) -> None:
            return None

        def done(self, ids: list[int]) -> bool:
            return len(ids) > tokens

    def generate(batch: int) -> None:
        options = [DecodingOptions(seed=seed) for seed in range(batch)]
        drawn = decode_batch(engine, [[1]] * batch, options, [Until()] * batch)
        assert all(len(ids) == tokens for ids in drawn)

    return generate


def peer(sizes: dict[str, int], tokens: int) -> Callable[[int], None]:
    """GPT-2 with as many weights: its inner layers are wider, since they have two matrices where ours have three."""
    import torch
    import transformers

    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=sizes["vocab_size"],
        n_positions=1024,
        n_embd=sizes["width"],
        n_layer=sizes["layers"],
        n_head=sizes["heads"],
        n_inner=3 * sizes["inner"] // 2,
        bos_token_id=1,
        eos_token_id=None,
        pad_token_id=0,
    )
    model = transformers.GPT2LMHeadModel(config).eval()

    def generate(batch: int) -> None:
        prompt = torch.ones(batch, 1, dtype=torch.long)
        with torch.inference_mode():
            made = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=True,
                top_p=0.95,
                top_k=0,
                min_new_tokens=tokens,
                max_new_tokens=tokens,
                pad_token_id=0,
            )
        assert made.shape == (batch, tokens + 1)

    return generate


def main(words: list[str]) -> None:
    side, decoder = words[0].partition(":")[::2]
    names = ("width", "heads", "layers", "inner", "vocab_size")
    numbers = [int(word) for word in words[1:]]
    sizes, tokens, threads, batches = dict(zip(names, numbers, strict=False)), numbers[5], numbers[6], numbers[7:]
    import torch

    torch.set_num_threads(threads)
    generate = ours(sizes, tokens, decoder) if side == "ours" else peer(sizes, tokens)
    generate(1)
    figures = {}
    for batch in batches:
        seconds, processor = [], []
        for _ in range(2):
            began, worked = time.perf_counter(), time.process_time()
            generate(batch)
            seconds.append(time.perf_counter() - began)
            processor.append(time.process_time() - worked)
        figures[str(batch)] = {
            "tokens_a_second": batch * tokens / min(seconds),
            "processor_ms_a_token": 1000 * min(processor) / batch / tokens,
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1:])
