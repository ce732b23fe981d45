"""An ONNX graph while it is written: what a layer's function is given. No torch when imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from zoo import optional
from zoo.errors import PluginError, ZooError, format_error
from zoo.plugins.isolation import isolated
from zoo.spec.sizes import SizeRule
from zoo.version import VERSION

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.nn.module import Module

Writer = Callable[[Any, Any, str], str]  # (layer, graph, x) -> y
Shape = Sequence[int | str]

# The version of the file's format that goes with each of the operators: the library's own default
# is its newest, which older runtimes refuse.
IR_VERSIONS: Final[Mapping[int, int]] = MappingProxyType({18: 8, 20: 9})


class Graph:
    """The nodes and constants that are written so far. Values are known by their names.

    A layer's function takes the layer, the graph and the name of the layer's input, adds nodes, and
    returns the name of the output::

        def leaky_relu(layer: LeakyReLU, graph: Graph, x: str) -> str:
            return graph.node("LeakyRelu", x, alpha=layer.negative_slope)

    It writes what ``forward`` computes in evaluation mode, for batches of any size, and for any
    height and width. Parameters and buffers keep the names that they have in the state dict.

    Args:
        model: the network, which :meth:`layer` is called with first.
        writers: the function of each class of layers, and what to call its entry in a message.
        opset: version of ONNX's operators, 18 or 20.

    Raises:
        UsageError: ``onnx`` is not installed.
    """

    def __init__(
        self, model: Module, writers: Mapping[type, tuple[str, Writer]], opset: int = 18
    ) -> None:
        self.opset = opset
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self._onnx = optional.load("onnx", "onnx")
        self._writers = writers
        self._model = model  # keeps the objects alive whose identity names them below
        self._tensors = {id(value): name for name, value in model.state_dict().items()}
        self._modules = dict(_paths(model))
        self._path = ""

    def node(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node with one output; returns the output's name.

        Args:
            operator: of ONNX, such as ``"Conv"``.
            inputs: names of values; "" for one that is left out.
            output: its name, made up unless given.
            attributes: the operator's.
        """
        name = output or f"{self._path}/{operator}_{len(self.nodes)}".lstrip("/")
        self.nodes.append(
            self._onnx.helper.make_node(operator, inputs, [name], name=name, **attributes)
        )
        return name

    def constant(self, value: Tensor | Sequence[float] | int) -> str:
        """A constant; returns its name.

        Args:
            value: a tensor, which becomes float32; or numbers, of which integers become int64 and
                others float32. A parameter or buffer of the network is written once, under its name
                in the state dict.
        """
        name = self._tensors.get(id(value), f"constant_{len(self.constants)}")
        if name not in self.constants:
            array = _array(value)
            self.constants[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def layer(self, layer: Module, x: str) -> str:
        """Write a layer, such as the body of a container; returns the name of its output.

        Raises:
            PluginError: no entry says how, or its function fails.
        """
        before, self._path = self._path, self._modules.get(id(layer), self._path)
        try:
            return self._written(layer, x)
        finally:
            self._path = before

    def reflected(self, x: str, height: SizeRule, width: SizeRule) -> str:
        """Images (N, C, H, W) extended by reflection, at the bottom and right, to the next sizes.

        The border is not repeated. Images smaller than what is added are reflected again and again.

        Args:
            height, width: sizes that can be reached, with a step of at least 1.
        """
        for axis, rule in ((2, height), (3, width)):
            if (rule.first, rule.step) != (1, 1):
                x = self._extended(x, axis, rule)
        return x

    def cropped(self, y: str, like: str) -> str:
        """Images cut at the bottom and right to the height and width of others."""
        corner = self.node("Shape", like, start=2, end=4)
        return self.node("Slice", y, self.constant([0, 0]), corner, self.constant([2, 3]))

    def model(
        self,
        y: str,
        x_shape: Shape,
        y_shape: Shape | None,
        name: str = "zoo",
        said: Mapping[str, str] = MappingProxyType({}),
    ) -> Any:
        """The ``onnx.ModelProto`` from ``input`` to ``output``, once all nodes are there.

        Args:
            y: the value that is the output.
            x_shape, y_shape: of both: numbers, and names of what may be any; None if not known.
            name: of the graph.
            said: the model's properties.
        """
        helper = self._onnx.helper
        self.node("Identity", y, output="output")
        float32 = self._onnx.TensorProto.FLOAT
        given = helper.make_tensor_value_info("input", float32, x_shape)
        made = helper.make_tensor_value_info("output", float32, y_shape)
        constants = [*self.constants.values()]
        model = helper.make_model(
            helper.make_graph(self.nodes, name, [given], [made], constants),
            producer_name="zoo",
            producer_version=VERSION,
            opset_imports=[helper.make_opsetid("", self.opset)],
            ir_version=IR_VERSIONS[self.opset],
        )
        helper.set_model_props(model, dict(said))
        return model

    def _written(self, layer: Module, x: str) -> str:
        name, write = self._writers.get(type(layer), ("", None))
        if write is None:
            raise PluginError(
                f"{type(layer).__name__}: no entry says how it is written in ONNX. "
                "Use layers whose entries name a function as their onnx."
            )
        try:
            with isolated():
                y = write(layer, self, x)
        except ZooError:
            raise
        except Exception as error:  # whatever a plugin's function raises
            raise PluginError(f"{name}: its onnx failed: {format_error(error)}.") from error
        if not isinstance(y, str):
            raise PluginError(f"{name}: its onnx returned {y!r}. Return the name of the output.")
        return y

    def _extended(self, x: str, axis: int, rule: SizeRule) -> str:
        """Repeats row 0, 1, .., n-2, n-1, n-2, .., 1, 0, 1, .. from row n on."""
        one, first, step = (self.constant([number]) for number in (1, rule.first, rule.step))
        n = self.node("Shape", x, start=axis, end=axis + 1)
        short = self.node("Mod", self.node("Sub", first, n), step)
        size = self.node("Max", self.node("Add", n, short), first)
        turn = self.node("Mul", self.node("Sub", n, one), self.constant([2]))  # 2 (n - 1)
        ends = [self.node("Squeeze", value) for value in (n, size)]
        rows = self.node("Range", *ends, self.constant(1))
        rows = self.node("Mod", rows, self.node("Max", turn, one))
        rows = self.node("Min", rows, self.node("Sub", turn, rows))
        return self.node("Concat", x, self.node("Gather", x, rows, axis=axis), axis=axis)


def _array(value: Tensor | Sequence[float] | int) -> NDArray[Any]:
    if isinstance(value, int | Sequence):
        array = np.array(value)
        return array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
    array = value.detach().cpu().float().numpy()
    return np.ascontiguousarray(array)


def _paths(module: Module, path: str = "") -> list[tuple[int, str]]:
    """The identity of each module in this one, and its name in the state dict."""
    found = [(id(module), path)]
    for name, child in module.children.items():
        found += _paths(child, f"{path}.{name}".lstrip("."))
    return found
