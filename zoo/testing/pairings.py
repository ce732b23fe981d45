"""The contract of a pairing, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, get_args

import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.data.pairings.base import Needs, Pairing
from zoo.testing.cases import seeded
from zoo.testing.comparisons import NotApplicable, require, require_close
from zoo.testing.independence import GREY, SIGMA, require_independent_noise
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
SLOPE = 0.01  # of a scene, from one pixel to the next


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

    Of a grey picture with independent noise, over the pixels that count, and at each of them.
    """
    require_independent_noise(case.id, _draws(case.pairing()))


def check_correct(case: PairingCase) -> None:
    """``correct`` gives a batch of the same shapes, and leaves what it is given as it is.

    The same is corrected to the same again: it depends on its arguments alone.
    """
    pairing = case.pairing()
    batch = pairing.draw(_noisy(pairing, 1), seeded(2))
    before = [tensor.clone() for tensor in _tensors(batch)]
    first: dict[float, Batch] = {}
    for progress in (0.0, 0.5, 1.0, 0.5, 0.0):
        with no_global_generator(case.id):
            corrected = pairing.correct(batch, lambda images: images * 0.5 + 0.1, progress)
        _check_batch(case, corrected, 3, pairing.masks)
        for tensor, expected in zip(_tensors(batch), before, strict=True):
            require_close(f"{case.id}: after correct, the batch", tensor, expected, 0)
        expected_batch = first.setdefault(progress, corrected)
        where = f"{case.id}: correct again at progress {progress}"
        require_close(f"{where}, the input", corrected.x, expected_batch.x, 0)
        require_close(f"{where}, the target", corrected.target, expected_batch.target, 0)


def check_correct_independent_noise(case: PairingCase) -> None:
    """``correct`` puts nothing of the input's noise into the target.

    The network that it is given knows the clean picture, so that no noise comes from that.
    """
    pairing = case.pairing()
    if type(pairing).correct is Pairing.correct:
        raise NotApplicable("correct changes nothing")
    drawn = list(_draws(pairing))
    for progress in (0.0, 0.6, 1.0):
        require_independent_noise(
            f"{case.id}: after correct at progress {progress}",
            (pairing.correct(batch, _clean, progress) for batch in drawn),
        )


PAIRING_CHECKS: Final[Sequence[PairingCheck]] = (
    check_methods,
    check_batches,
    check_generator,
    check_same_scene,
    check_independent_noise,
    check_correct,
    check_correct_independent_noise,
)


def _draws(pairing: Pairing) -> Iterator[Batch]:
    """Batches of a grey picture with noise, each of another seed."""
    for draw in range(DRAWS):
        yield pairing.draw(_noisy(pairing, 10 + draw), seeded(2 + draw))


def _clean(images: Tensor) -> Tensor:
    """What a network predicts that knows the clean picture."""
    return torch.full_like(images, GREY)


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
