"""Faults planted in the source of a function: each a copy with one product, sum or sign wrong."""

from __future__ import annotations
import __future__

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

SWAPPED = {"bmm", "matmul", "mm", "cat"}  # functions of two tensors whose order matters
UNDONE = {  # methods that give their tensor back, changed: without them it is unchanged
    *("t", "transpose", "permute", "flip", "neg", "neg_", "abs", "abs_", "sign", "sqrt", "sqrt_"),
    *("square", "square_", "exp_", "sigmoid_", "erf_", "clamp", "clamp_", "clamp_min_", "zero_"),
    *("clamp_max_", "mul", "mul_", "div", "div_", "add", "add_", "sub", "sub_", "lerp_", "pow"),
    *("addcmul", "addcmul_", "addcdiv", "addcdiv_", "expand", "clone", "reciprocal"),
}
FACTORS = {"addcmul": "add", "addcmul_": "add_"}  # without one of the two factors
WEIGHTS = ("alpha", "value")  # keywords with the scale of what is added
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Gt: ast.LtE, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.LtE: ast.Gt},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
}


@dataclass(frozen=True)
class Mutant:
    """A function with a fault.

    Attributes:
        function: what is replaced.
        before, after: the text of what was changed.
        code: of the faulty function.
    """

    function: FunctionType
    before: str
    after: str
    code: CodeType

    @property
    def name(self) -> str:
        """Where the fault is, and which."""
        return f"{self.function.__qualname__}: {self.before} -> {self.after}"


def mutants(function: FunctionType) -> Iterator[Mutant]:
    """All faults of a function, one at a time."""
    tree = _tree(function)
    names = set()
    for parent in _computing(_definition(tree)):
        for holder, key, node in _children(parent):
            for replacement in _replacements(node):
                before = _text(node)
                holder[key] = replacement
                _store(parent, holder)
                try:
                    mutant = Mutant(function, before, _text(replacement), _code(tree, function))
                finally:
                    holder[key] = node
                    _store(parent, holder)
                if mutant.name not in names and mutant.before != mutant.after:
                    names.add(mutant.name)
                    yield mutant


def _tree(function: FunctionType) -> ast.Module:
    """The function's source, in a function around it that gives it its free variables."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    definition.args.defaults, definition.args.kw_defaults = [], []
    if ast.get_docstring(definition):
        definition.body = definition.body[1:] or [ast.Pass()]
    lines = "".join(f"    {name} = None\n" for name in function.__code__.co_freevars)
    outer = ast.parse(f"def around():\n{lines}    pass\n")
    assert isinstance(outer.body[0], ast.FunctionDef)
    outer.body[0].body.append(definition)
    return outer


def _definition(tree: ast.Module) -> ast.FunctionDef:
    (outer,) = tree.body
    assert isinstance(outer, ast.FunctionDef)
    definition = outer.body[-1]
    assert isinstance(definition, ast.FunctionDef)
    return definition


def _code(tree: ast.Module, function: FunctionType) -> CodeType:
    flags = __future__.annotations.compiler_flag
    code = compile(
        ast.fix_missing_locations(deepcopy(tree)),
        function.__code__.co_filename,
        "exec",
        flags,
        dont_inherit=True,
    )
    outer = next(each for each in code.co_consts if isinstance(each, CodeType))
    return next(
        each
        for each in outer.co_consts
        if isinstance(each, CodeType) and each.co_name == function.__code__.co_name
    )


def _computing(node: ast.AST) -> Iterator[ast.AST]:
    """A node and those in it, without those that only refuse something."""
    yield node
    for _, _, child in [*_children(node)]:
        if not isinstance(child, (ast.Raise, ast.ExceptHandler, ast.JoinedStr)):
            yield from _computing(child)


def _children(parent: ast.AST) -> Iterator[tuple[Any, Any, ast.AST]]:
    """Where each child of a node is kept."""
    for field, value in ast.iter_fields(parent):
        if field in ("args", "returns", "annotation") and isinstance(parent, ast.FunctionDef):
            continue
        if isinstance(value, ast.AST):
            holder = {field: value}
            yield holder, field, value
        elif isinstance(value, list):
            for index, each in enumerate(value):
                if isinstance(each, ast.AST):
                    yield value, index, each


def _store(parent: ast.AST, holder: Any) -> None:
    if isinstance(holder, dict):
        for field, value in holder.items():
            setattr(parent, field, value)


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    return "nothing" if isinstance(node, ast.Pass) else ast.unparse(node)


def _replacements(node: ast.AST) -> Iterator[ast.AST]:
    """A node with each fault that it can have."""
    for kind, faults in RULES:
        if isinstance(node, kind):
            yield from faults(node)


def _operation(node: ast.BinOp) -> Iterator[ast.AST]:
    """A factor or an addend left out, another sign, operands in the other order."""
    if isinstance(node.op, (ast.Mult, ast.Add, ast.MatMult)):
        yield node.left
        yield node.right
    elif isinstance(node.op, (ast.Div, ast.FloorDiv, ast.Sub, ast.Pow)):
        yield node.left
    signs: dict[type[ast.operator], ast.operator] = {ast.Add: ast.Sub(), ast.Sub: ast.Add()}
    if type(node.op) in signs:
        yield ast.BinOp(node.left, signs[type(node.op)], node.right)
    if isinstance(node.op, ast.MatMult):
        yield ast.BinOp(node.right, node.op, node.left)


def _sign(node: ast.UnaryOp) -> Iterator[ast.AST]:
    yield node.operand


def _comparison(node: ast.Compare) -> Iterator[ast.AST]:
    """The other side of it."""
    if len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
        yield ast.Compare(node.left, [COMPARED[type(node.ops[0])]()], node.comparators)


def _choice(node: ast.IfExp) -> Iterator[ast.AST]:
    yield node.body
    yield node.orelse


def _branch(node: ast.If) -> Iterator[ast.AST]:
    """Never taken, or always."""
    if not all(isinstance(each, ast.Raise) for each in node.body):
        for value in (False, True):
            yield ast.If(ast.Constant(value), node.body, node.orelse)


def _accumulation(node: ast.AugAssign) -> Iterator[ast.AST]:
    """``=`` for ``+=``; left out."""
    yield ast.Assign([node.target], node.value, lineno=1)
    yield ast.Pass()


def _statement(node: ast.Expr) -> Iterator[ast.AST]:
    """Left out."""
    if isinstance(node.value, ast.Call) and not _refuses(node.value):
        yield ast.Pass()


def _refuses(call: ast.Call) -> bool:
    """Whether it is there to raise an error."""
    name = ast.unparse(call.func).rpartition(".")[2]
    return name.lstrip("_").startswith(("require_", "check_")) or name == "expand_as"


def _call(node: ast.Call) -> Iterator[ast.AST]:
    """An operation that is not done, on less, in another order or with another scale."""
    for index, keyword in enumerate(node.keywords):
        fewer = [*node.keywords[:index], *node.keywords[index + 1 :]]
        if keyword.arg in WEIGHTS or _name(node) == "add_gradients":
            yield ast.Call(node.func, node.args, fewer)
        if keyword.arg in WEIGHTS:
            negated = ast.keyword(keyword.arg, ast.UnaryOp(ast.USub(), keyword.value))
            yield ast.Call(node.func, node.args, [*fewer, negated])
    if isinstance(node.func, ast.Attribute) and not _is_torch(node.func.value):
        yield from _method(node, node.func)
    elif _name(node) in SWAPPED and len(node.args) == 2:
        yield ast.Call(node.func, node.args[::-1], node.keywords)
    elif _name(node) in ("addcmul", "baddbmm", "addmm") and len(node.args) == 3:
        yield node.args[0]  # without the product
        if _name(node) == "addcmul":
            yield from (_torch("add", node.args[0], factor) for factor in node.args[1:])
            yield _torch("mul", *node.args[1:])
    elif _name(node) in ("mul", "where", "lerp", "max", "min", "tuple", "reversed"):
        yield from node.args[:2]


def _method(node: ast.Call, function: ast.Attribute) -> Iterator[ast.AST]:
    tensor, name = function.value, function.attr
    if name in UNDONE:
        yield tensor
    if name == "backward" and node.args:  # past a module
        yield node.args[0]
    if name == "add_":  # no accumulation
        yield ast.Call(ast.Attribute(tensor, "copy_", ast.Load()), node.args[:1], [])
    if name == "sum":  # another scale
        yield ast.Call(ast.Attribute(tensor, "mean", ast.Load()), node.args, node.keywords)
    if name in FACTORS:
        without = ast.Attribute(tensor, FACTORS[name], ast.Load())
        for factor in node.args[:2]:
            yield ast.Call(without, [factor], [])
    signs = {"add": "sub", "add_": "sub_", "sub": "add", "sub_": "add_"}
    if name in signs:
        other = ast.Attribute(tensor, signs[name], ast.Load())
        yield ast.Call(other, node.args, node.keywords)
    if name == "lerp_" and len(node.args) == 2:  # towards the end by the other part, or all the way
        rest = ast.BinOp(ast.Constant(1), ast.Sub(), node.args[1])
        yield ast.Call(function, [node.args[0], rest], [])


def _entries(node: ast.Dict) -> Iterator[ast.AST]:
    """Each entry left out."""
    for index in range(len(node.keys)):
        keys = [*node.keys[:index], *node.keys[index + 1 :]]
        yield ast.Dict(keys, [*node.values[:index], *node.values[index + 1 :]])


def _transposed(node: ast.Attribute) -> Iterator[ast.AST]:
    if node.attr in ("mT", "T") and isinstance(node.ctx, ast.Load):
        yield node.value


def _assignment(node: ast.Assign) -> Iterator[ast.AST]:
    """Of ``self.x = ...`` and ``x[name] = ...``: left out."""
    if isinstance(node.targets[0], (ast.Attribute, ast.Subscript)):
        yield ast.Pass()


def _name(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _is_torch(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "torch"


def _torch(name: str, *arguments: ast.expr) -> ast.Call:
    function = ast.Attribute(ast.Name("torch", ast.Load()), name, ast.Load())
    return ast.Call(function, list(arguments), [])


RULES: tuple[tuple[type[ast.AST], Callable[[Any], Iterator[ast.AST]]], ...] = (
    (ast.BinOp, _operation),
    (ast.UnaryOp, _sign),
    (ast.Compare, _comparison),
    (ast.IfExp, _choice),
    (ast.If, _branch),
    (ast.AugAssign, _accumulation),
    (ast.Expr, _statement),
    (ast.Call, _call),
    (ast.Dict, _entries),
    (ast.Attribute, _transposed),
    (ast.Assign, _assignment),
)
