"""The contract of a pairing, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Final, get_args

import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.data.pairings.base import Needs, Pairing
from zoo.testing.cases import seeded
from zoo.testing.comparisons import require, require_close
from zoo.testing.members import require_methods
from zoo.testing.randomness import no_global_generator

METHODS: Final = (
    ("window", ("height", "width")),
    ("draw", ("batch", "generator")),
    ("correct", ("batch", "predict", "progress")),
)
SIZE: Final = (12, 16)
IMAGES: Final = 8  # of a batch
DRAWS: Final = 40
GREY, SIGMA = 0.5, 0.1
SLOPE = 0.01  # of a scene, from one pixel to the next
STANDARD_ERRORS: Final = 6  # by which a mean may miss; beyond is one in 10^8


@dataclass(frozen=True)
class PairingCase:
    """One set of options of a pairing.

    Attributes:
        build: the pairing's class, or a ``functools.partial`` of it with its options.
        id: the name of the case in reports and messages.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    build: Callable[[], Any]
    id: str
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def pairing(self) -> Pairing:
        """A new one."""
        built: Pairing = self.build()
        return built


PairingCheck = Callable[[PairingCase], None]


def check_methods(case: PairingCase) -> None:
    """It is a :class:`zoo.Pairing` that says what it needs, and whether its batches have masks."""
    pairing = case.pairing()
    require_methods(case.id, pairing, METHODS)
    kind, needs = type(pairing).__name__, get_args(Needs)
    require(
        isinstance(pairing, Pairing), f"{case.id}: {kind} is no zoo.Pairing. Derive it from that."
    )
    require(
        pairing.needs in needs,
        f"{case.id}: needs is {pairing.needs!r}. It is one of {', '.join(map(repr, needs))}.",
    )
    require(
        isinstance(pairing.masks, bool),
        f"{case.id}: masks is {pairing.masks!r}. It is True or False.",
    )
    for height, width in (SIZE, (1, 1), (9, 7)):
        window = pairing.window(height, width)
        fits = (
            isinstance(window, tuple)
            and [type(side) for side in window] == [int, int]
            and window >= (height, width)
            and window[1] >= width
        )
        require(
            fits,
            f"{case.id}: window({height}, {width}) is {window!r}. It is the height and width of a "
            "crop, two integers, no smaller than the input.",
        )


def check_batches(case: PairingCase) -> None:
    """Input and target are (N, C, H, W) float32; the views stay as they are, and so do masks."""
    pairing = case.pairing()
    for channels, masked in ((3, False), (1, False), (3, True)):
        views = _noisy(pairing, 1, channels, masked)
        before = [tensor.clone() for tensor in _tensors(views)]
        batch = pairing.draw(views, seeded(2))
        _check_batch(case, batch, channels, pairing.masks or masked)
        for tensor, expected in zip(_tensors(views), before, strict=True):
            require_close(f"{case.id}: after draw, what it was given", tensor, expected, 0)


def check_generator(case: PairingCase) -> None:
    """The given generator decides all random numbers, and no other is used."""
    pairing = case.pairing()
    with no_global_generator(case.id):
        first = pairing.draw(_noisy(pairing, 1), seeded(2))
    again = case.pairing().draw(_noisy(pairing, 1), seeded(2))
    require_close(f"{case.id}: same seed, the input", again.x, first.x, 0)
    require_close(f"{case.id}: same seed, the target", again.target, first.target, 0)


def check_same_scene(case: PairingCase) -> None:
    """Without noise input and target show the same, to a step between neighbouring pixels."""
    pairing = case.pairing()
    height, width = pairing.window(*SIZE)
    step = max(height / SIZE[0], width / SIZE[1])
    ramp = torch.arange(height)[:, None] * SLOPE + torch.arange(width) * SLOPE
    scene = ramp.expand(IMAGES, 1, height, width).contiguous()
    batch = pairing.draw(Batch(scene, scene), seeded(2))
    difference = (batch.x - batch.target).abs().median().item()
    require(
        difference <= 2 * SLOPE * step,
        f"{case.id}: without noise input and target differ by {difference:.3f} where neighbouring "
        f"pixels differ by {SLOPE}. They must show the same place.",
    )


def check_independent_noise(case: PairingCase) -> None:
    """The target's mean is the clean picture, and its noise has nothing of the input's.

    Of a grey picture with independent noise, over the pixels that count.
    """
    pairing = case.pairing()
    targets: list[Tensor] = []
    products: list[Tensor] = []
    for draw in range(DRAWS):
        batch = pairing.draw(_noisy(pairing, 10 + draw), seeded(2 + draw))
        mask = torch.ones_like(batch.x[:, :1]) if batch.mask is None else batch.mask
        for found, values in (
            (targets, batch.target - GREY),
            (products, (batch.target - GREY) * (batch.x - GREY)),
        ):
            counts = mask.sum((1, 2, 3))
            means = (values * mask).sum((1, 2, 3)) / (counts * values.shape[1])
            found.append(means[counts > 0].double())
    mean, error = _mean(torch.cat(targets))
    require(
        abs(mean) <= STANDARD_ERRORS * error + 1e-6,
        f"{case.id}: the mean of the target is {GREY + mean:.4f} where the clean picture is "
        f"{GREY}.",
    )
    covariance, error = _mean(torch.cat(products))
    require(
        abs(covariance) <= STANDARD_ERRORS * error + 1e-9,
        f"{case.id}: noise of variance {SIGMA**2:.2g} in the input has the covariance "
        f"{covariance:.2g} with the target's, so that a network learns to keep it. It should be 0: "
        "the target's noise must be independent of the input.",
    )


def check_correct(case: PairingCase) -> None:
    """``correct`` gives a batch of the same shapes, and leaves what it is given as it is."""
    pairing = case.pairing()
    batch = pairing.draw(_noisy(pairing, 1), seeded(2))
    before = [tensor.clone() for tensor in _tensors(batch)]
    for progress in (0.0, 0.5, 1.0):
        with no_global_generator(case.id):
            corrected = pairing.correct(batch, lambda images: images * 0.5 + 0.1, progress)
        _check_batch(case, corrected, 3, pairing.masks)
        for tensor, expected in zip(_tensors(batch), before, strict=True):
            require_close(f"{case.id}: after correct, the batch", tensor, expected, 0)


PAIRING_CHECKS: Final[Sequence[PairingCheck]] = (
    check_methods,
    check_batches,
    check_generator,
    check_same_scene,
    check_independent_noise,
    check_correct,
)


def _noisy(pairing: Pairing, seed: int, channels: int = 3, masked: bool = False) -> Batch:
    """Views of a grey picture: with independent noise, and what else the pairing needs."""
    shape = (IMAGES, channels, *pairing.window(*SIZE))
    generator = seeded(seed)
    x, other = (GREY + SIGMA * torch.randn(shape, generator=generator) for _ in range(2))
    targets = {"noisy": other, "clean": torch.full(shape, GREY), "nothing": x}
    mask = torch.rand(shape[0], 1, *shape[2:], generator=generator) < 0.7 if masked else None
    return Batch(x, targets[pairing.needs], None if mask is None else mask.float())


def _tensors(batch: Batch) -> list[Tensor]:
    mask = () if batch.mask is None else (batch.mask,)
    return [batch.x, batch.target, *mask, *batch.kept]


def _check_batch(case: PairingCase, batch: object, channels: int, masked: bool) -> None:
    kind = type(batch).__name__
    require(isinstance(batch, Batch), f"{case.id}: gives a {kind}. Give a zoo.Batch.")
    assert isinstance(batch, Batch)
    shape = (IMAGES, channels, *SIZE)
    for name, tensor in (("input", batch.x), ("target", batch.target)):
        found = (tuple(tensor.shape), tensor.dtype)
        require(
            found == (shape, torch.float32) and bool(tensor.isfinite().all()),
            f"{case.id}: the {name} is {found[0]} of {found[1]}. "
            f"It should be {shape} of torch.float32, and finite.",
        )
    if not masked:
        require(batch.mask is None, f"{case.id}: gives a mask, but masks is False.")
        return
    mask_shape = (IMAGES, 1, *SIZE)
    require(
        batch.mask is not None
        and tuple(batch.mask.shape) == mask_shape
        and bool(((batch.mask == 0) | (batch.mask == 1)).all()),
        f"{case.id}: the mask is {None if batch.mask is None else tuple(batch.mask.shape)}. "
        f"It should be {mask_shape} of zeros and ones: the pixels of the target that count.",
    )
    rows = {len(tensor) for tensor in batch.kept} or {IMAGES}
    require(rows == {IMAGES}, f"{case.id}: kept has {rows} rows. Each has one for each image.")


def _mean(values: Tensor) -> tuple[float, float]:
    """The mean and its standard error."""
    return values.mean().item(), values.std().item() / sqrt(len(values))
