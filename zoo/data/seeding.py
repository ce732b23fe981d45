"""Random generators that depend on nothing but a key.

Every random draw of a run comes from a generator made here, from the run's seed and what it is for
(an epoch, a batch, a validation image). So a batch can be drawn again without replaying those
before it, which is what makes a resumed run identical to one that was never stopped.
"""

from __future__ import annotations

import numpy as np
import torch


def generator(seed: int, *key: int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for ``seed`` and ``key``; different keys give independent streams.

    Args:
        seed: the run's seed, >= 0.
        key: what the draws are for, non-negative integers such as (stream, epoch, batch).
        device: where it draws. A GPU draws other numbers than a CPU.
    """
    words = np.random.SeedSequence(seed, spawn_key=key).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(words[0] >> np.uint64(1)))
