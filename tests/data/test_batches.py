from __future__ import annotations

import threading
from itertools import islice

import pytest
import torch
from torch import Tensor

import zoo.data.batches as batches_module
from zoo.data.augment import Augment
from zoo.data.batches import Batch, Batches
from zoo.data.crops import Crops
from zoo.data.noise.base import Noise, Noisy
from zoo.data.noise.bernoulli import Bernoulli
from zoo.data.noise.gaussian import Gaussian
from zoo.data.noise.none import NoNoise
from zoo.data.noise.pixel_sampling import PixelSampling
from zoo.data.pairings.views import CleanTarget, NoisyTarget
from zoo.data.seeding import generator
from zoo.data.sets import Bursts, ImagePairs, SingleImages
from zoo.errors import ArgumentError, DataError

PAIRINGS = {"noisy": NoisyTarget(), "clean": CleanTarget()}


def photographs(*sizes: tuple[int, int]) -> SingleImages:
    draws = torch.Generator().manual_seed(5)
    images = [
        torch.randint(256, (3, *size), dtype=torch.uint8, generator=draws)
        for size in sizes or ((40, 50), (64, 33))
    ]
    return SingleImages(tuple(f"{i}.png" for i in range(len(images))), tuple(images))


def numbered_pairs(count: int, size: tuple[int, int] = (4, 6), clean: bool = False) -> ImagePairs:
    """Pair i: first filled with i, second with 100 + i."""
    first = tuple(torch.full((3, *size), i, dtype=torch.uint8) for i in range(count))
    names = tuple(f"pair {i}" for i in range(count))
    return ImagePairs(names, first, tuple(image + 100 for image in first), clean)


def same(a: Batch, b: Batch) -> bool:
    masks = a.mask is b.mask if a.mask is None or b.mask is None else torch.equal(a.mask, b.mask)
    return torch.equal(a.x, b.x) and torch.equal(a.target, b.target) and masks


def grey_levels(image: Tensor) -> list[int]:
    return [int(level) for level in (image[:, 0, 0, 0] * 255).round()]


CASES: dict[str, tuple[SingleImages | ImagePairs, Noise | None, Augment | None]] = {
    "gaussian": (photographs(), Gaussian(), Augment(rotate=True, noise=0.1)),
    "bernoulli": (photographs(), Bernoulli(), Augment(transpose=True)),
    "pixel_sampling": (photographs(), PixelSampling([1, 3]), None),
    "pairs": (numbered_pairs(40, (8, 8)), None, Augment()),
    "larger pairs": (numbered_pairs(40, (9, 12)), None, None),
}


def batches(name: str, seed: int = 0) -> Batches:
    data, noise, augment = CASES[name]
    return Batches(
        data, noise, batch_size=7, height=8, width=8, augment=augment, samples=40, seed=seed
    )


@pytest.mark.parametrize("name", CASES)
def test_a_batch_depends_on_seed_epoch_and_index_only(name: str) -> None:
    one, other = batches(name), batches(name)
    later = one.batch(1, 3)
    one.batch(0, 0)
    assert same(one.batch(1, 3), later)
    assert same(other.batch(1, 3), later)
    if name != "pairs":
        assert not same(one.batch(1, 2), later)
        assert not same(one.batch(0, 3), later)
        assert not same(batches(name, seed=1).batch(1, 3), later)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("start", [0, 4])
def test_iterating_gives_the_same_batches(name: str, start: int) -> None:
    found = list(batches(name).iterate(2, start))
    assert len(found) == len(batches(name)) - start
    direct = batches(name)
    assert all(same(batch, direct.batch(2, start + i)) for i, batch in enumerate(found))


def test_the_last_batch_may_be_smaller() -> None:
    some = batches("gaussian")
    assert len(some) == 6
    assert [len(batch.x) for batch in some.iterate(0)] == [7, 7, 7, 7, 7, 5]
    with pytest.raises(IndexError) as caught:
        some.batch(0, 6)
    assert str(caught.value) == "batch 6 of an epoch of 6"


def test_shapes_and_types() -> None:
    data, noise, _ = CASES["bernoulli"]
    batch = Batches(data, noise, batch_size=5, height=6, width=9).batch(0, 0)
    assert batch.mask is not None
    assert [tuple(t.shape) for t in (batch.x, batch.target, batch.mask)] == [
        (5, 3, 6, 9),
        (5, 3, 6, 9),
        (5, 1, 6, 9),
    ]
    assert {t.dtype for t in (batch.x, batch.target, batch.mask)} == {torch.float32}
    assert batch.x.is_contiguous()


def test_the_mask_is_that_of_the_target() -> None:
    data, noise, _ = CASES["bernoulli"]
    batch = Batches(data, noise, batch_size=5, height=8, width=8).batch(0, 0)
    assert batch.mask is not None
    assert torch.equal(batch.target * batch.mask, batch.target)
    assert not torch.equal(batch.x * batch.mask, batch.x)


def test_noisy_targets_are_second_copies() -> None:
    noisy, clean = (
        Batches(
            photographs(),
            Gaussian(25),
            batch_size=50,
            height=8,
            width=8,
            samples=50,
            pairing=pairing,
        ).batch(0, 0)
        for pairing in PAIRINGS.values()
    )
    assert torch.equal(noisy.x, clean.x)
    first, second = noisy.x - clean.target, noisy.target - clean.target
    assert second.std() * 255 == pytest.approx(25, rel=0.03)
    assert abs(float((first * second).mean())) < 0.05 * float(first.var())


def test_clean_targets_have_no_mask() -> None:
    data, noise, _ = CASES["bernoulli"]
    batch = Batches(data, noise, batch_size=5, height=8, width=8, pairing=CleanTarget()).batch(0, 0)
    assert batch.mask is None


def test_pixel_sampling_shares_the_block_size_between_copies() -> None:
    class Recorder(PixelSampling):
        def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
            drawn.append(crops.block)
            return super().draw(crops, generator)

    drawn: list[Tensor] = []
    some = Batches(photographs(), Recorder([1, 4]), batch_size=64, height=8, width=8, samples=64)
    some.batch(0, 0)
    first, second = drawn
    assert torch.equal(first, second)
    assert set(first.tolist()) == {1, 2, 3, 4}


def test_pairs_of_the_crops_size_come_once_in_an_epoch_in_a_fresh_order() -> None:
    some = Batches(numbered_pairs(20), None, batch_size=6, height=4, width=6)
    assert (some.samples, len(some)) == (20, 4)
    orders = []
    for epoch in range(2):
        first = [level for batch in some.iterate(epoch) for level in grey_levels(batch.x)]
        second = [level for batch in some.iterate(epoch) for level in grey_levels(batch.target)]
        assert second == [level + 100 for level in first]
        assert sorted(first) == list(range(20))
        orders.append(first)
    assert orders[0] != orders[1]


def test_fewer_and_more_samples_than_pairs() -> None:
    def drawn(samples: int) -> list[int]:
        some = Batches(numbered_pairs(20), None, batch_size=6, height=4, width=6, samples=samples)
        return [level for batch in some.iterate(0) for level in grey_levels(batch.x)]

    assert len(set(drawn(13))) == 13
    assert sorted(drawn(40)) == sorted([*range(20), *range(20)])


def test_larger_pairs_are_cropped_at_the_same_position() -> None:
    draws = torch.Generator().manual_seed(0)
    first = torch.randint(100, (3, 20, 30), dtype=torch.uint8, generator=draws)
    pairs = ImagePairs(("a",), (first,), (first + 100,), second_is_clean=True)
    some = Batches(pairs, None, batch_size=15, height=4, width=5, pairing=CleanTarget())
    assert some.samples == 5 * 6
    batch = some.batch(0, 0)
    torch.testing.assert_close(batch.target * 255, batch.x * 255 + 100)
    assert len({tuple(image.flatten().tolist()) for image in batch.x}) > 10


def test_samples_tile_the_photographs_once_by_default() -> None:
    some = Batches(photographs(), Gaussian(), batch_size=10, height=16, width=16)
    assert some.samples == 2 * 3 + 4 * 2


def test_closing_the_iterator_ends_its_thread() -> None:
    before = set(threading.enumerate())
    iterator = batches("gaussian").iterate(0)
    assert len(list(islice(iterator, 2))) == 2
    assert set(threading.enumerate()) != before
    iterator.close()
    assert set(threading.enumerate()) == before


def test_an_error_in_the_thread_reaches_the_consumer() -> None:
    class Broken(Gaussian):
        def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
            raise DataError("broken: by the test. Nothing is allowed.")

    some = Batches(photographs(), Broken(), batch_size=5, height=8, width=8)
    with pytest.raises(DataError) as caught:
        next(some.iterate(0))
    assert str(caught.value) == "broken: by the test. Nothing is allowed."


@pytest.mark.parametrize("value", [0, -3])
@pytest.mark.parametrize("name", ["batch_size", "height", "width", "samples"])
def test_sizes_must_be_positive(name: str, value: int) -> None:
    sizes = {"batch_size": 5, "height": 8, "width": 8, name: value}
    with pytest.raises(ArgumentError) as caught:
        Batches(photographs(), Gaussian(), **sizes)  # type: ignore[arg-type]
    assert str(caught.value) == f"data: {name} is {value}. It must be 1 or more."


@pytest.mark.parametrize(
    ("data", "noise", "target", "expected"),
    [
        (
            photographs(),
            None,
            "noisy",
            "data: no noise is given for clean images. Name one, such as gaussian.",
        ),
        (
            numbered_pairs(3),
            Gaussian(),
            "noisy",
            "data: a noise is given for pairs or bursts, which are noisy already. Leave it out.",
        ),
        (
            photographs(),
            NoNoise(),
            "noisy",
            "data: target is 'noisy', but there is one picture of each scene, and it is noisy. "
            "Set target to 'neighbors' or 'blind_spot'.",
        ),
        (
            Bursts(("scene",), (tuple(torch.rand(2, 3, 9, 9)),)),
            None,
            "clean",
            "data: target is 'clean', but all shots of a burst are noisy. Set target to 'noisy'.",
        ),
        (
            numbered_pairs(3),
            None,
            "clean",
            "data: target is 'clean', but the second image of each pair is noisy too. "
            "Set target to 'noisy'.",
        ),
        (
            numbered_pairs(3, clean=True),
            None,
            "noisy",
            "data: target is 'noisy', but the second image of each pair is clean. "
            "Set target to 'clean'.",
        ),
        (
            numbered_pairs(3, (3, 6)),
            None,
            "noisy",
            "pair 0 (and 2 more): 3 x 6 pixels (height x width), too small for crops of 4 x 4. "
            "Leave it out, or use smaller crops or blocks. Set input.height to 3 or less and "
            "input.width to 6 or less.",
        ),
        (
            photographs((40, 50), (31, 99)),
            PixelSampling([6, 8]),
            "noisy",
            "1.png: 31 x 99 pixels (height x width), too small for crops of 32 x 32. "
            "Leave it out, or use smaller crops or blocks. Set input.height to 3 or less and "
            "input.width to 6 or less.",
        ),
    ],
)
def test_data_that_does_not_fit(
    data: SingleImages | ImagePairs, noise: Noise | None, target: str, expected: str
) -> None:
    with pytest.raises((ArgumentError, DataError)) as caught:
        Batches(data, noise, batch_size=5, height=4, width=4, pairing=PAIRINGS[target])
    assert str(caught.value) == expected


def test_turning_needs_square_crops() -> None:
    with pytest.raises(ArgumentError) as caught:
        Batches(
            photographs(),
            Gaussian(),
            batch_size=5,
            height=8,
            width=9,
            augment=Augment(rotate=True),
        )
    assert str(caught.value) == (
        "augment: rotate turns crops of 8 x 9 into 9 x 8. Use square crops, or only flip."
    )


@pytest.fixture
def resident(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU is taken for a device that images are moved to; three batches are drawn at once."""
    monkeypatch.setattr(batches_module, "_has_room", lambda device, photographs: True)
    monkeypatch.setattr(batches_module, "PIXELS_AT_ONCE", 3 * 7 * 8 * 8 + 1)


@pytest.mark.usefixtures("resident")
@pytest.mark.parametrize("name", CASES)
def test_where_the_images_are_on_the_device(name: str) -> None:
    """Batches are slices of what is drawn at once, whichever is asked for first."""
    some = batches(name)
    assert some._at_once == (1 if name == "gaussian" else 3)  # one augments by its batch's std
    found = list(some.iterate(1))
    assert [len(batch.x) for batch in found] == [7, 7, 7, 7, 7, 5]
    for index in (4, 0, 5, 2):  # as after a resume, or out of turn
        assert same(batches(name).batch(1, index), found[index])
    assert all(same(*pair) for pair in zip(batches(name).iterate(1, 4), found[4:], strict=True))
    assert not same(found[0], found[1])
    assert not same(some.batch(0, 0), found[0])


@pytest.mark.usefixtures("resident")
def test_the_noise_of_images_on_the_device() -> None:
    some = Batches(photographs(), Gaussian(25), batch_size=200, height=8, width=8, samples=200)
    batch = some.batch(0, 0)
    assert float((batch.x - batch.target).std()) == pytest.approx(25 / 255 * 2**0.5, rel=0.03)
    here = batches("pairs"), batches("larger pairs")
    for pairs in here:
        batch = pairs.batch(0, 0)
        assert grey_levels(batch.target) == [100 + level for level in grey_levels(batch.x)]


class OnTheCpu(Gaussian):
    on_device = False


@pytest.mark.usefixtures("resident")
def test_a_noise_that_draws_on_the_cpu_only() -> None:
    """Nothing is moved, and the draws are those of a CPU."""
    data = photographs()
    sizes = {"batch_size": 7, "height": 8, "width": 8}
    some = Batches(data, OnTheCpu(25), **sizes)  # type: ignore[arg-type]  # integers
    assert not some._resident
    assert some._at_once == 1


@pytest.mark.usefixtures("resident")
@pytest.mark.parametrize("name", ["pairs", "larger pairs"])
def test_nobody_waits_for_the_device(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors of torch's meta device have no values: to look at one is an error."""

    def on_the_cpu(*key: int, device: object = None) -> torch.Generator:
        return generator(*key)

    monkeypatch.setattr(batches_module, "generator", on_the_cpu)
    data, noise, augment = CASES[name]
    some = Batches(
        data,
        noise,
        batch_size=7,
        height=8,
        width=8,
        augment=augment,
        samples=40,
        device=torch.device("meta"),
    )
    for batch in some.iterate(0):
        assert batch.x.is_meta
        assert batch.target.is_meta
        assert batch.x.shape[1:] == (3, 8, 8)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
@pytest.mark.parametrize("name", CASES)
def test_batches_of_images_on_a_gpu(name: str) -> None:
    data, noise, augment = CASES[name]

    def on_gpu() -> Batches:
        return Batches(
            data,
            noise,
            batch_size=7,
            height=8,
            width=8,
            augment=augment,
            samples=40,
            device=torch.device("cuda"),
        )

    found = list(on_gpu().iterate(0))
    assert [len(batch.x) for batch in found] == [7, 7, 7, 7, 7, 5]
    assert all(batch.x.device.type == "cuda" for batch in found)
    for index in (3, 0, 5):
        assert same(on_gpu().batch(0, index), found[index])
    assert not same(found[0], found[1])


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
def test_batches_of_a_cpu_are_put_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches_module, "_has_room", lambda device, photographs: False)
    data, noise, augment = CASES["bernoulli"]
    on_gpu = Batches(
        data,
        noise,
        batch_size=7,
        height=8,
        width=8,
        augment=augment,
        samples=40,
        device=torch.device("cuda"),
    )
    direct = batches("bernoulli")
    for index, batch in enumerate(on_gpu.iterate(0)):
        assert batch.x.device.type == "cuda"
        assert same(batch.to(torch.device("cpu")), direct.batch(0, index))
