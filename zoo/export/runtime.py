"""Running an ONNX model. No torch when imported."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo import optional

if TYPE_CHECKING:
    from torch import Tensor


class Session:
    """An ONNX model with one ``input`` and one ``output``, run by onnxruntime on the CPU.

    Args:
        model: the file, or its content.

    Raises:
        UsageError: ``onnxruntime`` is not installed.
        Exception: (all methods) whatever onnxruntime raises.
    """

    def __init__(self, model: Path | bytes) -> None:
        onnxruntime = optional.load("onnxruntime", "onnx")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors, which are raised as well
        self.version = f"onnxruntime {onnxruntime.__version__}"
        self._session: Any = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, x: Tensor) -> Tensor:
        """What the model makes of x, float32."""
        import torch

        (y,) = self._session.run(["output"], {"input": x.contiguous().numpy()})
        return torch.from_numpy(y)
