"""The processor's vectors of float32, for kernels that numba compiles.

numba has numbers and arrays, of which its compiler may or may not make vectors. Here a kernel says
so: ``load(address) + load(address + step)`` is two loads and one addition of ``LANES`` numbers.
Addresses are integers, in bytes, as ``Tensor.data_ptr`` gives them. Nothing is checked.

Source: https://numba.readthedocs.io/en/stable/extending/low-level.html,
https://llvm.org/docs/LangRef.html
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from zoo.engine.compiled.build import lanes

LANES = lanes()
BYTES = 4 * LANES  # of a vector

NUMBER, ADDRESS, INDEX = ir.FloatType(), ir.IntType(64), ir.IntType(32)
VECTOR = ir.VectorType(NUMBER, LANES)
MASK = ir.VectorType(ir.IntType(1), LANES)
ZEROS = ir.Constant(VECTOR, [0.0] * LANES)


class VectorType(types.Type):
    """The type of a vector."""

    def __init__(self) -> None:
        super().__init__(name=f"float32x{LANES}")


vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, VECTOR)


@intrinsic
def load(context, address):
    """The ``LANES`` numbers at an address."""

    def generate(context, builder, signature, arguments):
        return builder.load(pointer(builder, arguments[0]), align=4)

    return vector(types.int64), generate


@intrinsic
def store(context, address, value):
    """Write a vector to an address."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[1], pointer(builder, arguments[0]), align=4)
        return context.get_dummy_value()

    return types.void(types.int64, vector), generate


@intrinsic
def load_first(context, address, count):
    """The first ``count`` numbers at an address, zeros behind them; all if there are as many."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(VECTOR, [VECTOR.as_pointer(), INDEX, MASK, VECTOR])
        name = f"llvm.masked.load.v{LANES}f32.p0"
        masked = cgutils.get_or_insert_function(builder.module, kind, name)
        place, mask = pointer(builder, arguments[0]), _first(builder, arguments[1])
        return builder.call(masked, [place, INDEX(4), mask, ZEROS])

    return vector(types.int64, types.int64), generate


@intrinsic
def store_first(context, address, value, count):
    """Write the first ``count`` numbers of a vector to an address; all if it has no more."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [VECTOR, VECTOR.as_pointer(), INDEX, MASK])
        name = f"llvm.masked.store.v{LANES}f32.p0"
        masked = cgutils.get_or_insert_function(builder.module, kind, name)
        place, mask = pointer(builder, arguments[0]), _first(builder, arguments[2])
        builder.call(masked, [arguments[1], place, INDEX(4), mask])
        return context.get_dummy_value()

    return types.void(types.int64, vector, types.int64), generate


@intrinsic
def multiply_add(context, one, other, term):
    """one other + term, rounded once."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(VECTOR, [VECTOR, VECTOR, VECTOR])
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")
        return builder.call(fma, arguments)

    return vector(vector, vector, vector), generate


@intrinsic
def splat(context, value):
    """A vector of one number."""

    def generate(context, builder, signature, arguments):
        return broadcast(builder, arguments[0])

    return vector(types.float32), generate


@intrinsic(prefer_literal=True)
def integers(context, address, count):
    """The integers of 64 bits at an address, as a tuple of ``count``."""
    kind = types.containers.UniTuple(types.int64, count.literal_value)

    def generate(context, builder, signature, arguments):
        step = ADDRESS.width // 8
        places = [builder.add(arguments[0], ADDRESS(step * i)) for i in range(kind.count)]
        numbers = [builder.load(pointer(builder, place, ADDRESS)) for place in places]
        return context.make_tuple(builder, kind, numbers)

    return kind(types.int64, count), generate


@intrinsic
def number_of_bits(context, bits):
    """The float64 that an integer has the bits of, as a float32."""

    def generate(context, builder, signature, arguments):
        return builder.fptrunc(builder.bitcast(arguments[0], ir.DoubleType()), NUMBER)

    return types.float32(types.int64), generate


def _where(comparison):
    """``one`` where ``condition`` compares so with 0, ``other`` elsewhere, also at no number."""

    @intrinsic
    def where(context, condition, one, other):
        def generate(context, builder, signature, arguments):
            condition, one, other = arguments
            return builder.select(builder.fcmp_ordered(comparison, condition, ZEROS), one, other)

        return vector(vector, vector, vector), generate

    return where


where_positive, where_negative = _where(">"), _where("<")


class _OfVectors(AbstractTemplate):
    def generic(self, arguments: Any, keywords: Any) -> Any:
        return signature(vector, vector, vector) if arguments == (vector, vector) else None


def _define(symbol: Any, instruction: str) -> None:
    """Let an operator of Python be an instruction."""
    infer_global(symbol)(type(f"_{instruction}", (_OfVectors,), {"key": symbol}))

    def generate(context, builder, signature, arguments):
        return getattr(builder, instruction)(*arguments)

    lower_builtin(symbol, vector, vector)(generate)


_define(operator.add, "fadd")
_define(operator.iadd, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")


def pointer(builder: Any, address: Any, kind: Any = VECTOR) -> Any:
    """An address as a pointer of LLVM's."""
    return builder.inttoptr(address, kind.as_pointer())


def broadcast(builder: Any, number: Any, kind: Any = VECTOR) -> Any:
    """A number in all places of a vector."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, number, INDEX(0))
    places = ir.Constant(ir.VectorType(INDEX, LANES), [0] * LANES)
    return builder.shuffle_vector(first, undefined, places)


def _first(builder: Any, count: Any) -> Any:
    """The mask of the first ``count`` places."""
    kind = ir.VectorType(ADDRESS, LANES)
    places = ir.Constant(kind, list(range(LANES)))
    return builder.icmp_signed("<", places, broadcast(builder, count, kind))
