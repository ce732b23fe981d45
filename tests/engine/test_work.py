"""A guard against slow drift: what a training step asks of torch, counted, never timed.

Counts do not depend on the machine. A change that needs a tenth more of something than was measured
has lost what made the layers fast; one that needs clearly less should write down the new figures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pytest
import torch

from tests.engine.counting import Counter
from tests.engine.shipped import compiler, convolutions
from zoo.compiler import Compiler
from zoo.engine.capture.graphed import WARM_UP
from zoo.engine.parallel import sharded
from zoo.train.session import initial_model
from zoo.train.step import TrainStep

MIB = 2**20
MORE, LESS = 1.1, 0.7  # of what was measured
ROUNDED = 0.05  # of figures with one digit


@dataclass(frozen=True)
class Work:
    """What a training step takes.

    Attributes:
        batch: images in a batch.
        operations: calls of torch's operators, views among them; each takes some microseconds, and
            these are most of a step on small images.
        products: matrix products, and compiled kernels; many small products run far below the
            processor's speed.
        overhead: the products' operations as a multiple of those that the layers' formulas need,
            counting upsampling before a convolution with kh kw products for a pixel of its input.
            What is above 1 are the zeros between lines.
        allocated: MiB of new tensors, which all have to be written, and read again.
        peak: MiB of all tensors at once: parameters, gradients, the optimizer's state, the batch,
            what the layers keep for backward, and what they keep from step to step.
    """

    batch: int
    operations: int
    products: int
    overhead: float
    allocated: float
    peak: float


# As measured: a step called layer by layer, and one run from the list of its operations, as all
# are after the first few. A test that fails prints the new row.
MEASURED = {
    ("n2n_small", "called"): Work(10, 848, 37, 1.14, 9.5, 3.5),
    ("n2n_small", "recorded"): Work(10, 186, 37, 1.14, 0.1, 3.3),
    ("r1", "called"): Work(10, 708, 37, 1.12, 18.7, 11.1),
    ("r1", "recorded"): Work(10, 140, 37, 1.12, 0.0, 10.6),
    ("r5", "called"): Work(10, 1533, 117, 1.22, 30.6, 13.4),
    ("r5", "recorded"): Work(10, 307, 117, 1.22, 0.0, 11.8),
    ("n2n_unet", "called"): Work(2, 882, 53, 1.0, 107.7, 34.1),
    ("n2n_unet", "recorded"): Work(2, 322, 53, 1.0, 3.8, 36.2),
}


def counted_step(compiler: Compiler, batch: int, recorded: bool = False) -> Counter:
    """What one step takes once the steps before it have made what is kept from step to step."""
    counter = Counter()
    with counter:
        model = initial_model(compiler, 0)
        loss, optimizer = compiler.loss(), compiler.optimizer(model.param())
        step = TrainStep(model, loss, optimizer, capture=recorded, warn=pytest.fail)
        x, target = torch.rand(2, batch, *compiler.architecture.input.shape)
        for _ in range(WARM_UP + 1 if recorded else 1):
            step(x, target)
        counter.start()
        step(x, target)
    return counter


def needed_flop(compiler: Compiler, batch: int) -> int:
    """The floating-point operations of the convolutions' formulas in a training step.

    Forward, the weight's gradient and the input's, which the first layer does not compute.
    """
    first, *rest = convolutions(compiler, batch)
    return 2 * (2 * first.multiply_adds + 3 * sum(use.multiply_adds for use in rest))


@pytest.mark.parametrize(("name", "way"), MEASURED, ids="-".join)
def test_a_training_step_takes_what_it_did(
    name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sharded, "MIN_SHARDED_BYTES", 2**40
    )  # bytes: each step is one pass there and back
    network, measured = compiler(name, monkeypatch), MEASURED[name, way]
    counter = counted_step(network, measured.batch, way == "recorded")
    needed = needed_flop(network, measured.batch)
    found = Work(
        measured.batch,
        counter.operations,
        counter.products,
        round(counter.flop / needed, 2),
        round(counter.allocated / MIB, 1),
        round(counter.peak / MIB, 1),
    )
    assert found.overhead >= 1  # else something goes uncounted
    row = f'("{name}", "{way}"): {found}'
    for what, value in asdict(measured).items():
        now = asdict(found)[what]
        assert now <= MORE * value + ROUNDED, f"{row} has more {what}"
        assert now >= LESS * value - ROUNDED, f"{row} has less {what}: write it down"


def test_counts_are_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    network = compiler("n2n_small", monkeypatch)
    first, second = (counted_step(network, 3) for _ in range(2))
    for what in ("operations", "products", "flop", "allocated", "peak"):
        assert getattr(first, what) == getattr(second, what), what


def test_what_is_needed_is_worked_out_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """n2n_small: two convolutions to 16x16 and 8x8, two upsamplings of 8x8 and 16x16."""
    layers = [256 * 3 * 32, 64 * 32 * 64, 64 * 64 * 32, 256 * 32 * 3]
    products = 9 * (2 * layers[0] + 3 * sum(layers[1:]))
    assert needed_flop(compiler("n2n_small", monkeypatch), 10) == 10 * 2 * products
