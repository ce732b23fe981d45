"""Time one convolution in the five forms that zoo has, and write the figure of docs/ladder.md.

From the repository's root::

    python tests/benchmarks/ladder.py -o docs/ladder.svg

A layer of 64 to 64 channels, 3 x 3 taps, 4 images of 64x64, in float32 on one thread. The forms
take turns, and the median of each is kept; the loops are timed on a few of the outputs. Rates are
of the operations that the definition takes, so that a form that needs fewer may pass the rate of
the machine. No test: pytest does not collect it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from zoo.engine.conv.axis import Axis
from zoo.engine.conv.gemm_nhwc import GemmNHWC
from zoo.engine.conv.kernel import ConvKernel
from zoo.engine.conv.minimal_filtering import MinimalFiltering
from zoo.nn import Conv2d

CHANNELS, SIZE, IMAGES, TAPS = 64, 64, 4, 3
FLOP = 2 * IMAGES * SIZE**2 * TAPS**2 * CHANNELS**2
ROUNDS = 25
FEW = 6  # outputs of the loops


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--out", type=Path, help="file for the figure, an SVG")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    rates = measured()
    print("| form | multiplications for each output | GFLOP/s of the definition |\n|---|--:|--:|")
    for name, count, rate in rates:
        print(f"| {name} | {count} | {rate:.3g} |")
    if options.out is not None:
        options.out.write_text("\n".join(figure(rates)) + "\n", "utf-8")


def measured() -> list[tuple[str, int, float]]:
    """(name, multiplications for each output, GFLOP/s) of each form."""
    layer = Conv2d(CHANNELS, CHANNELS, TAPS, padding=1)
    x = torch.rand(IMAGES, CHANNELS, SIZE, SIZE)
    weight = layer.weight
    reference = torch.nn.functional.conv2d(x, weight, padding=1)
    axis = Axis(SIZE, SIZE, 1, (-1, 0, 1))
    pixels = x.contiguous(memory_format=torch.channels_last)
    taps = weight.permute(2, 3, 1, 0).contiguous()

    def kernel(form: ConvKernel) -> Callable[[], Tensor]:
        return lambda: form.fprop(form.gemm_operand(form.pack_fine(pixels)), taps, None)

    maps = axis, axis, IMAGES, CHANNELS, CHANNELS
    channels_last = weight.contiguous(memory_format=torch.channels_last)
    forms: dict[str, tuple[int, Callable[[], Tensor]]] = {
        "im2col and one product": (576, lambda: layer.forward(x)),
        "row-shifted products": (576, kernel(GemmNHWC(*maps))),
        "minimal filtering": (256, kernel(MinimalFiltering(*maps))),
        "larger tiles": (144, kernel(MinimalFiltering(*maps, side=4))),
        "torch.nn (oneDNN)": (
            576,
            lambda: torch.nn.functional.conv2d(pixels, channels_last, padding=1),
        ),
    }
    bias = layer.parameters["bias"].value[:, None, None]
    for name, (_, form) in forms.items():
        found = form() - (bias if name.startswith("im2col") else 0)
        assert float((found - reference).abs().max()) < 1e-4, name
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(ROUNDS):
        for name, (_, form) in forms.items():
            start = time.perf_counter()
            form()
            seconds[name].append(time.perf_counter() - start)
    timed = [
        (name, count, FLOP / median(seconds[name]) / 1e9) for name, (count, _) in forms.items()
    ]
    return [("loops in Python", 576, rate_of_loops(x, weight)), *timed]


def rate_of_loops(x: Tensor, weight: Tensor) -> float:
    """GFLOP/s of the definition as loops, of a few outputs."""
    image, taps = x[0].tolist(), weight[0].tolist()
    start = time.perf_counter()
    for column in range(1, FEW + 1):
        total = 0.0
        for channel in range(CHANNELS):
            for i in range(TAPS):
                for j in range(TAPS):
                    total += image[channel][10 + i][column + j] * taps[channel][i][j]
    return 2 * FEW * TAPS**2 * CHANNELS / (time.perf_counter() - start) / 1e9


def figure(rates: list[tuple[str, int, float]]) -> Iterator[str]:
    """An SVG with a bar for each form, in the colours of the page that it is on."""
    line, left, room = 34, 190, 360
    most = max(rate for _, _, rate in rates)
    height = line * len(rates) + 34
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" role="img" '
        'aria-label="GFLOP/s of each form" font-family="system-ui, sans-serif" font-size="14">'
    )
    yield (
        "<style>text{fill:#222}rect{fill:#3b6ea5}.torch{fill:#999}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}rect{fill:#7fb0e0}}</style>"
    )
    for number, (name, _, rate) in enumerate(rates):
        top = line * number + 6
        width = max(1.0, room * rate / most)
        kind = ' class="torch"' if name.startswith("torch") else ""
        yield f'<text x="{left - 8}" y="{top + 17}" text-anchor="end">{name}</text>'
        yield f'<rect{kind} x="{left}" y="{top}" width="{width:.1f}" height="24" rx="3"/>'
        yield f'<text x="{left + width + 8:.1f}" y="{top + 17}">{rate:.3g}</text>'
    yield (
        f'<text x="{left}" y="{height - 8}">GFLOP/s of the definition, one thread: 64 to 64 '
        "channels, 3 x 3</text>"
    )
    yield "</svg>"


if __name__ == "__main__":
    main()
