"""``FILE.pt``, a state dict, and beside it the Python source of the network."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch
from torch import Tensor

from zoo.errors import ComparisonError, PluginError
from zoo.export.agreement import Agreement, compare, examples, network_outputs
from zoo.export.torch_source import source
from zoo.export.trained import Trained
from zoo.plugins.python_subprocess import run_python
from zoo.testing.torch_equivalent import TorchReferences, UnknownClassError

# Runs the files as they are read anywhere: without zoo, and without the plugins.
CHILD: Final = """
import sys
from importlib import import_module
from pathlib import Path

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ImportError(f"{name} is not there: the file should need torch only")

module, weights, images, outputs, *blocked = sys.argv[1:]
sys.meta_path.insert(0, Missing())
sys.path.insert(0, str(Path(weights).parent))
import torch
denoiser = import_module(module).Denoiser()
denoiser.load_state_dict(torch.load(weights, weights_only=True), strict=True)
denoiser.eval()
with torch.no_grad():
    torch.save([denoiser(image) for image in torch.load(images)], outputs)
"""


def write(trained: Trained, file: Path, module: Path) -> list[str]:
    """Write both files, and compare what they compute in a process without zoo with the network.

    Args:
        file: of the state dict.
        module: of the source.

    Returns:
        What there is to say of the files, a line each.

    Raises:
        ComparisonError: they fail without zoo, or compute something else.
        PluginError: a layer has no torch reference, or one that cannot be written.
        UsageError: the network gives back few sizes.
    """
    sizes = trained.size_rules(file.name)
    buffer = io.BytesIO()  # torch would turn a full disk into an error of its own
    state = trained.network.state_dict()
    torch.save({name: value.clone() for name, value in state.items()}, buffer)
    file.write_bytes(buffer.getbuffer())
    reference = _reference(trained, file.name)
    text = source(trained, reference, module.stem, file.name, sizes)
    module.write_text(text, "utf-8")
    agreement = _agree(trained, file, module, _packages(reference))
    return [
        f"{module.name} has the network, and needs torch only",
        f"both in a process without zoo, against zoo: largest difference {agreement}",
    ]


def _reference(trained: Trained, target: str) -> Any:
    """The network in torch.

    Raises:
        PluginError: a layer has no torch reference.
    """
    trained.require_all("torch_reference", "names no torch reference")
    types = {component.type for component, _, _ in trained.layers()}
    references = TorchReferences(trained.registry.get("layer", name) for name in types)
    try:
        return references.model(trained.network)
    except UnknownClassError as error:
        raise PluginError(f"{target}: no entry builds {error}. Use --to safetensors.") from error


def _packages(reference: Any) -> set[str]:
    """The packages of the classes that the source has copies of."""
    packages = {type(module).__module__.partition(".")[0] for module in reference.modules()}
    return {"zoo", *packages} - {"torch"}


def _agree(trained: Trained, file: Path, module: Path, blocked: set[str]) -> Agreement:
    images = examples(trained)
    with TemporaryDirectory() as folder:
        given, outputs = Path(folder) / "images.pt", Path(folder) / "outputs.pt"
        torch.save(images, given)
        paths = map(str, (file, given, outputs))
        result = run_python(CHILD, module.stem, *paths, *blocked)
        if result.returncode:
            last = result.stderr.strip().rpartition("\n")[2]
            raise ComparisonError(f"{module.name}: fails without zoo: {last}. Nothing was kept.")
        found: list[Tensor] = torch.load(outputs, weights_only=True)
    made = iter(found)
    return compare(module.name, lambda _: next(made), images, network_outputs(trained, images))
