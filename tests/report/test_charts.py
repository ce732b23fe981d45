from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from markupsafe import Markup

from tests.report.html import read
from zoo.report.charts import Dots, Line, dot_plot, line_chart, sorted_dots
from zoo.report.distributions import band, heat_map, histogram, spark
from zoo.report.frame import numbers, spread

HOSTILE = "</text><script>alert(1)</script>\"'&"
NAN = math.nan


def drawn(markup: Markup, kind: str) -> list[dict[str, str]]:
    """The attributes of the elements of a class in a chart, which is well-formed XML."""
    tree = ElementTree.fromstring(f"<all>{markup}</all>")
    return [it.attrib for it in tree.iter() if kind in it.attrib.get("class", "").split()]


def test_a_line_goes_through_its_values() -> None:
    chart = line_chart("Loss", [Line("training", [1, 2, 3], [4.0, 2.0, 0.0])], unit="dB")
    ((path, dots),) = [(drawn(chart, "line"), drawn(chart, "dot"))]
    assert len(path) == 1
    places = [(float(it["cx"]), float(it["cy"])) for it in dots]
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[1][1] - places[0][1] == pytest.approx(places[2][1] - places[1][1], abs=0.02)
    page = read(str(chart))
    assert "training 0 dB" in page.text
    (svg,) = page.all("svg")
    assert svg["aria-label"] == "Loss by epoch: training ends at 0 dB"
    assert re.findall(r"<td>(.*?)</td>", chart) == ["4", "2", "0"]


def test_a_line_is_interrupted_where_nothing_is_known() -> None:
    chart = line_chart("Loss", [Line("a", range(1, 7), [1.0, 2.0, NAN, 3.0, NAN, 4.0])])
    assert len(drawn(chart, "line")) == 1
    assert len(drawn(chart, "dot")) == 4  # the lone ones too
    empty = line_chart("Loss", [Line("a", [1], [NAN])])
    assert "Nothing was measured." in empty


def test_a_long_line_has_few_points_and_few_rows() -> None:
    chart = line_chart("Loss", [Line("a", range(10_000), [float(i) for i in range(10_000)])])
    assert len(chart) < 20_000
    assert "60 of 10,000 rows" in chart
    assert "<td>9999</td>" in chart
    assert [list(spread(7, 3)), list(spread(2, 3))] == [[0, 3, 6], [0, 1]]


def test_dots_in_their_order_with_means() -> None:
    dots = [Dots("noisy", [20.0, 21.0], 1), Dots("denoised", [25.0, NAN], 0)]
    chart = sorted_dots("PSNR", ["a", "b"], dots, unit="dB")
    assert len(drawn(chart, "dot")) == 3
    assert len(drawn(chart, "stem")) == 1
    assert "noisy mean 20.5 dB" in read(str(chart)).text


def test_the_spread_of_repeated_values() -> None:
    chart = dot_plot("PSNR", [("lr 0.1", [1.0, 2.0, 3.0]), ("lr 1", [NAN])], unit="dB")
    rows = re.findall(r"<tr>(.*?)</tr>", chart)[1:]
    assert [re.findall(r">([^<]+)<", row) for row in rows] == [
        ["lr 0.1", "2", "1", "3"],
        ["lr 1", "–", "–", "0"],
    ]
    assert len(drawn(chart, "spread")) == 1


def test_long_names_of_rows_are_whole() -> None:
    names = [f"optimizer = adam, lr = 1e-3, batch_size = 10, schedule = step{i}" for i in range(3)]
    names.append("x" * 60)
    chart = dot_plot("PSNR", [(name, [1.0, 2.0]) for name in names], unit="dB")
    lines = re.findall(r'<text x="[\d.]+" y="([\d.]+)" class="end name">([^<]*)', chart)
    assert all(len(text) <= 20 for _, text in lines)
    assert re.sub(" ", "", "".join(text for _, text in lines)) == "".join(names).replace(" ", "")
    places = [float(y) for y, _ in lines]
    assert all(below - above >= 13 for above, below in pairwise(places))


def test_a_histogram_has_its_curve() -> None:
    chart = histogram("removed", -1.0, 1.0, [0, 5, 10, 5], sigma=0.4)
    heights = [float(bar["height"]) for bar in drawn(chart, "bar")]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.03)
    assert len(drawn(chart, "line")) == 1
    assert drawn(histogram("none", 0.0, 1.0, [0, 0]), "bar") == []


def test_shades_of_a_heat_map() -> None:
    chart = heat_map("map", [[-1.0, 0.0], [0.5, NAN]], rows=["a", "b"], columns=["x", ""])
    shades = [it["class"].split()[1] for it in drawn(chart, "heat")]
    assert shades == ["minus5", "plus0", "plus3"]


def test_a_band_of_quantiles() -> None:
    chart = band("weights", [[-2.0, -1.0, 0.0, 1.0, 2.0]] * 3)
    assert len(drawn(chart, "area")) == 2
    assert "not measured" in band("weights", [[NAN] * 5])
    assert "not measured" in spark("dead", [NAN, NAN])
    assert len(drawn(spark("dead", [NAN, 1.0]), "dot")) == 1


def test_names_are_no_code() -> None:
    charts = [
        line_chart(HOSTILE, [Line(HOSTILE, [1, 2], [1.0, 2.0])], unit=HOSTILE, note=HOSTILE),
        sorted_dots(HOSTILE, [HOSTILE], [Dots(HOSTILE, [1.0])], unit=HOSTILE, of=HOSTILE),
        dot_plot(HOSTILE, [(HOSTILE, [1.0])], unit=HOSTILE),
        histogram(HOSTILE, 0.0, 1.0, [1.0], x_label=HOSTILE),
        heat_map(HOSTILE, [[1.0]], rows=[HOSTILE], columns=[HOSTILE]),
        band(HOSTILE, [[1.0] * 5]),
        numbers([HOSTILE], [[HOSTILE]]),
    ]
    for chart in charts:
        assert read(str(chart)).all("script") == []


def test_nearly_equal_values_look_so() -> None:
    """An axis of PSNR spans half a dB, another one 2 % of its values."""
    for unit, values in (("dB", [20.0, 20.001]), ("", [0.5, 0.5001])):
        chart = line_chart("PSNR", [Line("a", [1, 2], values)], unit=unit)
        heights = [float(it["cy"]) for it in drawn(chart, "dot")]
        assert 0 < heights[0] - heights[1] < 3, unit
    chart = dot_plot("PSNR", [("a", [20.0]), ("b", [20.001])], unit="dB")
    places = [float(it["cx"]) for it in drawn(chart, "dot")]
    assert max(places) - min(places) < 3
    chart = sorted_dots("PSNR", ["a", "b"], [Dots("noisy", [20.0, 20.001])], unit="dB")
    assert abs(float(drawn(chart, "dot")[0]["cy"]) - float(drawn(chart, "dot")[1]["cy"])) < 3


def test_a_short_time_has_marks() -> None:
    line = Line("run", [0.2, 0.4, 0.6], [1.0, 2.0, 3.0])
    assert ">0.2<" in line_chart("PSNR by time", [line], x_label="seconds", whole=False)


def test_the_best_epoch_has_a_ring() -> None:
    line = Line("validation", [1, 2, 3], [20.0, 22.5, 21.0], marked=2.0, mark="best, epoch 2")
    chart = line_chart("PSNR", [line], unit="dB")
    ring = next(it for it in drawn(chart, "ring") if "cx" in it)
    assert ring["cx"] == drawn(chart, "dot")[1]["cx"]
    assert "validation 21 dB best, epoch 2 22.5 dB" in read(str(chart)).text
    assert not drawn(line_chart("PSNR", [Line("a", [1], [2.0])]), "ring")


def test_the_normal_curve_is_around_the_mean() -> None:
    chart = histogram("removed", -1.0, 1.0, [1, 2, 3, 4], sigma=0.2, mean=0.5, x_label="levels")
    points = re.findall(r"[ML]?([\d.]+)[ ,]([\d.]+)", drawn(chart, "line")[0]["d"])
    top = min(points, key=lambda it: float(it[1]))
    assert float(top[0]) == pytest.approx(58 + 0.75 * (420 - 12 - 58), abs=3)
    assert "0.75 levels: 40 %" in chart


def test_what_is_across_and_down_in_a_heat_map() -> None:
    chart = heat_map(
        "map", [[0.25]], x_label="across", y_label="down", hint=lambda i, j: f"row {i}, column {j}"
    )
    assert [">across<" in chart, ">down<" in chart, ">row 0, column 0<" in chart] == [True] * 3
