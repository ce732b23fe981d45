"""What two images are told apart by: a hash of their pixels, and a thumbnail for those alike."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from zoo.data.stored import Facts, Image, StoredImage, is_even, is_grey, pixels_of

THUMBNAIL = 8  # pixels on a side
SAMPLED = 256  # pixels on a side that a thumbnail is made of, at least, where there are so many
FLAT = 1 / 255  # standard deviation of a thumbnail that shows nothing
ALIKE = 0.95  # correlation of the thumbnails of one scene; 423 unrelated photographs: 0.87 at most
ROWS = 512  # thumbnails that are compared at once,
WINDOW = 4096  # with so many from these on


def pixel_hashes(*sides: Sequence[Image]) -> list[str]:
    """The sha256 of each image's pixels, type and shape; of pairs, of both images together.

    Args:
        sides: images of any shapes; the second images of the pairs too.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        hashes = list(pool.map(_hash, zip(*sides, strict=True), chunksize=64))
    for known in {image.together for image in sides[0] if isinstance(image, StoredImage)}:
        known.save()
    return hashes


def find_alike(images: Sequence[Image]) -> list[tuple[int, int]]:
    """Indices of images that show the same scene: copies of any size, frames, mirrored or turned.

    Thumbnails are compared by their correlation, after their mean, their even change of brightness
    from side to side, which many skies have in common, and their contrast are taken out. An image
    of which nothing is left is like no other.

    Returns:
        Pairs of indices: the links of a graph whose components are the scenes.

    Args:
        images: (C, H, W) each, of any sizes.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        thumbnails = torch.stack(list(pool.map(thumbnail, images, chunksize=64)))
    place = torch.linspace(-1, 1, THUMBNAIL)
    per_place = 1 / (THUMBNAIL * place.square().sum())
    right = (thumbnails * place).sum((1, 2), keepdim=True) * per_place  # N, 1, 1
    below = (thumbnails * place[:, None]).sum((1, 2), keepdim=True) * per_place
    even = thumbnails.mean((1, 2), keepdim=True) + right * place + below * place[:, None]
    rest = thumbnails - even
    spread = rest.square().mean((1, 2), keepdim=True).sqrt()
    shows = (spread.flatten() > FLAT).nonzero().flatten()
    units = rest / (spread * THUMBNAIL)
    forms = (units[shows].flatten(1), _upright(units, right, below)[shows].flatten(1))
    links = {link for form in forms for link in _links(form)}
    names = shows.tolist()
    return sorted({(names[min(link)], names[max(link)]) for link in links})


def facts_of(image: Tensor) -> Facts:
    """What is kept of an image (C, H, W) beside its pixels."""
    low, high = (float(value) for value in image.aminmax())
    small = thumbnail(image).contiguous().numpy().tobytes()
    return Facts(_hash([image]), small, low, high, is_even(image), is_grey(image))


def _hash(images: Sequence[Image]) -> str:
    stored = [image for image in images if isinstance(image, StoredImage)]
    if len(stored) < len(images):
        return _hash_of_pixels(images)
    if len(stored) == 1:
        return stored[0].facts.sha256
    name, known = " ".join(image.facts.sha256 for image in stored), stored[0].together
    found = known.get(name, ())
    if found is None:
        found = _hash_of_pixels(images)
        known.note(name, (), found)
    return found


def _hash_of_pixels(images: Sequence[Image]) -> str:
    digest = hashlib.sha256()
    for image in map(pixels_of, images):
        digest.update(f"{image.dtype} {tuple(image.shape)}".encode())
        digest.update(image.contiguous().numpy().data)
    return digest.hexdigest()


def thumbnail(image: Image) -> Tensor:
    """(C, H, W) -> (8, 8) float32, white at 1, without colour."""
    if isinstance(image, StoredImage):
        values = np.frombuffer(image.facts.thumbnail, np.float32).reshape(THUMBNAIL, THUMBNAIL)
        return torch.from_numpy(values.copy())
    step = max(1, min(image.shape[1:]) // SAMPLED)
    sampled = image[:, ::step, ::step].float().mean(0)  # H, W
    means = sampled.numpy()
    for axis, size in enumerate(sampled.shape):
        edges = np.arange(THUMBNAIL) * size // THUMBNAIL  # some the same where there are fewer
        counts = np.diff(edges, append=size).clip(1)
        sums = np.add.reduceat(means, edges, axis)
        means = sums / np.expand_dims(counts.astype(np.float32), 1 - axis)
    small = torch.from_numpy(means)
    return small / 255 if image.dtype == torch.uint8 else small


def _upright(units: Tensor, right: Tensor, below: Tensor) -> Tensor:
    """Each thumbnail turned so that it grows brighter to the right, and below, but less so."""
    units = torch.where(right < 0, units.flip(2), units)
    units = torch.where(below < 0, units.flip(1), units)
    return torch.where(right.abs() < below.abs(), units.transpose(1, 2), units)


def _links(units: Tensor) -> list[tuple[int, int]]:
    """Links between rows of (N, 64) whose product is at least ``ALIKE``; few for each component.

    Rows alike are near each other along every direction, so that only neighbours in the order along
    the one of most variance are compared: the time is linear where there are many rows.
    """
    if len(units) < 2:
        return []
    direction = torch.linalg.eigh(units.T @ units).eigenvectors[:, -1]
    order = (units @ direction).argsort()
    units = units[order]
    names, scene = order.tolist(), np.arange(len(units))  # of each row the scene known so far
    links = []
    for start in range(0, len(units), ROWS):
        alike = (units[start : start + ROWS] @ units[start : start + WINDOW].T >= ALIKE).numpy()
        for row in np.flatnonzero(alike.sum(1) > 1):
            like = start + np.flatnonzero(alike[row])
            if (scene[like] != scene[like[0]]).any():
                scenes = np.unique(scene[like])
                links += [(names[scenes[0]], names[other]) for other in scenes[1:]]
                scene[np.isin(scene, scenes)] = scenes[0]
    return links
