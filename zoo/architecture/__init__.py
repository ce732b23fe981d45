"""From a TOML file to a checked, frozen specification. Knows TOML and JSON Schema, no torch."""

from zoo.architecture.component import Component
from zoo.architecture.read import parse_architecture, parse_resolved, read_architecture
from zoo.architecture.spec import Architecture, Data, Input, Train

__all__ = [
    "Architecture",
    "Component",
    "Data",
    "Input",
    "Train",
    "parse_architecture",
    "parse_resolved",
    "read_architecture",
]
