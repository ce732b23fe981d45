"""Photographs and pairs, noise, augmentation and batches.

:mod:`~zoo.data.sources` read a :class:`~zoo.data.sets.SingleImages` or
:class:`~zoo.data.sets.ImagePairs` from files, :mod:`~zoo.data.noise` draws noisy copies of crops of
it, and :class:`~zoo.data.batches.Batches` puts both together for training.
"""
