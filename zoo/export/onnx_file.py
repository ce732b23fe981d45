"""``FILE.onnx``."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from zoo import optional
from zoo.errors import ComparisonError, format_error
from zoo.export.agreement import compare, examples, network_outputs
from zoo.export.onnx_model import onnx_model
from zoo.export.runtime import Session
from zoo.export.trained import Trained


def write(trained: Trained, file: Path, tile: int | None) -> list[str]:
    """Write the network, and compare what onnxruntime makes of the file with it.

    Returns:
        What there is to say of the file, a line each.

    Raises:
        ComparisonError: it is no valid file, or computes something else.
        UsageError, PluginError: as for :func:`zoo.export.onnx_model.onnx_model`.
    """
    model = onnx_model(trained, file.name, tile)
    file.write_bytes(model.SerializeToString())
    check(file.name, file)
    images = examples(trained, tile)
    compared = agree(file.name, file, images, network_outputs(trained, images))
    channels = trained.architecture.input.channels
    size = "of any size" if tile is None else f"1x{channels}x{tile}x{tile}"
    return [f"ONNX, opset 18, images {size}, values in [0, 1]", compared]


def check(where: str, file: Path) -> None:
    """Let ONNX's checker see the file, shapes included.

    Raises:
        ComparisonError: it finds something.
    """
    checker = optional.load("onnx", "onnx").checker
    try:
        checker.check_model(str(file), full_check=True)
    except Exception as error:  # its own, and those of its shape inference
        raise _refused(where, "ONNX's checker refuses it", error) from error


def agree(where: str, file: Path, images: list[Tensor], expected: list[Tensor]) -> str:
    """Compare what onnxruntime makes of images (N, C, H, W) with what is expected.

    Returns:
        What there is to say of that.

    Raises:
        ComparisonError: they differ, or onnxruntime fails.
    """
    try:
        session = Session(file)
    except Exception as error:  # onnxruntime's own
        raise _refused(where, "onnxruntime refuses it", error) from error

    def run(image: Tensor) -> Tensor:
        try:
            return session(image)
        except Exception as error:  # onnxruntime's own
            raise _refused(where, "onnxruntime fails", error) from error

    agreement = compare(where, run, images, expected)
    return f"{session.version} against zoo: largest difference {agreement}"


def _refused(where: str, what: str, error: Exception) -> ComparisonError:
    return ComparisonError(f"{where}: {what}: {format_error(error)}. Nothing was kept.")
