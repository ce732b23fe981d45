"""One training by several processes: who they are, what they ask each other, and who is gone.

A process of a run is a rank. Ranks are started by PyTorch's launcher, ``torchrun``, and are all
alike: each computes its shard of every batch, and after each step has the same weights.
"""
