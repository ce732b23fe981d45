"""Each source from a cache: the same crops, and the same images to evaluate on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data.cache.making import values, write
from zoo.data.batches import Batches
from zoo.data.cache.cache import PictureCache
from zoo.data.evaluation import evaluation_images
from zoo.data.fingerprint import find_alike
from zoo.data.noise.gaussian import Gaussian
from zoo.data.noise.pixel_sampling import PixelSampling
from zoo.data.record import known_as
from zoo.data.sets import Images, all_images
from zoo.data.sources.burst import Burst
from zoo.data.sources.folder import Folder
from zoo.data.sources.frames import Frames
from zoo.data.sources.pairs import Pairs
from zoo.data.stored import StoredImage
from zoo.errors import DataError


def sources(tmp_path: Path) -> dict[str, Callable[..., Images]]:
    for index in range(4):
        write(tmp_path / "first" / f"{index}.png", values(40, 44, 3))
        write(tmp_path / "second" / f"{index}.png", values(40, 44, 3))
        write(tmp_path / "bursts" / str(index // 2) / f"{index}.png", values(40, 44, 3))
        write(tmp_path / "film" / f"{index}.png", values(40, 44, 3))
    write(tmp_path / "stack.tif", values(5, 40, 44, dtype=np.uint16))

    def folder(**more: Any) -> Images:
        return Folder(str(tmp_path / "first"), 3, **more)

    def stack(**more: Any) -> Images:
        return Folder(str(tmp_path / "stack.tif"), 1, **more)

    def pairs(**more: Any) -> Images:
        return Pairs(3, str(tmp_path / "first"), str(tmp_path / "second"), **more)

    def burst(**more: Any) -> Images:
        return Burst(str(tmp_path / "bursts"), 3, **more)

    def frames(**more: Any) -> Images:
        return Frames(str(tmp_path / "film"), 3, **more)

    return {it.__name__: it for it in (folder, stack, pairs, burst, frames)}


@pytest.mark.parametrize("name", ["folder", "stack", "pairs", "burst", "frames"])
def test_a_source_gives_the_same_from_a_cache(name: str, tmp_path: Path) -> None:
    source = sources(tmp_path)[name]
    memory, kept = source(), source(picture_cache=PictureCache(tmp_path / "cache"))
    assert type(memory) is type(kept)
    assert (memory.names, memory.files, memory.remarks) == (kept.names, kept.files, kept.remarks)
    assert memory.hashes == kept.hashes
    assert known_as(memory) == known_as(kept)
    assert find_alike(memory.sides[0]) == find_alike(kept.sides[0])
    assert all(isinstance(image, StoredImage) for image in all_images(kept))
    noise = Gaussian([0, 50]) if name in ("folder", "stack") else None
    options = {"batch_size": 7, "height": 16, "width": 12, "samples": 20, "seed": 3}
    batches = [Batches(data, noise, **options) for data in (memory, kept)]  # type: ignore[arg-type]
    for index in range(3):
        one, other = (each.batch(1, index) for each in batches)
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.target, other.target)
    images = [evaluation_images(data, noise, seed=5) for data in (memory, kept)]
    assert len(images[0]) == len(images[1])
    for image, again in zip(*images, strict=True):
        assert torch.equal(image.noisy, again.noisy)
        assert torch.equal(image.reference, again.reference)
    assert [image.name for image in images[1][:2]] == [image.name for image in images[0][:2]]


def test_blocks_of_pixels_come_from_a_cache_too(folder: Path, tmp_path: Path) -> None:
    kept = Folder(str(folder), 3, picture_cache=PictureCache(tmp_path / "cache"))
    noise = PixelSampling([1, 4])
    options = {"batch_size": 50, "height": 6, "width": 7, "samples": 50}
    batches = [Batches(data, noise, **options) for data in (Folder(str(folder), 3), kept)]  # type: ignore[arg-type]
    assert torch.equal(*(each.batch(0, 0).x for each in batches))
    assert torch.equal(*(each.batch(0, 0).target for each in batches))


def test_pictures_of_a_cache_are_packed_for_a_device(folder: Path, tmp_path: Path) -> None:
    memory = Batches(Folder(str(folder), 3), Gaussian(9), batch_size=8, height=8, width=8)
    kept = Folder(str(folder), 3, picture_cache=PictureCache(tmp_path / "cache"))
    batches = Batches(kept, Gaussian(9), batch_size=8, height=8, width=8)
    assert batches.views.photographs[0].nbytes == memory.views.photographs[0].nbytes
    batches.views.photographs[0].pack(torch.device("cpu"))
    shutil.rmtree(tmp_path / "cache")  # nothing is read any more
    assert torch.equal(batches.batch(0, 1).x, memory.batch(0, 1).x)


def test_what_is_too_small_to_evaluate_on_is_known_at_once(tmp_path: Path) -> None:
    write(tmp_path / "photos" / "a.png", values(40, 44, 3))
    write(tmp_path / "photos" / "b.png", values(3, 44, 3))
    cache = PictureCache(tmp_path / "cache")
    data = Folder(str(tmp_path / "photos"), 3, picture_cache=cache)
    with pytest.raises(DataError):
        evaluation_images(data, PixelSampling(4), seed=0)
