"""Trained networks as files that other programs read: torch, ONNX, safetensors, darktable.

One file for each format, and :class:`Graph`, in which a layer says how it is written in ONNX.
Importing this imports no torch.
"""

from zoo.export.graph import Graph

__all__ = ["Graph"]
