"""How far a run has come."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zoo.errors import CheckpointError


@dataclass
class Progress:
    """How far a run has come; everything a resumed run needs besides weights and optimizer.

    Attributes:
        epoch: the epoch in work, from 0; the number of finished epochs.
        step: optimizer steps taken in the run.
        step_in_epoch: steps taken in the epoch in work.
        seconds: time spent on the epoch in work.
        loss_sum, samples: sum of the losses of the epoch's samples, and their number.
        best_psnr, best_epoch: of the best validation so far; -inf and 0 before the first.
        returns: how often the run has gone back to a checkpoint after it diverged.
        lr_factor: what the learning rate is multiplied by since then.
        diverged_step, returned_step: where it diverged the last time, and the step it went back to.
    """

    epoch: int = 0
    step: int = 0
    step_in_epoch: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    samples: int = 0
    best_psnr: float = -math.inf
    best_epoch: int = 0
    returns: int = 0
    lr_factor: float = 1.0
    diverged_step: int = 0
    returned_step: int = 0

    def check(self, steps: int, whole: bool) -> None:
        """Refuse counts of steps that a run cannot have taken.

        Args:
            steps: of an epoch.
            whole: the images are the recorded ones, so that each epoch had as many steps.

        Raises:
            CheckpointError: these are none.
        """
        wanted = self.epoch * steps + self.step_in_epoch
        if self.step_in_epoch > steps or (whole and self.step != wanted):
            raise CheckpointError(
                f"the checkpoint does not fit: progress.step is {self.step}, with epoch "
                f"{self.epoch} and step_in_epoch {self.step_in_epoch}, and an epoch has "
                f"{steps} steps."
            )
