"""Decoded pictures on a disk, so that a data set need not fit into memory.

:class:`~zoo.data.cache.cache.PictureCache` is the folder, :mod:`~zoo.data.cache.entry` the file
that each picture file has in it, :class:`~zoo.data.stored.StoredImage` an image of such a file, and
:class:`~zoo.data.cache.known.Known` what need not be found out again.
"""
