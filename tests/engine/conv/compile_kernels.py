"""Compiles the GPU's kernels to machine code on a machine without a GPU; prints what they need.

Run as a program, where Triton does not interpret: ``python compile_kernels.py 80 90`` compiles for
compute capabilities 8.0 and 9.0, and prints a line of JSON for each kernel.
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from triton import compile as compile_kernel
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from zoo.engine.conv import triton_conv, triton_kernels
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.triton_conv import TritonConv

POINTERS = {torch.float32: "*fp32", torch.bfloat16: "*bf16"}
PRECISIONS = {"float32": "highest", "tf32": "high", "bfloat16": "highest"}


class Compiled:
    """Stands for a kernel: compiles it for the arguments that it is started with."""

    def __init__(self, kernel: Any, capability: int, precision: str) -> None:
        self._kernel = kernel
        self._capability = capability
        self._precision = precision

    def __getitem__(self, grid: tuple[int, ...]) -> Any:
        return self._compile

    def _compile(self, *arguments: object, **constants: object) -> None:
        names = self._kernel.arg_names
        types = dict.fromkeys(names, "constexpr")
        for name, argument in zip(names, arguments, strict=False):
            types[name] = POINTERS[argument.dtype] if isinstance(argument, Tensor) else "i32"
        places = {(names.index(name),): value for name, value in constants.items()}
        source = ASTSource(fn=self._kernel, signature=types, constexprs=places)
        compiled = compile_kernel(source, target=GPUTarget("cuda", self._capability, 32))
        needs = {
            "kernel": self._kernel.__name__,
            "capability": self._capability,
            "precision": self._precision,
            "code": len(compiled.asm["cubin"]),
            "shared": compiled.metadata.shared,
        }
        print(json.dumps(needs))


def main() -> None:
    """Compile every kernel for each precision."""
    names = [name for name in vars(triton_kernels) if name.endswith("_kernel")]
    for capability in map(int, sys.argv[1:]):
        for precision, products in PRECISIONS.items():
            torch.set_float32_matmul_precision(products)
            own = {
                name: Compiled(getattr(triton_kernels, name), capability, precision)
                for name in names
            }
            fakes = SimpleNamespace(tl=triton_kernels.tl, **own)
            triton_conv.kernels = lambda fakes=fakes: fakes  # type: ignore[assignment, misc]
            run_all(torch.bfloat16 if precision == "bfloat16" else torch.float32)


def run_all(dtype: torch.dtype) -> None:
    """Start each kernel once, in its largest tiles."""
    axis = Axis(16, 33, 2, (-2, -1, 0, 1, 2))
    kernel = TritonConv(axis, axis, 10, 64, 96, flipped=True)
    coarse, fine = (
        torch.empty(10, 64, 16, 16, dtype=dtype),
        torch.empty(10, 96, 33, 33, dtype=dtype),
    )
    weight = torch.empty(5, 5, 96, 64, dtype=dtype)
    kernel.fprop(fine, weight, coarse)
    kernel.dgrad(coarse, weight, fine, upsampled=True)
    kernel.wgrad(weight, coarse, fine, add=False)


main()
