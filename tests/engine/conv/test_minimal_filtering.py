"""Minimal filtering: its algebra in float64, and the compiled kernels against the definition."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from math import sqrt
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.draws import draws
from zoo.engine.compiled import build
from zoo.engine.compiled.call import BoundCall, call, watched_by
from zoo.engine.conv import minimal_filtering
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.epilogue import Activation, Addition
from zoo.engine.conv.gemm_nhwc import GemmNHWC
from zoo.engine.conv.kernel import ConvKernel
from zoo.engine.conv.minimal_filtering import MinimalFiltering, serves
from zoo.engine.parallel.threads import num_threads

WITH_KERNELS = pytest.mark.skipif(bool(build.problem()), reason=build.problem() or "-")
# Of the largest value, by the side of a tile; float32 rounds by 6e-8.
BOUNDS = {2: 3e-6, 4: 1e-5}
TILES = [(2, 2), (3, 2), (3, 4)]  # taps, and the side of a tile

B_T = torch.tensor([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]).double()
G = torch.tensor([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]]).double() / 2
A_T = torch.tensor([[1, 1, 1, 0], [0, 1, -1, -1]]).double()
R = 2**0.5
LARGE_B_T = torch.tensor(
    [
        *([1, 0, -2.5, 0, 1, 0], [0, -R, -2, R / 2, 1, 0], [0, R, -2, -R / 2, 1, 0]),
        *([0, -R / 2, -0.5, R, 1, 0], [0, R / 2, -0.5, -R, 1, 0], [0, 1, 0, -2.5, 0, 1]),
    ],
    dtype=torch.float64,
)
LARGE_G = (
    torch.tensor(
        [
            *([6, 0, 0], [-4, -2 * R, -2], [-4, 2 * R, -2]),
            *([1, R, 2], [1, -R, 2], [0, 0, 6]),
        ],
        dtype=torch.float64,
    )
    / 6
)
LARGE_A_T = torch.tensor(
    [
        *([1, 1, 1, 1, 1, 0], [0, R / 2, -R / 2, R, -R, 0]),
        *([0, 0.5, 0.5, 2, 2, 0], [0, R / 4, -R / 4, 2 * R, -2 * R, 1]),
    ],
    dtype=torch.float64,
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[MinimalFiltering, int]:
    """A map of 3 x 3 or 2 x 2 taps and stride 1, of any sizes, channels and tiles; a seed."""
    taps, side = draw(st.sampled_from(TILES))

    def axis() -> Axis:
        start = draw(st.integers(-5, 3))
        sizes = draw(st.integers(1, 11)), draw(st.integers(1, 11))
        return Axis(*sizes, 1, tuple(range(start, start + taps)))

    channels = [draw(st.sampled_from([1, 3, 8, 15, 16, 17, 33, 48, 65, 80, 130])) for _ in "ab"]
    kernel = MinimalFiltering(axis(), axis(), draw(st.integers(1, 4)), *channels, side)
    return kernel, draw(st.integers(0, 99))


def random(seed: int, *shapes: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for shape in shapes]


def numbers(kernel: ConvKernel, seed: int) -> list[Tensor]:
    """A coarse and a fine image, the taps, and a bias of each."""
    rows, columns, n = kernel.rows, kernel.columns, kernel.n
    coarse, fine = kernel.coarse_channels, kernel.fine_channels
    images = (n, coarse, rows.coarse, columns.coarse), (n, fine, rows.fine, columns.fine)
    taps = len(rows.offsets), len(columns.offsets)
    return random(seed, *images, (*taps, fine, coarse), (coarse,), (fine,))


def results(kernel: ConvKernel, values: list[Tensor]) -> dict[str, Tensor]:
    """All that a kernel computes."""
    coarse, fine, weight, coarse_bias, fine_bias = values
    packed, operand = kernel.pack_coarse(coarse), kernel.gemm_operand(kernel.pack_fine(fine))
    gradient = torch.full_like(weight, torch.nan)
    kernel.wgrad(gradient, packed, operand, add=False)
    twice = gradient.clone()
    kernel.wgrad(twice, packed, operand, add=True)
    return {
        "fprop": kernel.fprop(operand, weight, coarse_bias),
        "fprop without bias": kernel.fprop(operand, weight, None),
        "dgrad": kernel.dgrad(packed, weight, fine_bias),
        "wgrad": gradient,
        "wgrad twice": twice,
        "pixels": kernel.coarse_pixels(packed).flatten(0, -2).sum(0),
    }


def definition(kernel: ConvKernel, values: list[Tensor]) -> dict[str, Tensor]:
    """The same as matrix products in float64, which have tests of their own."""
    own = GemmNHWC(
        kernel.rows, kernel.columns, kernel.n, kernel.coarse_channels, kernel.fine_channels
    )
    return results(own, [value.double() for value in values])


def assert_close(
    found: Tensor, expected: Tensor, what: str = "", side: int = 2, products: int = 1
) -> None:
    """Sums of so many products are of size sqrt(products), but where the taps reach no pixel."""
    largest = max(1.0, sqrt(products), float(expected.abs().max()))
    error = float((found - expected).abs().max()) / largest
    assert error <= BOUNDS[2 if "wgrad" in what else side], f"{what}: {error:.1e}"


def test_four_products_instead_of_six() -> None:
    d, w = (value.double() for value in random(0, (4,), (3,)))
    y = A_T @ ((G @ w) * (B_T @ d))
    expected = [d[:3] @ w, d[1:] @ w]
    torch.testing.assert_close(y, torch.stack(expected))


def test_three_products_instead_of_four() -> None:
    d, w = (value.double() for value in random(0, (3,), (2,)))
    b_t, g, a_t = (
        torch.tensor(rows).double()
        for rows in (
            [[1, -1, 0], [0, 1, 0], [0, -1, 1]],
            [[1, 0], [1, 1], [0, 1]],
            [[1, 1, 0], [0, 1, 1]],
        )
    )
    y = a_t @ ((g @ w) * (b_t @ d))
    torch.testing.assert_close(y, torch.stack([d[:2] @ w, d[1:] @ w]))


def test_36_products_of_a_tile_instead_of_144() -> None:
    d, w = (value.double() for value in random(0, (6, 6), (3, 3)))
    v, u = LARGE_B_T @ d @ LARGE_B_T.T, LARGE_G @ w @ LARGE_G.T
    y = LARGE_A_T @ (u * v) @ LARGE_A_T.T
    expected = [[(d[i : i + 3, j : j + 3] * w).sum() for j in range(4)] for i in range(4)]
    torch.testing.assert_close(y, torch.tensor(expected).double())


def test_the_weights_gradient_is_that_of_the_transformed_products() -> None:
    d, dy = (value.double() for value in random(1, (4, 4), (2, 2)))
    dw = G.T @ ((B_T @ d @ B_T.T) * (A_T.T @ dy @ A_T)) @ G
    expected = [[(d[i : i + 2, j : j + 2] * dy).sum() for j in range(3)] for i in range(3)]
    torch.testing.assert_close(dw, torch.tensor(expected).double())


@WITH_KERNELS
@draws(150)
@given(cases())
def test_random_maps(case: tuple[MinimalFiltering, int]) -> None:
    kernel, seed = case
    values = numbers(kernel, seed)
    expected = definition(kernel, values)
    summed = {"dgrad": kernel.coarse_channels, "fprop": kernel.fine_channels}
    for what, found in results(kernel, values).items():
        # Of a larger tile pixels beside the image, which cancel, may be more than all in it.
        channels = summed.get(what.split()[0], 1) if kernel.side > 2 else 0
        products = len(kernel.rows.offsets) ** 2 * channels
        assert_close(found, expected[what], what, kernel.side, products)


@WITH_KERNELS
@pytest.mark.parametrize("channels", [(16, 16), (64, 48), (100, 20)])
def test_it_rounds_no_more_than_the_matrix_products(channels: tuple[int, int]) -> None:
    """Of 8 pictures of 24 x 24 the root of the mean square error, relative to the outputs'."""
    axis = Axis(24, 24, 1, (-1, 0, 1))
    kernel = MinimalFiltering(axis, axis, 8, *channels)
    values = numbers(kernel, 0)
    exact = definition(kernel, values)
    found = results(kernel, values)
    usual = results(GemmNHWC(axis, axis, 8, *channels), values)

    def error(results: dict[str, Tensor], what: str) -> float:
        return float((results[what] - exact[what]).square().mean().sqrt() / exact[what].std())

    for what in ("fprop", "dgrad"):
        assert error(found, what) < 1.5 * error(usual, what) + 1e-7, what
        assert error(found, what) < 5e-7, what
    assert error(found, "wgrad") < 2e-6


@WITH_KERNELS
@pytest.mark.parametrize("channels", [(16, 16), (64, 48), (96, 96), (100, 20)])
def test_how_much_more_large_tiles_round(channels: tuple[int, int]) -> None:
    """Relative to the outputs' root of the mean square: that of the errors, and the largest."""
    axis = Axis(24, 24, 1, (-1, 0, 1))
    values = numbers(MinimalFiltering(axis, axis, 8, *channels), 0)
    exact = definition(MinimalFiltering(axis, axis, 8, *channels), values)
    small, large = (
        results(MinimalFiltering(axis, axis, 8, *channels, side), values) for side in (2, 4)
    )
    for what in ("fprop", "dgrad"):
        size = float(exact[what].std())
        errors = (large[what] - exact[what]) / size
        assert float(errors.square().mean().sqrt()) < 1.5e-6, what
        assert float(errors.abs().max()) < 2e-5, what
    assert torch.equal(large["wgrad"], small["wgrad"])


@WITH_KERNELS
@pytest.mark.parametrize("side", [2, 4])
def test_images_may_lie_in_memory_in_any_way_with_the_channels_together(side: int) -> None:
    axis = Axis(7, 7, 1, (-1, 0, 1))
    kernel = MinimalFiltering(axis, axis, 2, 20, 18, side)
    values = numbers(kernel, 3)
    expected = results(kernel, values)
    room = torch.full((9, 2, 11, 40), torch.nan)
    inside = room[1:8, :, 2:9, 5:23].permute(1, 3, 0, 2)
    inside.copy_(values[1])
    assert kernel.pack_fine(inside) is inside
    values[1] = inside
    for what, found in results(kernel, values).items():
        assert torch.equal(found, expected[what]), what


@WITH_KERNELS
@pytest.mark.parametrize("side", [2, 4])
def test_nothing_is_written_beside_the_result(side: int) -> None:
    axis = Axis(5, 5, 1, (-1, 0, 1))
    kernel = MinimalFiltering(axis, axis, 1, 17, 19, side)
    coarse, fine, weight, bias, _ = numbers(kernel, 4)
    coarse, fine = kernel.pack_coarse(coarse), kernel.pack_fine(fine)
    room = torch.full((3, 3, 19, 30), 7.0)
    total = torch.full((40,), 7.0)
    kernel.wgrad_and_sum(room[..., 3:20], coarse, fine, False, total[5:22], False)
    assert bool((room[..., :3] == 7).all() and (room[..., 20:] == 7).all())
    assert bool((total[:5] == 7).all() and (total[22:] == 7).all())
    assert_close(total[5:22], coarse.double().sum((0, 2, 3)))
    kernel.wgrad_and_sum(room[..., 3:20], coarse, fine, False, total[5:22], True)
    assert_close(total[5:22], 2 * coarse.double().sum((0, 2, 3)))
    expected = definition_of_fprop(kernel, fine, weight, bias)
    assert_close(kernel.fprop(fine, weight, bias), expected, side=side)


def definition_of_fprop(
    kernel: MinimalFiltering, fine: Tensor, weight: Tensor, bias: Tensor
) -> Tensor:
    coarse = torch.zeros(
        kernel.n, kernel.coarse_channels, kernel.rows.coarse, kernel.columns.coarse
    )
    return definition(kernel, [coarse, fine, weight, bias, fine[0, :, 0, 0]])["fprop"]


@WITH_KERNELS
@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_an_activation_and_its_gradient_on_the_way_out(slope: float, side: int) -> None:
    axis = Axis(6, 7, 1, (-1, 0, 1))
    kernel = MinimalFiltering(axis, axis, 2, 18, 21, side)
    coarse, fine, weight, coarse_bias, _ = numbers(kernel, 5)
    plain = kernel.fprop(kernel.pack_fine(fine), weight, coarse_bias)
    found = kernel.fprop(kernel.pack_fine(fine), weight, coarse_bias, Activation(slope))
    assert torch.equal(found, torch.where(plain > 0, plain, slope * plain))
    output = kernel.pack_fine(fine)
    gradient = kernel.dgrad(kernel.pack_coarse(coarse), weight, None)
    found = kernel.dgrad(
        kernel.pack_coarse(coarse), weight, None, epilogue=Activation(slope, output)
    )
    assert torch.equal(found, torch.where(fine > 0, gradient, slope * gradient))


@WITH_KERNELS
@pytest.mark.parametrize("side", [2, 4])
@pytest.mark.parametrize("scale", [1.0, -0.5])
def test_an_addition_on_the_way_out(scale: float, side: int) -> None:
    axis = Axis(6, 7, 1, (-1, 0, 1))
    kernel = MinimalFiltering(axis, axis, 2, 18, 21, side)
    coarse, fine, weight, coarse_bias, _ = numbers(kernel, 5)
    coarse, fine = kernel.pack_coarse(coarse), kernel.pack_fine(fine)
    plain = kernel.fprop(fine, weight, coarse_bias)
    found = kernel.fprop(fine, weight, coarse_bias, Addition(coarse, scale))
    assert_close(found, coarse.double() + scale * plain.double())
    gradient = kernel.dgrad(coarse, weight, None)
    found = kernel.dgrad(coarse, weight, None, epilogue=Addition(fine, scale))
    assert_close(found, fine.double() + scale * gradient.double())


def test_only_an_image_of_the_same_layout_is_added_to() -> None:
    image = torch.zeros(2, 3, 4, 5)
    assert not Addition(image).fits((2, 3, 4, 5))
    side_by_side = image.contiguous(memory_format=torch.channels_last)
    assert Addition(side_by_side).fits((2, 3, 4, 5))
    for shape in ((2, 3, 5, 4), (1, 3, 4, 5), (3, 4, 5)):
        assert not Addition(side_by_side).fits(shape)


@WITH_KERNELS
@pytest.mark.parametrize("taps", [2, 3])
def test_a_pixel_that_is_no_number_reaches_as_far_as_its_taps(taps: int) -> None:
    """Each tile has pixels that one of its outputs does not depend on."""
    axis = Axis(9, 9, 1, tuple(range(-1, taps - 1)))
    kernel = MinimalFiltering(axis, axis, 1, 16, 16)
    _, fine, weight, bias, _ = numbers(kernel, 6)
    for row in range(9):
        spoilt = fine.clone()
        spoilt[0, 3, row, 4] = torch.nan
        nan = kernel.fprop(kernel.pack_fine(spoilt), weight, bias).isnan().any(1)[0]
        expected = torch.zeros(9, 9, dtype=torch.bool)
        expected[max(0, row + 2 - taps) : row + 2, 6 - taps : 6] = True
        assert torch.equal(nan, expected)


@WITH_KERNELS
def test_in_large_tiles_it_spoils_no_more_than_the_tiles_that_have_it() -> None:
    axis = Axis(12, 12, 1, (-1, 0, 1))
    kernel = MinimalFiltering(axis, axis, 1, 16, 16, 4)
    _, fine, weight, bias, _ = numbers(kernel, 6)
    fine[0, 3, 5, 5] = torch.nan
    nan = kernel.fprop(kernel.pack_fine(fine), weight, bias).isnan().any(1)[0]
    spoilt = torch.zeros(12, 12, dtype=torch.bool)
    spoilt[4:8, 4:8] = True
    assert bool(nan[4:7, 4:7].all())
    assert not bool(nan[~spoilt].any())


def test_it_serves_three_or_two_neighbouring_taps_and_stride_1_only() -> None:
    good = Axis(5, 5, 1, (-1, 0, 1))
    assert serves(good, Axis(9, 3, 1, (2, 3, 4)))
    assert serves(Axis(5, 5, 1, (-1, 0)), Axis(5, 6, 1, (0, 1)))
    assert not serves(Axis(5, 5, 1, (0,)), Axis(5, 5, 1, (0,)))
    for other in (Axis(5, 9, 2, (0, 1, 2)), Axis(5, 9, 1, (0, 2, 4)), Axis(5, 5, 1, (0, 1))):
        assert not serves(good, other)
        assert not serves(other, good)


def test_only_float32_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minimal_filtering.build, "problem", lambda: "")
    assert minimal_filtering.has_kernels(torch.zeros(1))
    assert not minimal_filtering.has_kernels(torch.zeros(1, dtype=torch.float64))
    assert not minimal_filtering.has_kernels(torch.zeros(1, device="meta"))
    monkeypatch.setattr(minimal_filtering.build, "problem", lambda: "none")
    assert not minimal_filtering.has_kernels(torch.zeros(1))


def test_calls_are_seen_and_can_be_made_again() -> None:
    seen: list[object] = []

    class Watching:
        def kernel_called(self, kernel: object, arguments: object, writes: object) -> None:
            seen.append((arguments, writes))

    made: list[list[int]] = []
    tensor = torch.zeros(2)
    arguments = (tensor, None, 3, 1.5)
    bits = 0x3FF8000000000000  # of 1.5

    def run(address: int, count: int) -> None:
        assert count == 1
        made.append(list((ctypes.c_int64 * 4).from_address(address)))

    kernel = build.Kernel(("a", "b", "c", "d"), run)
    with watched_by(Watching()):
        call(kernel, [arguments], [tensor])
        again = BoundCall(kernel, [arguments, arguments])
        again()
    assert made == [[tensor.data_ptr(), 0, 3, bits]] * 3
    assert seen == [([arguments], [tensor]), ([arguments, arguments], ())]


def test_what_a_part_raises_is_raised_once_all_have_ended() -> None:
    ended = threading.Event()

    def run(address: int, count: int) -> None:
        if ctypes.c_int64.from_address(address).value == 0:
            raise ValueError("the first")
        time.sleep(0.1)
        ended.set()

    with pytest.raises(ValueError, match="the first"):
        call(build.Kernel(("number",), run), [(0,), (1,)], [])
    assert ended.is_set()


@WITH_KERNELS
@pytest.mark.parametrize(("threads", "side"), [(2, 2), (3, 2), (2, 4), (3, 4)])
def test_on_several_threads(threads: int, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of the tiles, and parts of the inputs, of which few are left over."""
    axis = Axis(21, 23, 1, (-1, 0, 1))
    kernel = MinimalFiltering(axis, axis, 3, 33, 70, side)
    values = numbers(kernel, 8)
    expected = results(kernel, values)
    total, expected_total = torch.zeros(33), torch.zeros(33)

    def sums(into: Tensor) -> None:
        taps = torch.empty(3, 3, 70, 33)
        operand = kernel.pack_fine(values[1])
        kernel.wgrad_and_sum(taps, kernel.pack_coarse(values[0]), operand, False, into, False)

    sums(expected_total)
    monkeypatch.setattr(minimal_filtering, "MIN_PRODUCTS_OF_THREAD", 1)
    seen: list[int] = []

    class Watching:
        def kernel_called(self, kernel: object, parts: Sequence[object], writes: object) -> None:
            seen.append(len(parts))

    with num_threads(threads), watched_by(Watching()):
        found = results(kernel, values)
        sums(total)
    assert set(seen) == {threads}
    assert torch.equal(total, expected_total)
    for what, result in found.items():
        assert torch.equal(result, expected[what]), what


CHECK = """
from zoo.engine.compiled import build
if {lanes}:
    build.lanes = lambda: {lanes}
print(build.problem() or "compiled")
if not build.problem():
    from tests.engine.conv.test_minimal_filtering import *
    from zoo.engine.compiled.vector import LANES
    assert not {lanes} or LANES == {lanes}
    cases = ((16, 16), 3, 2), ((33, 50), 2, 2), ((33, 50), 3, 4), ((100, 3), 3, 2), ((9, 17), 3, 4)
    for channels, taps, side in cases:
        axis = Axis(9, 8, 1, tuple(range(-1, taps - 1)))
        kernel = MinimalFiltering(axis, axis, 2, *channels, side)
        values = numbers(kernel, 7)
        expected = definition(kernel, values)
        for what, found in results(kernel, values).items():
            assert_close(found, expected[what], what, side)
"""


def in_a_process(lanes: int = 0, **environment: str) -> str:
    root = Path(__file__).parents[3]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", CHECK.format(lanes=lanes)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


@WITH_KERNELS
@pytest.mark.slow
def test_vectors_of_eight_numbers(tmp_path: Path) -> None:
    """As processors without AVX-512 have them."""
    assert in_a_process(8, XDG_CACHE_HOME=str(tmp_path)) == "compiled"


@WITH_KERNELS
@pytest.mark.slow
def test_what_was_compiled_is_kept_and_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    first = in_a_process(XDG_CACHE_HOME=str(tmp_path))
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert first == "compiled"
    assert {path.suffix for path in kept} == {".nbi", ".nbc"}
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])
    assert in_a_process(XDG_CACHE_HOME=str(tmp_path)) == "compiled"
    assert all(path.stat().st_size > 100 for path in kept)


@WITH_KERNELS
@pytest.mark.slow
def test_a_folder_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert in_a_process(XDG_CACHE_HOME=str(tmp_path / "file")) == "compiled"


@WITH_KERNELS
@pytest.mark.slow
def test_compiling_leaves_the_streams_alone(tmp_path: Path) -> None:
    """numba has colorama wrap them, where that is installed."""
    (tmp_path / "colorama.py").write_text("raise SystemExit('colorama is imported')")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[3])])
    assert in_a_process(XDG_CACHE_HOME=str(tmp_path), PYTHONPATH=path) == "compiled"


AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from zoo.engine.compiled import build

start = Barrier(4)

def ask(number):
    start.wait()
    return build.problem()

with ThreadPoolExecutor(4) as pool:
    print(set(pool.map(ask, range(4))))
"""


@WITH_KERNELS
@pytest.mark.slow
def test_threads_may_ask_for_the_kernels_at_once(tmp_path: Path) -> None:
    """As ranks do whose images are so large that nothing is measured before."""
    done = subprocess.run(
        [sys.executable, "-c", AT_ONCE],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert done.stdout.strip() == "{''}"


def test_it_can_be_switched_off() -> None:
    assert in_a_process(ZOO_COMPILED="0") == "ZOO_COMPILED is 0"


@WITH_KERNELS
@pytest.mark.parametrize("variable", ["NUMBA_CPU_NAME=generic", "NUMBA_DISABLE_JIT=1"])
def test_what_numba_is_told_is_kept_to(variable: str) -> None:
    name, value = variable.split("=")
    assert "numba is told" in in_a_process(**{name: value})


def test_without_numba_the_rest_works(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'numba' else found(name, *rest)\n"
    )
    assert "pip install 'zoo[fast]'" in in_a_process(PYTHONPATH=str(tmp_path))
