"""A picture of one plane: what PNG, JPEG, BMP and WebP hold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from zoo.pictures.picture import Array, Picture
from zoo.pictures.source import reading


class Photo(Picture):
    """One plane. Its alpha is kept from the decoding; its colours are not."""

    has_alpha = False
    _alpha: Array | None = None

    def set_size(self, height: int, width: int, channels: int) -> None:
        """Take over what the header says."""
        self.channels = channels
        self.shape = (height, width) if channels == 1 else (height, width, channels)

    @abstractmethod
    def decode(self) -> Array:
        """All samples as (H, W, S), colours first."""

    def planes(self) -> Iterator[Array]:
        """The plane."""
        with reading(self.where):
            samples = self.decode()
        if samples.shape[2] > self.channels:
            self._alpha = samples[..., self.channels :].copy()
            samples = samples[..., : self.channels].copy()
        yield samples[..., 0] if self.channels == 1 else samples

    def extras(self, plane: int) -> Array | None:
        """Alpha as (H, W, 1)."""
        if self.has_alpha and self._alpha is None:
            for _ in self.planes():
                pass
        return self._alpha

    @property
    def has_extras(self) -> bool:
        """Whether there is alpha."""
        return self.has_alpha
