"""Optimizers and initializers for zoo: where gradient descent starts, and how it steps.

:mod:`zoo_descent.plugin` is what zoo loads; it imports no torch.
"""
