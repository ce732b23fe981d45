"""Optimizers; the learning-rate schedules are in :mod:`zoo.optim.schedules`."""

from zoo.optim.adam import Adam
from zoo.optim.optimizer import Optimizer
from zoo.optim.sgd import SGD
from zoo.optim.tensor_list import TensorList

__all__ = ["SGD", "Adam", "Optimizer", "TensorList"]
