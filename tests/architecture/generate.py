"""Valid architectures of any entries and any of their values, drawn from the schemas themselves.

An architecture is drawn twice at once: ``plain``, a document with nothing but layers, and
``written``, which means the same with blocks, variables, bodies by name and a file that is
extended. Layers are drawn one by one; those whose shape rule refuses them are mended or left out,
and a last layer gives back the input's shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from tests.architecture.spelling import spelled
from tests.architecture.values import Document, bodies_of, defaults, tables, values
from zoo.errors import ArgumentError, ShapeError
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import Registry
from zoo.spec.layer_info import LayerInfo
from zoo.spec.schemas import read_schema

TomlPath = tuple[str | int, ...]
Shape = tuple[int, ...]
Draw = st.DrawFn

REPLACED = st.sampled_from([0, [1.5], False]).map(deepcopy)  # wrong, but never looked at
LARGEST = 12  # channels, and pixels along an axis
KEY = st.text(st.sampled_from("aZ0_- .ö図'\"\\\n"), min_size=1, max_size=4)


@dataclass
class Chain:
    """Layers that follow each other, plain and written, and the shape of their output."""

    shape: Shape
    plain: list[Any] = field(default_factory=list)
    written: list[Any] = field(default_factory=list)
    parameters: int = 0

    def add(self, other: Chain) -> None:
        self.plain += other.plain
        self.written += other.written
        self.parameters += other.parameters
        self.shape = other.shape


@dataclass(frozen=True)
class Drawn:
    """An architecture.

    Attributes:
        plain: a document without blocks, variables and ``extends``.
        files: documents that mean the same: ``net.toml`` and, if that extends it, ``base.toml``.
        seed: of the spelling.
    """

    plain: Document
    files: Mapping[str, Document]
    seed: int

    def texts(self) -> dict[str, str]:
        return {name: spelled(document, self.seed) for name, document in self.files.items()}


@st.composite
def architectures(draw: Draw, registry: Registry) -> Drawn:
    """Any valid architecture."""
    return _Drawing(draw, registry).architecture()


class _Drawing:
    def __init__(self, draw: Draw, registry: Registry) -> None:
        self.draw = draw
        self.registry = registry
        self.blocks: dict[str, list[Any]] = {}

    def architecture(self) -> Drawn:
        plain = self._rest()
        size = plain["input"]
        shape = (size["channels"], size["height"], size["width"])
        chain = self.chain(shape, shape)
        if not chain.parameters:
            chain.add(self._mending(shape, shape, always=True))
        written = {**plain, "layers": chain.written}
        if self.blocks:
            written["blocks"] = self.blocks
        written = self._with_variables(written)
        return Drawn(
            plain={**plain, "layers": chain.plain},
            files=self._files(written),
            seed=self.draw(st.integers(0, 2**32)),
        )

    def _rest(self) -> Document:
        """Everything but the layers."""
        schema = read_schema("architecture.json")
        properties = {
            key: item
            for key, item in schema["properties"].items()
            if key not in ("extends", "vars", "blocks", "layers", "plugins")
        }
        rest = self.draw(tables({**schema, "properties": properties}, self.registry))
        height, width = self.draw(st.integers(1, 8)), self.draw(st.integers(1, 8))
        augment = rest.get("data", {}).get("augment", {})
        if augment.get("transpose") or augment.get("rotate"):
            width = height  # they exchange the two
        rest["input"] |= {"height": height, "width": width}
        if isinstance(value := rest.get("data", {}).get("range"), list):
            rest["data"]["range"] = [min(value), max(value) + abs(max(value)) + 1]
        return rest

    def chain(self, shape: Shape, target: Shape | None, depth: int = 0) -> Chain:
        """Layers for an input of some shape; their output is ``target``, where that is given."""
        chain = Chain(shape)
        for _ in range(self.draw(st.integers(1, 3))):
            make = self.block if depth < 2 and self.draw(st.booleans()) else self.layer
            chain.add(make(chain.shape, depth))
        if target is not None:
            chain.add(self._mending(chain.shape, target))
        return chain

    def block(self, shape: Shape, depth: int) -> Chain:
        """A named block and one or more uses of it."""
        repeat = self.draw(st.integers(1, 3))
        inner = self._inside(shape, shape if repeat > 1 else None, depth)
        use = {"type": "block", **self._use(inner.written)}
        if self.draw(st.booleans()):
            uses = [deepcopy(use) for _ in range(repeat)]
        else:
            uses = [{**use, "repeat": repeat}]
        return Chain(inner.shape, inner.plain * repeat, uses, inner.parameters)

    def _use(self, written: list[Any]) -> Document:
        """A use of a new block of these layers, some of their values given to it by name."""
        name = self.draw(KEY.filter(lambda key: key not in self.blocks))
        paths = [path for path in paths_of(written) if len(path) > 1 and path[-1] != "var"]
        written, given = self._named(written, paths, "w")
        self.blocks[name] = written
        return {"use": name, **({"with": given} if given else {})}

    def layer(self, shape: Shape, depth: int) -> Chain:
        """One layer; none where what was drawn cannot be mended."""
        entries = [self.registry.layer(name) for name in self.registry.names("layer")]
        if depth > 1:
            entries = [entry for entry in entries if not bodies_of(entry)]
        entry = self.draw(st.sampled_from(entries))
        plain: Document = {}
        written: Document = {}
        inner: dict[str, Shape] = {}
        parameters = 0
        for key, schema in entry.schema["properties"].items():
            if key in bodies_of(entry):
                body = self._body(shape, depth)
                plain[key], written[key], inner[key] = body.plain, body.written, body.shape
                parameters += body.parameters
            elif key in entry.schema.get("required", []) or self.draw(st.integers(0, 3)) == 0:
                plain[key] = written[key] = self.draw(values(schema, self.registry))
        inferred = {key: shape[axis] for key, axis in entry.inferred.items()}
        for key in inferred.keys() & plain.keys():
            plain[key] = written[key] = inferred[key]
        info = self._mended(entry, plain, inferred, inner, shape)
        if info is None or max(info.output_shape) > LARGEST:
            return Chain(shape)
        name = entry.name
        written = {"type": name, **{key: written[key] for key in plain}}
        as_name = not plain and self.draw(st.booleans())
        layers = [{"type": name, **plain}], [name if as_name else written]
        return Chain(info.output_shape, *layers, parameters + info.parameters)

    def _body(self, shape: Shape, depth: int) -> Chain:
        """A body that gives back its input's shape: a list of layers, or a use of a block."""
        chain = self._inside(shape, shape, depth)
        written: Any = chain.written
        if self.draw(st.booleans()):
            written = self._use(chain.written)
            if set(written) == {"use"} and self.draw(st.booleans()):
                written = written["use"]
        return Chain(chain.shape, chain.plain, written, chain.parameters)

    def _inside(self, shape: Shape, target: Shape | None, depth: int) -> Chain:
        """The layers of a block or body: one at least."""
        chain = self.chain(shape, target, depth + 1)
        if not chain.plain:
            chain.add(Chain(shape, [{"type": "relu"}], ["relu"]))
        return chain

    def _mended(
        self,
        entry: LayerEntry,
        plain: Document,
        inferred: Mapping[str, int],
        inner: Mapping[str, Shape],
        shape: Shape,
    ) -> LayerInfo | None:
        """What a layer makes of the shape, after leaving out parameters that do not fit."""
        bodies = {key: lambda _, output=output: LayerInfo(output) for key, output in inner.items()}
        required = entry.schema.get("required", [])
        for _ in range(4):
            try:
                parameters = {**defaults(entry), **inferred, **plain, **bodies}
                return entry.load_shape_rule()("a layer", parameters, shape)
            except ArgumentError as error:
                if error.parameter in required or plain.pop(error.parameter, None) is None:
                    return None
            except ShapeError:
                return None
        return None

    def _mending(self, shape: Shape, target: Shape, always: bool = False) -> Chain:
        """Convolutions, and transposed ones where the image is too small, that give ``target``."""
        layers = []
        channels = target[0]
        spans = [[have - want + 1, 1] for have, want in zip(shape[1:], target[1:], strict=True)]
        spans[1].reverse()
        for axis, span in enumerate(spans):
            size = span[axis]
            if size != 1:
                kind = "conv2d" if size > 1 else "conv_transpose2d"
                span[axis] = size if size > 1 else 2 - size
                layers.append({"type": kind, "out_channels": channels, "kernel_size": span})
        if not layers and (always or shape != target):
            layers.append({"type": "conv2d", "out_channels": channels, "kernel_size": 1})
        return Chain(target, layers, deepcopy(layers), parameters=len(layers))

    def _with_variables(self, written: Document) -> Document:
        """Some values, wherever they stand, put into ``[vars]``."""
        paths = [path for path in paths_of(written) if not _is_fixed(path)]
        written, given = self._named(written, paths, "v")
        return {**written, "vars": given} if given else written

    def _named(self, value: Any, paths: list[TomlPath], prefix: str) -> tuple[Any, Document]:
        """The value with variables at some paths, and their values by name."""
        value, given = deepcopy(value), {}
        for number in range(self.draw(st.integers(0, 2)) if paths else 0):
            path = self.draw(st.sampled_from(paths))
            found = get(value, path)
            if found is not None and not _has_variable(found):
                name = f"{prefix}{number}"
                given[name] = found
                value = put(value, path, {"var": name})
        return value, given

    def _files(self, written: Document) -> dict[str, Document]:
        """The document in one file, or some of its keys in a file that it extends."""
        if self.draw(st.booleans()):
            return {"net.toml": written}
        own: Document = {"extends": "base.toml"}
        base: Document = {}
        for key, value in written.items():
            self._split(key, value, own, base)
        return {"net.toml": own, "base.toml": base}

    def _split(self, key: str, value: Any, own: Document, base: Document) -> None:
        """Put a value into either file; the keys of a table each by itself."""
        is_open = isinstance(value, dict) and value and "type" not in value and "var" not in value
        if is_open and self.draw(st.booleans()):
            own[key], base[key] = {}, {}
            for inner, item in value.items():
                self._split(inner, item, own[key], base[key])
            return
        where = self.draw(st.sampled_from(["own", "base", "both"]))
        if where == "base":
            base[key] = value
            return
        own[key] = value
        if where == "both" and not isinstance(value, dict):
            base[key] = self.draw(REPLACED)


def paths_of(value: Any, path: TomlPath = ()) -> Iterator[TomlPath]:
    """The path of every value in a document, the whole document's first."""
    yield path
    items: Iterable[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = value.items()
    if isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from paths_of(item, (*path, key))


def get(value: Any, path: TomlPath) -> Any:
    """The value at a path; None where a variable has taken its place."""
    for key in path:
        if isinstance(value, dict) and key not in value:
            return None
        value = value[key]
    return value


def put(document: Any, path: TomlPath, value: Any) -> Any:
    """The document, changed, with a value at a path."""
    if not path:
        return value
    get(document, path[:-1])[path[-1]] = value
    return document


def _is_fixed(path: TomlPath) -> bool:
    """Whether no variable can stand there: the document, ``blocks`` and its lists, a variable."""
    return not path or path[-1] == "var" or (path[0] == "blocks" and len(path) < 3)


def _has_variable(value: Any) -> bool:
    return any(path and path[-1] == "var" for path in paths_of(value))
