from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d

from zoo import limits
from zoo.data.evaluation import IN_WORK, KEPT, evaluation_images
from zoo.data.noise.gaussian import Gaussian
from zoo.data.noise.pixel_sampling import PixelSampling
from zoo.data.sets import ImagePairs, SingleImages
from zoo.errors import ArgumentError, DataError
from zoo.limits import Memory


def photographs(count: int = 4, height: int = 21, width: int = 30) -> SingleImages:
    draws = torch.Generator().manual_seed(2)
    return SingleImages(
        tuple(f"{i}.png" for i in range(count)),
        tuple(
            torch.randint(256, (3, height, width), dtype=torch.uint8, generator=draws)
            for _ in range(count)
        ),
    )


def test_whole_images_with_their_clean_reference() -> None:
    data = photographs()
    images = evaluation_images(data, Gaussian(25), seed=0)
    assert [image.name for image in images] == list(data.names)
    for image, photograph in zip(images, data.images, strict=True):
        assert torch.equal(image.reference, photograph / 255)
        assert image.noisy.shape == (3, 21, 30)
        assert (image.noisy - image.reference).std() * 255 == pytest.approx(25, rel=0.1)
    assert min(float(image.noisy.min()) for image in images) < 0  # not clipped


def test_a_copy_depends_on_seed_and_index_only() -> None:
    every = evaluation_images(photographs(), Gaussian(25), seed=0)
    some = evaluation_images(photographs(), Gaussian(25), seed=0, limit=2)
    other = evaluation_images(photographs(), Gaussian(25), seed=1, limit=2)
    assert [image.name for image in some] == ["0.png", "1.png"]
    for index in range(2):
        assert torch.equal(every[index].noisy, some[index].noisy)
        assert not torch.equal(every[index].noisy, other[index].noisy)
    noise = [image.noisy - image.reference for image in every[:2]]
    assert not torch.allclose(noise[0], noise[1])


def test_pixel_sampling_reduces_the_whole_photograph() -> None:
    data = photographs(count=12)
    found = set()
    for image, photograph in zip(
        evaluation_images(data, PixelSampling([2, 4]), seed=0), data.images, strict=True
    ):
        k = 30 // image.reference.shape[2]
        found.add(k)
        expected = avg_pool2d(photograph.float(), k) / 255  # leaves the same borders out
        torch.testing.assert_close(image.reference, expected)
        assert image.noisy.shape == image.reference.shape
        assert bool(torch.isin(image.noisy, photograph / 255).all())
    assert found == {2, 3, 4}


@pytest.mark.parametrize("second_is_clean", [False, True])
def test_pairs_are_taken_as_they_are(second_is_clean: bool) -> None:
    first, second = photographs(2).images
    pairs = ImagePairs(("a",), (first,), (second,), second_is_clean)
    (image,) = evaluation_images(pairs, None, seed=0)
    assert image.name == "a"
    assert torch.equal(image.noisy, first / 255)
    assert torch.equal(image.reference, second / 255)


def test_data_that_does_not_fit() -> None:
    with pytest.raises(DataError) as small:
        evaluation_images(photographs(1, height=3), PixelSampling(4), seed=0)
    assert str(small.value) == (
        "0.png: 3 x 30 pixels (height x width), too small for crops of 4 x 4. "
        "Leave it out, or use smaller crops or blocks."
    )
    with pytest.raises(ArgumentError) as missing:
        evaluation_images(photographs(1), None, seed=0)
    assert str(missing.value) == (
        "data: no noise is given for clean images. Name one, such as gaussian."
    )


def test_copies_that_memory_does_not_suffice_for(monkeypatch: pytest.MonkeyPatch) -> None:
    images = (torch.zeros(3, 10, 10, dtype=torch.uint8), torch.zeros(3, 20, 20, dtype=torch.uint8))
    data = SingleImages(("small", "large"), images)
    needed = (300 + 1200) * KEPT + 1200 * IN_WORK
    for spare, refused in ((0, False), (-4, True)):
        free = Memory(total=None, limit=None, available=needed // 3 * 4 + spare)
        monkeypatch.setattr(limits, "memory", lambda free=free: free)
        if not refused:
            assert len(evaluation_images(data, Gaussian(25), seed=0)) == 2
            continue
        with pytest.raises(DataError) as error:
            evaluation_images(data, Gaussian(25), seed=0)
        assert str(error.value) == (
            "large: to denoise it and to measure the result takes 0.1 MiB, the other images "
            "counted (2 in all); 0.1 MiB are allowed here. Use fewer or smaller images."
        )
