"""What is installed, described for people who want to name it in a file. No torch."""

from zoo.describe.details import Details, Parameter, details, summary
from zoo.describe.source import Definition, find_definition

__all__ = ["Definition", "Details", "Parameter", "details", "find_definition", "summary"]
