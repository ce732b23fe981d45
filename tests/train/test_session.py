from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

import zoo
from zoo.architecture import Architecture
from zoo.compiler import Compiler
from zoo.errors import ArchitectureError, DataError, UsageError
from zoo.plugins.discovery import Provider
from zoo.plugins.records import LossEntry
from zoo.plugins.registry import Registered, Registry
from zoo.train.run_images import held_out_images
from zoo.train.session import RunData, load_run_data, noisy_copies
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]


def load(spec: Architecture, registry: Registry) -> RunData:
    return load_run_data(Compiler(spec, registry), torch.device("cpu"))


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.pkl"
    torch.save(tuple(torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8) for _ in "ab"), path)
    return path


class PlainLoss:
    """A loss that takes no mask."""

    def forward(self, y: Tensor, target: Tensor) -> Tensor:
        return (y - target).abs().mean()

    def backward(self) -> Tensor:
        raise NotImplementedError


@pytest.fixture
def with_plain_loss(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Registry:
    entry = LossEntry(
        name="plain",
        factory="test:PlainLoss",
        schema={"type": "object", "additionalProperties": False, "properties": {}},
        summary="For this test.",
    )
    monkeypatch.setattr(LossEntry, "load", lambda self: PlainLoss)
    return Registry([*registry, Registered(entry, Provider("test", "1", "test"))])


def test_nothing_to_remark(tiny: Describe, registry: Registry) -> None:
    data = load(tiny(), registry)
    assert data.remarks == ()
    assert len(data.validation) == 1
    assert data.batches.samples == 10


@pytest.mark.parametrize("noise", ["impulse", "text"])
def test_noise_of_another_mean_with_the_mse(noise: str, tiny: Describe, registry: Registry) -> None:
    change = f'data.noise="{noise}"'
    other = (
        f"data.noise is {noise} and data.evaluation_noise gaussian: the model is validated, and "
        "evaluated, on another noise than it learns. If it should not be, set "
        "data.evaluation_noise too"
    )
    assert load(tiny(change), registry).remarks == (
        other,
        f"{noise} noise is not zero-mean: with noisy targets the mse learns a mean that is drawn "
        'towards grey. Use loss = "l1", which learns the median, or data.target = "clean"',
    )
    assert load(tiny(change, 'loss="l1"'), registry).remarks == (other,)
    assert load(tiny(change, 'data.target="clean"'), registry).remarks == (other,)
    same = f'data.evaluation_noise="{noise}"'
    assert load(tiny(change, same, 'loss="l1"'), registry).remarks == ()


def test_noise_for_pairs(tiny: Describe, registry: Registry, pairs: Path) -> None:
    spec = tiny(f'data.source="{pairs}"')
    unused = "the images are noisy already: data.noise is not used"
    no_clean = (
        "there are no clean images to validate on: PSNR and SSIM compare with the second "
        "image of each pair, and where that is noisy they are lower than against a clean one"
    )
    assert load(spec, registry).remarks == (unused, no_clean)
    assert load(tiny(f'data={{source="{pairs}"}}'), registry).remarks == (no_clean,)
    validated = tiny(f'data={{source="{pairs}", validation="{pairs}"}}')
    assert load(validated, registry).remarks == (
        "data: all 6 images to train on show scenes that are validated on too (pairs.pkl[0], "
        "pairs.pkl[1], pairs.pkl[2] and 3 more): figures say nothing about others",
    )


def test_missing_pixels_need_a_loss_with_a_mask(tiny: Describe, with_plain_loss: Registry) -> None:
    noise = 'data.noise={type="bernoulli", keep=0.5}'
    spec = tiny(noise, 'loss="plain"', registry=with_plain_loss)
    with pytest.raises(ArchitectureError) as error:
        load(spec, with_plain_loss)
    assert str(error.value) == (
        "--set:1:1: data.noise: bernoulli leaves out pixels of the target, and the loss plain "
        "takes no mask. Use a loss that does, such as mse."
    )
    clean = tiny(noise, 'loss="plain"', 'data.target="clean"', registry=with_plain_loss)
    (remark,) = load(clean, with_plain_loss).remarks
    assert remark.startswith("data.noise is bernoulli and data.evaluation_noise gaussian: ")


def test_missing_pixels_reach_the_loss_as_a_mask(
    tiny: Describe, registry: Registry, make_trainer: Callable[[Architecture], Trainer]
) -> None:
    trainer = make_trainer(tiny('data.noise={type="bernoulli", keep=0.5}'))
    mask = trainer.batches.batch(0, 0).mask
    assert mask is not None
    assert set(mask.flatten().tolist()) == {0.0, 1.0}


def test_clean_images_without_noise(tiny: Describe, registry: Registry) -> None:
    with pytest.raises(ArchitectureError) as error:
        load(tiny('data={source="photos"}'), registry)
    assert str(error.value) == (
        "--set:1:1: data.noise: is missing. For clean images use a table such as "
        '{type = "gaussian", sigma = 25}; for noisy ones "none".'
    )


def test_images_to_validate_on(tiny: Describe, registry: Registry, pairs: Path) -> None:
    spec = tiny(f'data={{source="photos", noise={{type="gaussian"}}, validation="{pairs}"}}')
    data = load(spec, registry)
    assert [image.name for image in data.validation] == [f"pairs.pkl[{i}]" for i in range(6)]


def test_the_held_out_images_are_not_trained_on(tiny: Describe, registry: Registry) -> None:
    spec = tiny("data.validation_fraction=0.4")
    data = load(spec, registry)
    names = {image.name for image in data.validation}
    assert len(names) == 2
    assert names.isdisjoint(data.batches.views.photographs[0].names)
    compiler = Compiler(spec, registry)
    held_out, remarks = held_out_images(compiler, Path("x.pkl"), data.record)
    assert remarks == ()
    again = noisy_copies(compiler, held_out)
    assert [image.name for image in again] == [image.name for image in data.validation]
    for one, other in zip(again, data.validation, strict=True):
        assert torch.equal(one.noisy, other.noisy)


def test_images_smaller_than_a_crop(tiny: Describe, registry: Registry, base: Path) -> None:
    with pytest.raises(DataError) as error:
        load(tiny("input.height=32", "input.width=32"), registry)
    assert str(error.value) == (
        "0.png (and 3 more): 20 x 26 pixels (height x width), too small for crops of 32 x 32. "
        "Leave it out, or use smaller crops or blocks. Set input.height to 20 or less and "
        "input.width to 26 or less."
    )


def test_load_model_and_load_checkpoint(finished: tuple[Trainer, Path], tmp_path: Path) -> None:
    trainer, folder = finished
    path = tmp_path / "tiny.toml"
    path.write_text(trainer.architecture.text)
    model = zoo.load_model(path, device="cpu", seed=3)
    assert model.training
    same, other = zoo.load_model(path, "cpu", seed=3), zoo.load_model(path, "cpu", seed=4)
    torch.testing.assert_close(model.state_dict(), same.state_dict(), rtol=0, atol=0)
    assert not torch.equal(model.param()[0].value, other.param()[0].value)
    trained = zoo.load_checkpoint(folder / "last.pkl")
    assert not trained.training
    torch.testing.assert_close(trained.state_dict(), trainer.model.state_dict(), rtol=0, atol=0)
    best = zoo.load_checkpoint(folder)
    expected = zoo.load_checkpoint(folder / "best.pkl")
    torch.testing.assert_close(best.state_dict(), expected.state_dict(), rtol=0, atol=0)
    with pytest.raises(UsageError) as error:
        zoo.load_checkpoint(folder / "last.pkl", device="tpu")
    assert str(error.value) == "--device tpu: no such device. Use auto, cpu, cuda or cuda:N."
