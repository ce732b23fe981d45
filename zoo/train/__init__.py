"""The training step, the loop around it, checkpoints, evaluation and the run directory."""

from zoo.train.step import TrainStep

__all__ = ["TrainStep"]
