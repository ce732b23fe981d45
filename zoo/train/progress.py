"""How far a run has come."""

from __future__ import annotations

import math
from dataclasses import dataclass


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
