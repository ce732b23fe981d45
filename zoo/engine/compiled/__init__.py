"""Kernels that are compiled for this processor from Python; an optional part of zoo, ``zoo[fast]``.

- :mod:`~zoo.engine.compiled.vector` gives Python the processor's vectors, and
  :mod:`~zoo.engine.compiled.product` a small matrix product in its registers;
- :mod:`~zoo.engine.compiled.tiles` and :mod:`~zoo.engine.compiled.minimal_filtering` are the
  kernels: read :mod:`zoo.engine.conv.minimal_filtering` first;
- :mod:`~zoo.engine.compiled.build` compiles them, once on a machine;
- :mod:`~zoo.engine.compiled.call` calls them with tensors, so that a call can be recorded.

Only :mod:`~zoo.engine.compiled.call` and :mod:`~zoo.engine.compiled.build` can be imported without
numba.
"""
