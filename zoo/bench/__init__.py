"""Timing a network beside the same network in ``torch.nn``.

Autograd and ``torch.nn`` appear here as what zoo is compared with, and nowhere in what trains.
"""
