"""Optimizers; the learning-rate schedules are in :mod:`zoo.optim.schedules`."""

from zoo.optim.adam import Adam
from zoo.optim.optimizer import Optimizer, Tensors
from zoo.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "Tensors"]
