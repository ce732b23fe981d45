"""Matrix products that fit a cache, made of small ones whose result stays in the registers."""

from __future__ import annotations

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from zoo.engine.compiled.build import inlined
from zoo.engine.compiled.vector import (
    ADDRESS,
    BYTES,
    LANES,
    NUMBER,
    VECTOR,
    ZEROS,
    broadcast,
    pointer,
)

# By the vectors of a row how many rows the registers hold, 32 or 16, beside a row of the right
# matrix.
ROWS_OF_1, ROWS_OF_2, ROWS_OF_3, ROWS_OF_4 = (24, 12, 8, 6) if LANES == 16 else (12, 6, 4, 3)
WIDEST = 4 if LANES == 16 else 2  # vectors of a row
MULTIPLE = ROWS_OF_1  # of all four


@intrinsic(prefer_literal=True)
def add_product(
    context, rows, vectors, add, total, total_row, left, left_row, left_step, right, right_row, k
):
    """total = left right, or total += left right, for some rows and vectors of a larger product.

    For each of the k terms it loads ``vectors`` vectors of ``right`` and ``rows`` numbers of
    ``left``, and takes one step of ``rows`` x ``vectors`` sums, none of which leaves its register.

    Args:
        rows, vectors: of the result, known when it is compiled.
        add: whether to add to what is there.
        total, total_row: (rows, vectors LANES): address, bytes from row to row.
        left, left_row, left_step: (rows, k): address, bytes from row to row and from term to term.
        right, right_row: (k, vectors LANES): address, bytes from term to term.
        k: how many terms, at least 1.
    """
    rows_, vectors_ = map(range, (rows.literal_value, vectors.literal_value))

    def generate(context, builder, signature, arguments):
        _, _, add, total, total_row, left, left_row, left_step, right, right_row, k = arguments
        kind = ir.FunctionType(VECTOR, [VECTOR, VECTOR, VECTOR])
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")
        entry = builder.block
        fetch, loop, end = map(builder.append_basic_block, ("fetch", "loop", "end"))
        ahead = [builder.mul(left_row, ADDRESS(row)) for row in rows_]
        places = [
            [
                pointer(
                    builder,
                    builder.add(
                        builder.add(total, builder.mul(total_row, ADDRESS(row))),
                        ADDRESS(BYTES * j),
                    ),
                )
                for j in vectors_
            ]
            for row in rows_
        ]
        builder.cbranch(add, fetch, loop)

        builder.position_at_end(fetch)
        present = [[builder.load(place, align=4) for place in line] for line in places]
        builder.branch(loop)

        builder.position_at_end(loop)
        sums = [[builder.phi(VECTOR) for _ in vectors_] for _ in rows_]
        here = {name: builder.phi(ADDRESS) for name in ("left", "right", "terms")}
        terms = [
            builder.load(pointer(builder, builder.add(here["right"], ADDRESS(BYTES * j))), align=4)
            for j in vectors_
        ]
        new = []
        for line, distance in zip(sums, ahead, strict=True):
            place = pointer(builder, builder.add(here["left"], distance), NUMBER)
            number = broadcast(builder, builder.load(place, align=4))
            pairs = zip(terms, line, strict=True)
            new.append([builder.call(fma, [number, term, old]) for term, old in pairs])
        after = {
            "left": builder.add(here["left"], left_step),
            "right": builder.add(here["right"], right_row),
            "terms": builder.sub(here["terms"], ADDRESS(1)),
        }
        for name, start in (("left", left), ("right", right), ("terms", k)):
            for value, block in ((start, entry), (start, fetch), (after[name], loop)):
                here[name].add_incoming(value, block)
        for line, old_line, new_line in zip(sums, present, new, strict=True):
            for phi, old, value in zip(line, old_line, new_line, strict=True):
                phi.add_incoming(ZEROS, entry)
                phi.add_incoming(old, fetch)
                phi.add_incoming(value, loop)
        builder.cbranch(builder.icmp_signed(">", after["terms"], ADDRESS(0)), loop, end)

        builder.position_at_end(end)
        for line, new_line in zip(places, new, strict=True):
            for place, value in zip(line, new_line, strict=True):
                builder.store(value, place, align=4)
        return context.get_dummy_value()

    numbers = [types.int64] * 8
    return types.void(rows, vectors, types.boolean, *numbers), generate


def _panel(height, vectors):
    """The product for ``vectors`` vectors of each row, ``height`` rows at a time."""

    @inlined
    def panel(total, total_row, left, left_row, left_step, right, right_row, rows, k, add):
        for i in range(0, rows, height):
            add_product(
                height, vectors, add, total + i * total_row, total_row,
                left + i * left_row, left_row, left_step, right, right_row, k,
            )  # fmt: skip

    return panel


panel_of_1, panel_of_2 = _panel(ROWS_OF_1, 1), _panel(ROWS_OF_2, 2)
panel_of_3, panel_of_4 = _panel(ROWS_OF_3, 3), _panel(ROWS_OF_4, 4)


@inlined
def multiply(
    total, total_row, left, left_row, left_step, right, right_row, rows, columns, k, add
):  # fmt: skip
    """total = left right, or total += left right; see ``add_product``.

    It computes whole vectors, and rows up to a multiple of how many the registers hold.
    """
    c = 0
    while c < columns:
        vectors = (columns - c + LANES - 1) // LANES
        at, to = right + 4 * c, total + 4 * c
        if WIDEST >= 4 and vectors >= 4 and vectors != 5 and vectors != 6 and vectors != 9:
            used = 4
            panel_of_4(to, total_row, left, left_row, left_step, at, right_row, rows, k, add)
        elif WIDEST >= 3 and vectors >= 3:
            used = 3
            panel_of_3(to, total_row, left, left_row, left_step, at, right_row, rows, k, add)
        elif vectors >= 2:
            used = 2
            panel_of_2(to, total_row, left, left_row, left_step, at, right_row, rows, k, add)
        else:
            used = 1
            panel_of_1(to, total_row, left, left_row, left_step, at, right_row, rows, k, add)
        c += used * LANES
