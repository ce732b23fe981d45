"""Layers of U-Nets for zoo, with hand-written backward passes. Importing this imports no torch."""
