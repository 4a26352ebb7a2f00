"""bf16 products only where the machine has units for them."""

from __future__ import annotations

import pytest
import torch

from musicgen.models.precision import product_dtype


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx512_bf16": True, "avx512_f": True}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": False, "avx512_f": True}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_a_cpu_is_given_what_it_multiplies_fastest(
    capabilities: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert product_dtype("cpu") is dtype
    assert product_dtype("cuda:1") is torch.bfloat16
