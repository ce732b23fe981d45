"""The page of one run: what is in it, and that it is closed to whatever a run's files hold."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.report.html import Page, assert_is_closed
from tests.report.making import LAYERS, layer, make_pictures, make_run, registry, write_lines
from tests.tiny import TINY
from zoo.errors import CheckpointError
from zoo.inference import quality
from zoo.report import removed_section
from zoo.report.page import Section, render_page
from zoo.report.report import run_page, runs_page
from zoo.report.run_files import read_run
from zoo.report.svg import element

FILES = (
    *("architecture.toml", "metrics.jsonl", "statistics.jsonl", "evaluation.json"),
    *("environment.json", "data.json", "images/images.json"),
)
DEEP = b'{"a":' * 400 + b"1" + b"}" * 400
DEEP_TOML = b"a = " + 200 * b"[" + 200 * b"]"
HOSTILE = (
    '</script></style><script>alert("1")</script><img src=http://a.b onerror=x>\'"&\udcff\u202e\x00'
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    made = make_run(tmp_path / "run")
    make_pictures(made)
    return made


def page_of(run: Path) -> Page:
    return assert_is_closed(run_page(read_run(run, registry()), registry()))


def headings(page: Page) -> list[str | None]:
    return [section["id"] for section in page.all("section")]


def test_the_page_of_a_finished_run(run: Path) -> None:
    page = page_of(run)
    assert headings(page) == [
        *("scores", "pictures", "curves", "removed", "layers", "architecture", "facts"),
    ]
    for said in (
        "finished Trained for 2 epochs and evaluated.",
        "PSNR 27.50 dB +7.38 dB over the noisy images",
        "Mean gain 7.38 dB, from 6.50 to 8.25 dB over 2 images.",
        "noisy input 20.12 – 20.10 0.300 gaussian blur 24.00 +3.88 23.90 0.600",
        "Loss (mse) training, against noisy targets 0.25 validation, against clean images 0.2",
        "Worst photo.png",
        "Denoised by the weights of epoch 2, the best and the latest.",
        "Looks like noise",
        "all fields but the middle are near 0 (no colour)",
        "grey levels of 255 % of values −87.8 ",
        "blue: −0.2 and less; no colour: 0; orange: 0.2 and more (clipped at ±0.2)",
        "blue: 1 / 100,000 and less; no colour: as the last layer's; orange: 100,000 and more",
        "The numbers below are those at the last epoch.",
        "best, epoch 2 22 dB",
        "trained on folder photos · gaussian (sigma 0 to 50) noise",
        "1 image, 16 × 16 (width × height): photo.png",
        "conv2d 3×3, stride 2 4 × 8 × 8",
        "adam (lr 0.01",
        "device cpu (2 threads)",
    ):
        assert said.lower() in page.text.lower(), said
    assert "What this page lacks" not in page.text
    assert "To look at" not in page.text


def test_layers_that_are_ill_are_named(tmp_path: Path) -> None:
    ill = {"_1": {"dead": 0.75}, "_3": {"saturated": 0.95}, "_0": {"gradient": 1e-12}}
    page = page_of(make_run(tmp_path / "run", **ill))
    for said in (
        "Layer 1 (relu, net.toml:6:1): 75 % of its channels are 0 for every pixel",
        "Layer 3 (sigmoid, net.toml:6:1): 95 % of its values are at its bounds (saturated",
        "Layer 0 (conv2d, net.toml:6:1): the gradient vanishes, 1e-12 beside 0.001",
        "dead: 75 % of its channels are 0 everywhere",
        "saturated: 95 % of its values are at its bounds",
        "vanishing gradient",
    ):
        assert said in page.text, said
    exploding = page_of(make_run(tmp_path / "other", _0={"gradient": 100.0}))
    assert "exploding gradient" in exploding.text


def test_layers_at_the_start_alone(run: Path) -> None:
    first = (run / "statistics.jsonl").read_text().splitlines()[0]
    (run / "statistics.jsonl").write_text(first + "\n")
    assert "Measured at the start alone." in page_of(run).text


def test_the_figures_of_layers_without_quantiles(tmp_path: Path) -> None:
    old = {"weight_quantiles": None, "gradient_quantiles": None}
    made = make_run(tmp_path / "run")
    lines = [
        {"version": 1, "epoch": epoch, "step": 3 * epoch, "lr": 0.01}
        | {"layers": [layer(name, kind, **old) for name, kind in LAYERS]}
        for epoch in range(2)
    ]
    write_lines(made / "statistics.jsonl", lines)
    assert "weights, rms" in page_of(made).text


@pytest.mark.parametrize("missing", FILES)
def test_what_is_missing_is_said(run: Path, missing: str) -> None:
    (run / missing).unlink()
    page = page_of(run)
    assert "What this page lacks" in page.text
    assert re.search(rf"no (images/)?{re.escape(Path(missing).name)}", page.text)


@pytest.mark.parametrize("damaged", FILES)
@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe{", b"[" * 100_000, DEEP, DEEP_TOML, b"null\n", b'{"a": 1}\n{"b'],
    ids=lambda it: it[:9],
)
def test_what_is_damaged_is_said(tmp_path: Path, damaged: str, content: bytes) -> None:
    run = make_run(tmp_path / "run", epochs=1)
    (run / "images").mkdir()
    (run / damaged).write_bytes(content)
    assert "What this page lacks" in page_of(run).text


def test_all_that_is_there_is_shown_of_a_file_that_ends_in_the_middle(run: Path) -> None:
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write('{"epoch": 3, "st')
    page = page_of(run)
    assert "Line 3 of metrics.jsonl is damaged: those before it are shown." in page.text
    assert "Trained for 2 epochs" in page.text


def replaced(value: Any, by: Any) -> Any:
    """Every text, or every number, in a value replaced."""
    if isinstance(value, dict):
        keys = HOSTILE if isinstance(by, str) else ""
        return {key: replaced(item, by) for key, item in value.items()} | (
            {keys: by} if keys else {}
        )
    if isinstance(value, list):
        return [replaced(item, by) for item in value]
    if isinstance(value, str):
        return by if isinstance(by, str) else value
    return value if isinstance(by, str) or value is None else by


@pytest.mark.parametrize("by", [HOSTILE, 10**400, -1, math.nan, 1e308, True, 5e-324], ids=str)
def test_texts_and_numbers_of_any_kind(run: Path, by: Any) -> None:
    """Also names of pictures' files: these are then missing."""
    for name in FILES[1:]:
        path = run / name
        changed = [replaced(json.loads(line), by) for line in path.read_text().splitlines() if line]
        path.write_text("\n".join(map(json.dumps, changed)) if name.endswith("l") else "")
        if not name.endswith("l"):
            path.write_text(json.dumps(changed[0]))
    page = page_of(run)
    assert "alert" not in [attributes.get("onerror") for _, attributes in page.elements]
    assert "\udcff" not in page.text
    assert "\u202e" not in page.text


def test_names_that_are_no_code(tmp_path: Path) -> None:
    """In the architecture, the folder, images and what is said of them."""
    description = json.dumps(HOSTILE.replace("\x00", "").replace("\udcff", ""))
    text = TINY.replace('name = "tiny"', f'name = "tiny"\ndescription = {description}')
    made = make_run(tmp_path / "<script>alert(1)</script>'\"", name=HOSTILE, text=text)
    make_pictures(made, name=HOSTILE)
    page = page_of(made)
    assert len(page.all("script")) == 1
    assert page.text.count('<script>alert("1")</script>') > 3


def test_a_picture_is_never_taken_from_elsewhere(run: Path, tmp_path: Path) -> None:
    images = run / "images"
    (images / "1.noisy.png").rename(tmp_path / "secret.png")
    (images / "1.noisy.png").symlink_to(tmp_path / "secret.png")
    content = json.loads((images / "images.json").read_text())
    for place in ("../../secret.png", str(tmp_path / "secret.png")):
        content["images"][1]["files"]["denoised"] = place
        (images / "images.json").write_text(json.dumps(content))
        page = page_of(run)
        assert "The noisy picture of photo.png is missing or damaged." in page.text
        assert "The denoised picture of photo.png is missing or damaged." in page.text
        assert len(list(page.all("img"))) == 3  # of the third picture


def test_pictures_of_odd_files(run: Path) -> None:
    (run / "images" / "1.noisy.png").write_bytes(b"no picture")
    (run / "images" / "2.noisy.png").write_bytes((run / "images" / "3.noisy.png").read_bytes()[:99])
    page = page_of(run)
    assert page.text.count("The noisy picture of photo.png is missing or damaged.") == 2


def test_three_large_noisy_pictures_stay_below_2_mb(tmp_path: Path) -> None:
    made = make_run(tmp_path / "run", epochs=60)
    make_pictures(made, 512)
    text = run_page(read_run(made, registry()), registry())
    assert len(text.encode()) < 2_000_000
    sides = {image["width"] for image in assert_is_closed(text).all("img")}
    assert len(sides) == 1
    assert int(sides.pop() or 0) >= 192
    assert "of 512 × 512 pixels (width × height)" in text


def test_a_page_of_much_stays_below_2_mb(tmp_path: Path) -> None:
    """Many epochs, layers and images beside the pictures, and several such runs."""
    made = make_run(tmp_path / "run", epochs=1000)
    make_pictures(made, 256)
    layers = [layer(f"1.body.{number}", "conv2d") for number in range(120)]
    lines = [{"version": 1, "epoch": e, "step": e, "lr": 0.1, "layers": layers} for e in range(60)]
    write_lines(made / "statistics.jsonl", lines)
    evaluation = json.loads((made / "evaluation.json").read_text())
    evaluation["per_image"] = [
        {"name": f"image-{number}.png", "psnr": 20 + number % 9, "psnr_noisy": 20.0}
        for number in range(1000)
    ]
    (made / "evaluation.json").write_text(json.dumps(evaluation))
    run = read_run(made, registry())
    for text in (run_page(run, registry()), runs_page([run] * 6)):
        assert len(text.encode()) < 2_000_000
        assert assert_is_closed(text).all("img")


def test_a_run_without_clean_pictures(tmp_path: Path) -> None:
    made = make_run(tmp_path / "run")
    make_pictures(made, reference=False)
    evaluation = json.loads((made / "evaluation.json").read_text())
    (made / "evaluation.json").write_text(json.dumps({**evaluation, "compared_with": "noisy"}))
    page = page_of(made)
    assert "other noisy images, so that the figures are lower" in page.text
    assert not [it for it in page.all("button") if "data-beside" in it]


def test_runs_that_are_not_finished(run: Path) -> None:
    (run / "evaluation.json").unlink()
    assert "trained Trained for 2 epochs, and not evaluated." in page_of(run).text
    first = (run / "metrics.jsonl").read_text().splitlines()[0]
    (run / "metrics.jsonl").write_text(first + "\n")
    assert "stopped Stopped after 1 of 2 epochs; --resume goes on there." in page_of(run).text
    assert "--resume" in page_of(run).text
    (run / "run.lock").write_text('{"process": 1, "host": "elsewhere"}')
    assert "training Training goes on: 1 of 2 epochs so far." in page_of(run).text
    (run / "run.lock").unlink()
    kept = {"step": 4, "epoch": 2, "lr": 0.5, "layer": "", "what": "loss", "cause": "Less."}
    torch.save({"diverged": {**kept, "layers": []}}, run / "diverged.pkl")
    page = page_of(run)
    assert (
        "diverged Training diverged in epoch 2 of 2: a number became infinite or NaN." in page.text
    )
    assert "The run diverged at step 4 (epoch 2, lr 0.5): the loss is not finite" in page.text
    (run / "metrics.jsonl").unlink()
    (run / "diverged.pkl").unlink()
    assert "begun Not one epoch is finished." in page_of(run).text


def test_who_computed_the_steps(run: Path) -> None:
    (run / "environment.json").write_text('{"backend": "torch"}')
    assert 'The steps were computed by torch (train.backend = "torch")' in page_of(run).text
    (run / "environment.json").write_text('{"backend": "zoo"}')
    assert "computed by" not in page_of(run).text


def test_what_a_run_ran_on_is_said_once(run: Path) -> None:
    environment = {"device": "cpu (2 threads)", "threads": 2, "precision": "float32"}
    (run / "environment.json").write_text(json.dumps(environment))
    text = page_of(run).text
    assert text.partition("architecture.toml, with")[0].count("float32") == 1
    assert "threads 2" not in text
    (run / "environment.json").write_text(json.dumps({**environment, "device": "cuda (a card)"}))
    assert "threads 2" in page_of(run).text


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no architecture.toml or metrics.jsonl in it"):
        read_run(tmp_path, registry())
    with pytest.raises(CheckpointError, match=r"no such folder. Use a run's folder."):
        read_run(tmp_path / "none", registry())


@pytest.mark.parametrize(
    ("correlation", "said"),
    [
        (0.0, "Looks like noise: at no distance is its autocorrelation beyond 0."),
        (0.05, "Not only noise: its autocorrelation goes up to 0.05."),
        (-0.05, "Looks like noise: at no distance is its autocorrelation beyond −0.05."),
        (-0.15, "Not only noise: its autocorrelation goes down to −0.15."),
    ],
)
def test_whether_what_was_removed_is_noise(tmp_path: Path, correlation: float, said: str) -> None:
    made = make_run(tmp_path / "run")
    make_pictures(made, count=1, correlation=correlation)
    assert said in page_of(made).text


def test_noise_is_what_zoo_denoise_says_it_is() -> None:
    assert removed_section.CORRELATED == quality.CORRELATED
    assert removed_section.STRUCTURE == quality.STRUCTURE


def test_a_page_of_other_sections() -> None:
    """As other commands make one."""
    sections = [
        Section("a", "First <b>", element("p", "text & more"), "lead"),
        Section("b", "Empty", element("p")[:0]),
    ]
    page = assert_is_closed(render_page("Title <i>", sections, "a head"))
    assert headings(page) == ["a"]
    assert page.text.startswith("Title <i> Title <i> a head First <b> lead text & more")
