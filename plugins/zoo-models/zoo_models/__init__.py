"""Trained models for zoo: their weights, and a card for each.

:mod:`zoo_models.plugin` is what zoo loads; it imports no torch.
"""
