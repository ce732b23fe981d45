"""Layers for residual networks, as a plugin of zoo. Importing it imports no torch."""
