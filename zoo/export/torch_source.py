"""A network as Python source that needs torch only.

It is that of the torch references of its layers (:class:`zoo.plugins.records.LayerEntry`): torch's
own modules by name with the arguments that are not their defaults, and the classes that a reference
adds as they are written where they are. Such a class may use ``torch``, ``nn`` and ``Tensor``, and
keeps its arguments under their names.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from zoo.errors import PluginError
from zoo.export.trained import Trained
from zoo.spec.sizes import SizeRule

HEADER = '''\
"""{name}: a denoiser, written by zoo {zoo_version}. It needs torch only.

    import torch
    from {module} import Denoiser

    denoiser = Denoiser()
    denoiser.load_state_dict(torch.load("{weights}", weights_only=True))
    denoiser.eval()
    with torch.no_grad():
        clean = denoiser(noisy)  # (N, {channels}, H, W), float32, values in [0, 1]

{facts}
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
'''

ANY_SIZE = '''\
class Denoiser(nn.Sequential):
    """The network, on images of any size.

    It gives back {sizes}: other images are extended by
    reflection at the bottom and right, and the output is cut back.
    """

    def __init__(self) -> None:
        super().__init__(
{layers}
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = extended(x, -2, {vertical})
        x = extended(x, -1, {horizontal})
        return super().forward(x)[..., :height, :width]


def extended(x: Tensor, axis: int, first: int, step: int) -> Tensor:
    """Images extended along an axis to the next size of first, first + step, first + 2 step, ..."""
    n = x.shape[axis]
    size = max(first, n + (first - n) % step)
    rows = torch.arange(size, device=x.device) % max(1, 2 * (n - 1))
    return x.index_select(axis, torch.minimum(rows, 2 * (n - 1) - rows)) if size > n else x
'''

AS_IT_IS = '''\
class Denoiser(nn.Sequential):
    """The network, on images of any size."""

    def __init__(self) -> None:
        super().__init__(
{layers}
        )
'''


def source(trained: Trained, reference: Any, module: str, weights: str, sizes: Any) -> str:
    """The text of a module with a class ``Denoiser``.

    Args:
        reference: the network in torch, a ``torch.nn.Sequential``.
        module: the name of the module that the text becomes.
        weights: the file of its state dict.
        sizes: the heights and the widths that the network gives back.

    Raises:
        PluginError: a class of a torch reference cannot be copied.
    """
    classes: dict[str, str] = {}
    layers = ",\n".join(expression(layer, classes) for layer in reference) + ","
    same = sizes == (SizeRule(1, 1), SizeRule(1, 1))
    vertical, horizontal = (f"first={rule.first}, step={rule.step}" for rule in sizes)
    body = (AS_IT_IS if same else ANY_SIZE).format(
        layers=textwrap.indent(layers, 12 * " "),
        sizes=trained.sizes,
        vertical=vertical,
        horizontal=horizontal,
    )
    said = {key: _in_docstring(text) for key, text in trained.provenance().items()}
    facts = ("description", "model", "licence", "trained_with", "metrics", "receptive_field")
    header = HEADER.format(
        module=module,
        weights=_in_docstring(weights),
        facts="\n".join(f"{key}: {said[key]}" for key in facts if key in said),
        **{key: said[key] for key in ("name", "zoo_version", "channels")},
    )
    return "\n\n".join([header, *(text + "\n" for text in classes.values()), body])


def _in_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"') if '"""' in text or "\\" in text else text


def expression(module: Any, classes: dict[str, str]) -> str:
    """The call that makes a module.

    Args:
        classes: is given the source of each class that torch has not, by its name.

    Raises:
        PluginError: such a class cannot be copied, or two have one name.
    """
    kind = type(module)
    if not kind.__module__.startswith("torch.nn."):
        _copy(kind, classes)
        return f"{kind.__name__}({', '.join(_arguments(module, classes, lambda value: value))})"
    if kind.__name__ != "Sequential":
        return f"nn.{kind.__name__}({', '.join(_arguments(module, classes, _one_for_both))})"
    if not len(module):
        return "nn.Sequential()"
    lines = ",\n".join(expression(layer, classes) for layer in module)
    return f"nn.Sequential(\n{textwrap.indent(lines, 4 * ' ')},\n)"


def _arguments(module: Any, classes: dict[str, str], plain: Callable[[Any], Any]) -> Iterator[str]:
    """Those that are not the default, by name but for those that have none."""
    for name, parameter in inspect.signature(type(module)).parameters.items():
        if not hasattr(module, name):
            continue
        value = plain(getattr(module, name))
        if name == "bias":
            value = value is not None
        known = isinstance(value, str | int | float | tuple | None)
        text = repr(value) if known else expression(value, classes)
        if parameter.default is parameter.empty:
            yield text
        elif value != plain(parameter.default):
            yield f"{name}={text}"


def _one_for_both(value: Any) -> Any:
    """A pair of equal numbers as one, which torch takes for both axes."""
    pair = isinstance(value, tuple) and len(value) == 2 and value[0] == value[1]
    return value[0] if pair else value


def _copy(kind: type, classes: dict[str, str]) -> None:
    where = f"{kind.__module__}.{kind.__name__}"
    try:
        text = textwrap.dedent(inspect.getsource(kind)).rstrip()
    except (OSError, TypeError) as error:
        raise PluginError(
            f"{where}: the source of this torch reference is not there. Use --to safetensors."
        ) from error
    if classes.setdefault(kind.__name__, text) != text:
        raise PluginError(f"{where}: two torch references have this name. Rename one.")
