"""The command line: one small file for each command; the only place that prints or exits."""

from zoo.cli.ending import console_main
from zoo.cli.main import main

__all__ = ["console_main", "main"]
