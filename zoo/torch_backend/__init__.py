"""Training with ``torch.nn``, autograd and ``torch.optim`` in the place of zoo's own layers.

They appear here, in :mod:`zoo.testing` and in :mod:`zoo.bench`, as what zoo is compared with.
"""

from zoo.torch_backend.backend import TorchBackend

__all__ = ["TorchBackend"]
