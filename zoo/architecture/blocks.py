"""Putting variables and named blocks of layers in the place of what stands for them.

::

    [vars]
    width = 32

    [[blocks.reduce]]
    type = "conv2d"
    out_channels = { var = "channels" }
    kernel_size = 3
    stride = 2
    padding = 1

    [[blocks.reduce]]
    type = "relu"

    [[layers]]
    type = "block"
    use = "reduce"
    repeat = 2
    with = { channels = { var = "width" } }

``{ var = "NAME" }`` stands for a value: within a block for the one that ``with`` gives, else for
the one in ``[vars]``, or in ``[input]``. A layer of the type ``block`` stands for the block's
layers, ``repeat`` times over. The ``body`` of a layer is a list of layers, the name of a block, or
a table with ``use``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from zoo.architecture.document import UNKNOWN, Node, literal
from zoo.architecture.problems import did_you_mean, listed, schema_problems
from zoo.architecture.variables import Scope, is_variable, top_scope, used_in
from zoo.errors import ArchitectureError, PluginError, Problem, format_path, format_value
from zoo.plugins.records import BLOCK
from zoo.plugins.registry import Registry
from zoo.spec.schemas import follow, read_schema

# More than any network has; the layers of a file that asks for more would not fit into memory.
MOST_LAYERS = 10_000


@dataclass(frozen=True)
class Expanded:
    """A document without variables and blocks.

    Attributes:
        document: what is left; ``UNKNOWN`` where something could not be put in place.
        unused: a list of the layers of blocks that nothing uses, to be checked for themselves.
        problems: what could not be put in place.
    """

    document: Node
    unused: Node
    problems: tuple[Problem, ...]


def expand(document: Node, registry: Registry) -> Expanded:
    """Put every variable and block of a document in place.

    Args:
        document: as read, with what it extends and the command line's changes.
        registry: says which parameters of a layer are bodies.

    Raises:
        ArchitectureError: there are more than ``MOST_LAYERS`` layers.
    """
    variables = top_scope(document.table.get("vars"))
    table = dict(document.table)
    if "input" in table:
        table["input"] = variables.resolved(table["input"])
    scope = variables.with_input(table["input"].table if "input" in table else {})
    blocks = _Blocks(document.table.get("blocks"), scope, registry)
    items = {
        key: blocks.list_of_layers(node, scope) if key == "layers" else scope.resolved(node)
        for key, node in table.items()
        if key not in ("vars", "blocks")
    }
    unused = Node(blocks.unused(), document.location)
    return Expanded(Node(items, document.location), unused, tuple(scope.problems))


class _Blocks:
    def __init__(self, blocks: Node | None, top: Scope, registry: Registry) -> None:
        self.top = top
        self.registry = registry
        self.problems = top.problems
        self.named: dict[str, Node] = {}
        self.complete = blocks is None or isinstance(blocks.value, Mapping)
        self.used: set[str] = set()
        self.count = 0
        if blocks is not None:
            self._name(blocks)

    def _name(self, blocks: Node) -> None:
        schema = read_schema("architecture.json")["properties"]["blocks"]
        wrong: set[str | int] = set()
        for path, problem in schema_problems(blocks, schema):
            self.problems.append(problem)
            wrong.update(path[:1])
        for name, node in blocks.table.items():
            self.named[name] = Node(UNKNOWN, node.location) if name in wrong else node

    def list_of_layers(self, node: Node, scope: Scope, inside: tuple[str, ...] = ()) -> Node:
        """A list of layers without variables and blocks; ``inside`` which blocks it stands."""
        node = _in_place(node, scope)
        if not isinstance(node.value, list):
            return scope.resolved(node)
        layers = [layer for child in node.value for layer in self._layer(child, scope, inside)]
        return Node(layers, node.location, node.key)

    def unused(self) -> list[Node]:
        """The layers of blocks that were not used; variables that are not in ``[vars]`` unknown."""
        unset = replace(self.top, complete=False)
        layers: list[Node] = []
        for name, block in self.named.items():
            if name not in self.used:  # by the layers, or by a block before it
                layers += self.list_of_layers(block, unset, (name,)).items
        return layers

    def _layer(self, node: Node, scope: Scope, inside: tuple[str, ...]) -> list[Node]:
        node = _in_place(node, scope)
        named = scope.resolved(node.table["type"]) if "type" in node.table else node
        kind = named.value if isinstance(named.value, str) else ""
        if kind in self.named and kind not in self.registry.names("layer"):
            name = format_value(kind)
            message = f'is {name}, a block. Write type = "block" and use = {name}.'
            self.problems.append(named.location.problem(message))
            return [Node(UNKNOWN, node.location)]
        if kind == BLOCK:
            use = {key: child for key, child in node.table.items() if key != "type"}
            return self._layers_of(Node(use, node.location, node.key), scope, inside)
        self.count += 1
        if not node.table:
            return [scope.resolved(node)]
        bodies = self._bodies(kind)
        items = {
            key: self._body(child, scope, inside) if key in bodies else scope.resolved(child)
            for key, child in node.table.items()
        }
        return [Node(items, node.location, node.key)]

    def _bodies(self, name: str) -> set[str]:
        """The parameters of that layer that are bodies."""
        try:
            schema = self.registry.layer(name).schema
        except (KeyError, PluginError):  # reported when the layer is checked
            return set()
        properties: Mapping[str, Mapping[str, object]] = schema.get("properties", {})
        return {key for key, schema in properties.items() if "x-zoo-body" in follow(schema)}

    def _body(self, node: Node, scope: Scope, inside: tuple[str, ...]) -> Node:
        """The list of layers that a body stands for."""
        node = _in_place(node, scope)
        if isinstance(node.value, str):
            node = Node({"use": node}, node.location, node.key)
        if isinstance(node.value, Mapping):
            return Node(self._layers_of(node, scope, inside), node.location, node.key)
        return self.list_of_layers(node, scope, inside)

    def _layers_of(self, use: Node, scope: Scope, inside: tuple[str, ...]) -> list[Node]:
        """The layers that a table with ``use`` stands for."""
        items = {key: scope.resolved(child) for key, child in use.table.items()}
        use = Node(items, use.location, use.key)
        found = [problem for _, problem in schema_problems(use, read_schema("block.json"))]
        self.problems += found
        name = None if found else self._usable(use.table["use"], inside)
        if name is None:
            self.count += 1
            return [Node(UNKNOWN, use.location)]
        self.used.add(name)
        given = use.table.get("with", literal({}, use.location))
        if _size(given) > MOST_LAYERS:  # each block may give twice what it is given to the next
            message = f"has more than {MOST_LAYERS:,} values. Give fewer."
            raise ArchitectureError([given.location.problem(message)])
        self._check_names(given.table, name)
        before = self.count
        inner = replace(
            self.top.inside(given.table), complete=scope.complete and given.value is not UNKNOWN
        )
        block = self.named[name].used_by(use.location)
        layers = self.list_of_layers(block, inner, (*inside, name)).items
        repeat = use.table["repeat"].value if "repeat" in use.table else 1
        repeat = repeat if isinstance(repeat, int) else 1  # it may be unknown
        self.count = before + repeat * (self.count - before)
        if self.count > MOST_LAYERS:
            message = f"makes more than {MOST_LAYERS:,} layers. Repeat it less often."
            raise ArchitectureError([use.location.problem(message)])
        return [*layers] * repeat

    def _usable(self, use: Node, inside: tuple[str, ...]) -> str | None:
        """The name of the block to use; None, and a problem, where it cannot be used."""
        name = use.value
        if not isinstance(name, str):
            return None
        if name in inside:
            circle = " -> ".join(format_path([n]) for n in [*inside[inside.index(name) :], name])
            message = f"is {format_value(name)}, a block that contains itself: {circle}."
            self.problems.append(use.location.problem(message))
            return None
        if name not in self.named and self.complete:
            message = f"is {format_value(name)}, which is no block. {listed('Blocks', self.named)}"
            hint = did_you_mean(name, self.named, quoted=True)
            self.problems.append(use.location.problem(message, hint))
        return name if name in self.named and self.named[name].value is not UNKNOWN else None

    def _check_names(self, given: Mapping[str, Node], name: str) -> None:
        """Report values that are given to a block that has no such variable."""
        names = used_in(self.named[name])
        for key in sorted(set(given) - names):
            has = listed("Its variables", names)
            message = f"is no variable of the block {format_value(name)}. {has}"
            location = given[key].key or given[key].location
            self.problems.append(location.problem(message, did_you_mean(key, names)))


def _in_place(node: Node, scope: Scope) -> Node:
    """The value of a variable; every other node as it is."""
    return scope.resolved(node) if is_variable(node) else node


def _size(node: Node) -> int:
    """How many values a value is made of."""
    return 1 + sum(map(_size, [*node.table.values(), *node.items]))
