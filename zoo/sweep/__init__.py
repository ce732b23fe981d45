"""Sweeps: a plan's cells, each an ordinary run, and the tables of what they reach. No torch."""

from zoo.sweep.cells import Cell, ResultTable, Setting, expand_plan
from zoo.sweep.plan import Plan, read_plan

__all__ = ["Cell", "Plan", "ResultTable", "Setting", "expand_plan", "read_plan"]
