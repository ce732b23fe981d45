"""Trained networks on pictures: any size, any of the usual types, as large as they are.

:class:`Denoiser` is what ``zoo denoise`` and :func:`zoo.load` use.
"""

from zoo.inference.denoiser import Denoiser

__all__ = ["Denoiser"]
