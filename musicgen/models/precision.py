"""In which numbers a machine multiplies fastest. Without bf16 units a CPU takes three times longer over bf16 products than over float32."""

from __future__ import annotations

from collections.abc import Mapping

import torch

UNITS = ("avx512_bf16", "amx_bf16", "bf16")  # as x86 and ARM name them


def product_dtype(device: str = "cpu") -> torch.dtype:
    """bfloat16 on a GPU and where the CPU has units for it, else float32."""
    if device.split(":")[0] != "cpu":
        return torch.bfloat16
    capabilities: Mapping[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # a torch that cannot tell gets float32
    return torch.bfloat16 if any(capabilities.get(unit) for unit in UNITS) else torch.float32
