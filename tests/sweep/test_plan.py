"""Plans: every mistake with the place where it is written, sizes, tables, and what varies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny import TINY
from zoo.architecture.overrides import parse_overrides
from zoo.errors import ArchitectureError, UsageError
from zoo.plugins.registry import Registry
from zoo.sweep import Plan, ResultTable, expand_plan

Read = Callable[..., Plan]
Expand = Callable[..., ResultTable]


def labels(table: ResultTable) -> list[str]:
    return [setting.label for setting in table.settings]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "seeds = [0, 0]",
            "plan.toml:3:9: seeds: is [0, 0]. Use a list of one or more different integers >= 0.",
        ),
        (
            "gird = {}",
            "plan.toml:3:1: gird: is not a known key. Known keys: architecture, format, grid, "
            "note, published, random, seeds, set, settings, size, sizes, tables. Did you mean "
            "grid?",
        ),
        (
            "grid = { optimizer.lr = 0.1 }",
            "plan.toml:3:25: optimizer.lr: is 0.1. Use a list of one or more values.",
        ),
        (
            "grid = { optimizer.lr = [] }",
            "plan.toml:3:25: optimizer.lr: is []. Use a list of one or more values.",
        ),
        (
            'set = { "optimizer..lr" = 1 }',
            'plan.toml:3:9: set."optimizer..lr": "optimizer..lr" is not a key. Write keys joined '
            "by dots, such as optimizer.lr.",
        ),
        (
            'set = { extends = "a.toml" }',
            "plan.toml:3:9: extends: cannot be set here. Write a file that extends another.",
        ),
        (
            "grid = { train.seed = [1, 2] }",
            "plan.toml:3:16: train.seed: cannot be set here. Write seeds = [0, 1, 2].",
        ),
        (
            'grid = { "optimizer.lr" = [0.1],\noptimizer.lr = [0.2] }',
            "plan.toml:4:17: optimizer.lr: is also written in line 3. Leave one out.",
        ),
        (
            'set = { "optimizer.lr" = 0.1,\noptimizer.lr = 0.2 }',
            "plan.toml:4:16: optimizer.lr: is also written in line 3. Leave one out.",
        ),
        (
            'settings = [{ name = "a", set.optimizer.lr = 0.1 }]\ngrid.optimizer.lr = [0.2]',
            "plan.toml:4:22: optimizer.lr: is also written in line 3. Leave one out.",
        ),
        (
            'settings = [{ name = "a", set.optimizer.lr = 0.1 }]\ngrid.optimizer = ["sgd"]',
            "plan.toml:4:19: optimizer: cannot go with optimizer.lr in line 3. Leave one out.",
        ),
        (
            'grid = { optimizer = ["sgd"],\n"optimizer.type" = ["adam"] }',
            "plan.toml:4:21: optimizer.type: cannot go with optimizer in line 3. Leave one out.",
        ),
        (
            f"seeds = [0, 1]\ngrid = {{ optimizer.lr = {[0.1] * 5001} }}",
            "plan.toml:1:1: plan: has 10,002 runs. Use fewer values or seeds: 10,000 runs at most.",
        ),
        (
            'settings = [{ name = "a" }, { name = "a" }]',
            'plan.toml:3:38: settings[1].name: is "a", as of a setting before. Use another.',
        ),
        (
            "settings = [{ set = {} }]",
            "plan.toml:3:13: settings[0].name: is missing. Use a non-empty string.",
        ),
        (
            'tables = [{ name = "a" }, { name = "a" }]',
            'plan.toml:3:36: tables[1].name: is "a", as of a table before. Use another.',
        ),
        (
            "random = { optimizer.lr = [1.0] }",
            "plan.toml:3:10: random: says what is drawn. Say how many settings with --random N.",
        ),
        (
            'size = "shrot"\nsizes = { short = {}, full = {} }',
            "plan.toml:3:8: size: is \"shrot\", which is not in 'sizes'. Use one of: full, short. "
            'Did you mean "short"?',
        ),
        (
            "sizes = { short = {}, full = {} }",
            "plan.toml:1:1: has sizes, and no 'size' that says which. Write one, or --size. Use "
            "one of: full, short.",
        ),
    ],
)
def test_a_mistake_is_reported_where_it_is(read: Read, text: str, message: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "1",
            "plan.toml:3:25: random.optimizer.lr: is 1. Use a list of values or a table with "
            "'low' and 'high'.",
        ),
        (
            "{ low = 1 }",
            "plan.toml:3:25: random.optimizer.lr.high: is missing. Use a finite number.",
        ),
        (
            "{ low = 2, high = 1 }",
            "plan.toml:3:25: optimizer.lr: low is 2, high 1. Use a low that is less than high.",
        ),
        (
            "{ low = 0, high = 1, log = true }",
            "plan.toml:3:25: optimizer.lr: low is 0. Use one > 0 with log = true.",
        ),
        (
            "{ low = 1.2, high = 1.8, integer = true }",
            "plan.toml:3:25: optimizer.lr: low is 1.2, high 1.8. Use two with an integer between "
            "them.",
        ),
        (
            "{ low = -1e308, high = 1e308 }",
            "plan.toml:3:25: optimizer.lr: low is -1e+308, high 1e+308. Use two that are less than "
            "1e308 apart.",
        ),
    ],
)
def test_a_wrong_range_is_refused(read: Read, table: str, message: str) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read(f"random={{ optimizer.lr = {table} }}", None, 1)
    assert str(caught.value) == message


def test_a_size_that_there_is_not(read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read("sizes = { short = {} }", "ful")
    assert str(caught.value) == "--size ful: is not a size of plan.toml. Use one of: short."


def test_a_wrong_range_is_reported_before_the_missing_option(read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read("random={ optimizer.lr = { low = 2, high = 1 } }")
    assert str(caught.value) == (
        "plan.toml:3:25: optimizer.lr: low is 2, high 1. Use a low that is less than high."
    )


def test_an_architecture_is_no_plan(read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read("", head=TINY)
    assert str(caught.value) == (
        "plan.toml: is an architecture file, no plan. Write a plan that names it as its "
        "architecture."
    )


def test_an_architecture_that_is_not_there(expand: Expand) -> None:
    with pytest.raises(ArchitectureError) as caught:
        expand("", head='format = 1\narchitecture = "nope.toml"\n')
    assert str(caught.value) == (
        'plan.toml:2:16: architecture: is "nope.toml", which cannot be read: No such file or '
        "directory."
    )


def test_a_mistake_in_the_architecture_names_plan_and_setting(expand: Expand) -> None:
    with pytest.raises(ArchitectureError) as caught:
        expand('grid = { "layers.0.stride" = [1, 4] }')
    assert str(caught.value) == (
        "tiny.toml:22:1: the output is 32x32, the input 16x16: the loss cannot compare them. Use "
        "layers that give back the input's shape. (plan.toml: stride = 1)"
    )


def test_draws_of_nothing(read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read("grid = { optimizer.lr = [0.1] }", None, 3)
    assert str(caught.value) == (
        "--random 3: plan.toml has no 'random' to draw from. Leave it out, or write one."
    )


def test_too_many_draws(read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read("random = { optimizer.lr = [0.1] }", None, 10**9)
    assert str(caught.value) == (
        "--random 1000000000: is more than the 10,000 runs of a table. Use fewer."
    )


def test_random_keys_that_are_written_twice(read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read('random = { "optimizer.lr" = [0.1],\noptimizer.lr = [0.2] }', None, 1)
    assert "optimizer.lr: is also written in line 3. Leave one out." in str(caught.value)


def test_a_plan_without_an_architecture(read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read("", head="format = 1\n")
    assert str(caught.value) == (
        "plan.toml:1:1: plan: has no 'architecture'. Name an architecture file."
    )


def test_mistakes_of_the_architecture_are_at_the_plans_lines(expand: Expand) -> None:
    """Where nothing can be built: the mistakes of the first setting."""
    with pytest.raises(ArchitectureError) as caught:
        expand('grid = { optimizer.lr = ["a", -1.0] }\nset = { train.epochs = 0 }')
    assert str(caught.value).splitlines() == [
        'plan.toml:3:26: optimizer.lr: is "a". Use a finite number >= 0.',
        "plan.toml:4:24: train.epochs: is 0. Use an integer >= 1.",
    ]


def test_all_combinations_of_settings_and_grid(expand: Expand) -> None:
    table = expand(
        """
        seeds = [3, 4]
        settings = [
            { name = "SGD", set = { optimizer = "sgd" } },
            { name = "Adam", set = { optimizer.type = "adam" } },
        ]
        [grid]
        "optimizer.lr" = [0.1, 1e-2]
        train.batch_size = [2]
        """
    )
    assert labels(table) == [
        "SGD, lr = 0.1, batch_size = 2",
        "SGD, lr = 0.01, batch_size = 2",
        "Adam, lr = 0.1, batch_size = 2",
        "Adam, lr = 0.01, batch_size = 2",
    ]
    first = table.settings[0]
    assert first.values == {"optimizer": "sgd", "optimizer.lr": 0.1, "train.batch_size": 2}
    assert [cell.seed for cell in first.cells] == [3, 4]
    assert 'type = "sgd"\nlr = 0.1\n' in first.cells[0].text


def test_a_grid_of_whole_tables(expand: Expand) -> None:
    table = expand('grid.optimizer = ["sgd", { type = "adam", lr = 0.1 }]')
    assert labels(table) == ['optimizer = "sgd"', 'optimizer = {type = "adam", lr = 0.1}']
    assert all(setting.cells for setting in table.settings)


def test_long_tables_that_differ_at_their_end_are_settings(expand: Expand) -> None:
    start = "{ type = 'adam', lr = 0.1, betas = [0.9, 0.999], eps = 1e-8, weight_decay ="
    first, second = expand(f"grid.optimizer = [{start} 0.1 }}, {start} 0.2 }}]").settings
    assert second.label == f"{first.label} (2)"
    assert first.cells != second.cells


def test_keys_are_called_by_as_many_parts_as_tell_them_apart(expand: Expand) -> None:
    table = expand(
        'grid = { "layers.0.stride" = [2], "layers.0.padding" = [1], train.epochs = [1] }'
    )
    assert labels(table) == ["stride = 2, padding = 1, epochs = 1"]
    table = expand('grid = { "layers.0.padding" = [1], "layers.2.padding" = [1] }')
    assert labels(table) == ["0.padding = 1, 2.padding = 1"]


def test_tables_and_sizes_add_to_the_plan(read: Read) -> None:
    text = """
    seeds = [1]
    size = "short"
    set = { train.epochs = 9, train.batch_size = 8 }
    sizes.short = { set = { train.epochs = 1 }, note = "short" }
    sizes.full = { seeds = [1, 2] }

    [[tables]]
    name = "a"

    [[tables]]
    name = "b"
    set = { train.batch_size = 4 }
    sizes.full = { set = { train.batch_size = 2 }, note = "all" }
    published = { b = 24.4 }
    """
    short, full = read(text), read(text, "full")
    assert [table.seeds for table in (*short.tables, *full.tables)] == [(1,), (1,), (1, 2), (1, 2)]
    assert [table.note for table in (*short.tables, *full.tables)] == ["short", "short", "", "all"]
    last = [
        {it.path[-1]: it.value for it in table.values} for table in (*short.tables, *full.tables)
    ]
    assert last == [
        {"epochs": 1, "batch_size": 8},
        {"epochs": 1, "batch_size": 4},
        {"epochs": 9, "batch_size": 8},
        {"epochs": 9, "batch_size": 2},
    ]
    assert full.tables[1].published == {"b": "24.40"}


def test_more_draws_keep_the_first(expand: Expand) -> None:
    text = (
        "random = { optimizer.lr = { low = 1e-4, high = 1e-1, log = true }, loss = ['l1', 'mse'], "
    )
    text += "train.batch_size = { low = 1, high = 9, integer = true } }"
    few, many = labels(expand(text, None, 3)), labels(expand(text, None, 5))
    assert few == many[:3]
    assert len(set(many)) == 5
    assert labels(expand(text, None, 3, 1)) != few
    rates = [expand(text, None, 5).settings[i].values["optimizer.lr"] for i in range(5)]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)


@pytest.mark.parametrize(
    ("low", "high", "more"),
    [
        (1.6, 3.4, ", integer = true"),
        (0.6, 9.4, ", integer = true, log = true"),
        (1.23456, 1.23457, ""),
        (1.23456, 1.23457, ", log = true"),
        (99999, 100000.5, ""),
    ],
)
def test_draws_stay_within_their_range(read: Read, low: float, high: float, more: str) -> None:
    text = f"random = {{ optimizer.lr = {{ low = {low}, high = {high}{more} }} }}"
    (axis,) = read(text, None, 50).tables[0].axes
    drawn = [choice.values[0].value for choice in axis]
    assert all(low <= value <= high for value in drawn)
    assert drawn


def test_an_integer_too_large_for_a_range(read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read(f"random = {{ optimizer.lr = {{ low = 0, high = 1{'0' * 400} }} }}", None, 1)
    assert "Use " in str(caught.value)


@pytest.mark.parametrize(
    ("plan", "option", "message"),
    [
        (
            "grid = { optimizer.lr = [0.1] }",
            "optimizer.lr=1",
            "--set optimizer.lr: is what the plan varies in plan. Leave it out.",
        ),
        (
            'grid = { optimizer = ["sgd"] }',
            "optimizer.lr=1",
            "--set optimizer.lr: is what the plan varies in plan. Leave it out.",
        ),
        (
            "",
            "train.seed=3",
            "--set train.seed: the seeds are the plan's. Write seeds = [0, 1, 2] there.",
        ),
        (
            "",
            "train={ seed = 3 }",
            "--set train: the seeds are the plan's. Write seeds = [0, 1, 2] there.",
        ),
    ],
)
def test_what_is_the_plans_is_not_for_options(
    read: Read, registry: Registry, plan: str, option: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        expand_plan(read(plan), registry, parse_overrides([option], Path()))
    assert str(caught.value) == message
