"""What is in a cache, and what of it is checked when."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data.cache.making import entries, values, write
from zoo.data import stored
from zoo.data.cache import cache as cache_module
from zoo.data.cache.cache import PictureCache
from zoo.data.fingerprint import pixel_hashes, thumbnail
from zoo.data.images import read_images
from zoo.data.pages import as_tensor
from zoo.data.stored import StoredImage, low_and_high, pixels_of, window_of
from zoo.pictures.folders import find_pictures
from zoo.pictures.values import ValueRange


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that a test makes are as good as old ones."""
    monkeypatch.setattr(cache_module, "is_settled", lambda stamp, now: True)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("span", [None, ValueRange(0, 1), ValueRange(16, 4095)])
def test_what_is_stored_is_what_is_read(
    pictures: tuple[Path, ...], channels: int, span: ValueRange | None, tmp_path: Path
) -> None:
    """In the same bits, and so is each part, and what is known without reading it."""
    memory = read_images(pictures, channels, value_range=span)
    cache = PictureCache(tmp_path / "cache")
    for _ in range(2):
        kept = read_images(pictures, channels, value_range=span, picture_cache=cache)
        assert [len(pages) for pages in kept] == [len(pages) for pages in memory] == [1, 1, 1, 3]
        for pages, originals in zip(kept, memory, strict=True):
            for image, original in zip(pages, originals, strict=True):
                assert isinstance(image, StoredImage)
                assert isinstance(original, torch.Tensor)
                assert (image.shape, image.dtype) == (tuple(original.shape), original.dtype)
                assert (image.ndim, image.numel()) == (3, original.numel())
                assert torch.equal(pixels_of(image), original)
                part = window_of(image, 3, 5, 17, 1000), window_of(original, 3, 5, 17, 1000)
                assert np.array_equal(*part)
                assert pixel_hashes([image]) == pixel_hashes([original])
                assert torch.equal(thumbnail(image), thumbnail(original))
                assert low_and_high(image) == low_and_high(original)


def test_windows_over_the_edges_of_bands(tmp_path: Path) -> None:
    path = write(tmp_path / "wide.png", values(20, 3 * stored.BAND + 5, 3))
    ((image,),) = PictureCache(tmp_path / "cache").read([path], 3)
    original = pixels_of(read_images([path], 3)[0][0])
    for left in (0, 1, stored.BAND - 1, stored.BAND, 2 * stored.BAND - 7, 3 * stored.BAND):
        for width in (1, 5, stored.BAND, stored.BAND + 9):
            if left + width <= original.shape[2]:
                expected = original[:, 2:17, left : left + width]
                found = as_tensor(window_of(image, 2, left, 15, width))
                assert torch.equal(found, expected)


def test_types_are_kept_short(tmp_path: Path) -> None:
    """16 bits take two bytes of each value, also where black and white are others."""
    path = write(tmp_path / "deep.png", values(50, 60, 3, dtype=np.uint16))
    cache = tmp_path / "cache"
    PictureCache(cache).read([path], 3, ValueRange(16, 4095))
    (entry,) = entries(cache)
    assert 0 < entry.stat().st_size - 2 * 50 * 60 * 3 < 2000
    assert entry.stat().st_mode & 0o444


def test_a_picture_is_decoded_again_where_its_content_is_another(
    pictures: tuple[Path, ...], tmp_path: Path, decoded: list[str], settled: None
) -> None:
    def read() -> list[str]:
        decoded.clear()
        PictureCache(tmp_path / "cache").read(pictures, 3)
        return sorted(decoded)

    assert read() == ["a.png", "b.png", "c.png", "d.tif"]
    assert read() == []
    os.utime(pictures[0])  # another time, the same content
    assert read() == []
    times = pictures[1].stat()
    write(pictures[1], values(40, 33))
    os.utime(pictures[1], ns=(times.st_atime_ns, times.st_mtime_ns))  # and the time put back
    assert read() == ["b.png"]
    shutil.copy(pictures[2], pictures[0])  # the content of another name
    assert read() == []
    pictures[0].rename(pictures[0].with_name("z.png"))
    pictures = find_pictures(pictures[0].parent).pictures
    assert read() == []


def test_only_what_may_have_changed_is_hashed(
    pictures: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    original = cache_module._sha256

    def sha256(path: Path) -> str:
        hashed.append(path.name)
        return original(path)

    monkeypatch.setattr(cache_module, "_sha256", sha256)
    cache = tmp_path / "cache"
    for _ in range(2):  # files of this second: their times may not tell of the next change
        hashed.clear()
        PictureCache(cache).read(pictures, 3)
        assert set(hashed) == {path.name for path in pictures}
    monkeypatch.setattr(cache_module, "is_settled", lambda stamp, now: True)
    PictureCache(cache).read(pictures, 3)
    hashed.clear()
    PictureCache(cache).read(pictures, 3)
    assert hashed == []
    os.utime(pictures[2])
    PictureCache(cache).read(pictures, 3)
    assert hashed == [pictures[2].name]


def test_another_version_of_a_decoder_decodes_again(
    pictures: tuple[Path, ...],
    tmp_path: Path,
    decoded: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    PictureCache(tmp_path / "cache").read(pictures[:1], 3)
    monkeypatch.setattr(cache_module, "_version", lambda name: "99")
    PictureCache(tmp_path / "cache").read(pictures[:1], 3)
    assert decoded == ["a.png", "a.png"]
