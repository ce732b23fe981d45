from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor

from tests.engine.layers import SameShape
from zoo.data.evaluation import EvaluationImage
from zoo.errors import DataError
from zoo.files import to_json
from zoo.nn import MSE, Conv2d, Sequential
from zoo.train import evaluation
from zoo.train.evaluation import denoised, evaluate, mean_of_validated, validated
from zoo.train.metrics import psnr, squared_error

CPU = torch.device("cpu")


@pytest.fixture
def model() -> Sequential:
    """Adds 0.2 to every value, so that its output must be clipped."""
    layer = Conv2d(3, 3, 1)
    layer.set_weight(torch.eye(3).view(3, 3, 1, 1))
    layer.set_bias(torch.full((3,), 0.2))
    return Sequential(layer).eval()


def images(*sizes: tuple[int, int]) -> list[EvaluationImage]:
    result = []
    for index, size in enumerate(sizes):
        reference = torch.rand(3, *size)
        noisy = reference + 0.3 * torch.randn(3, *size)
        result.append(EvaluationImage(f"{index}.png", noisy, reference))
    return result


def test_scores_by_their_definition(model: Sequential) -> None:
    data = images((20, 24), (12, 16), (8, 30))
    result = evaluate(model, data, CPU)

    def errors(change: Tensor | float = 0.0, *, clip: bool) -> list[float]:
        outputs = [image.noisy + change for image in data]
        outputs = [y.clamp(0, 1) for y in outputs] if clip else outputs
        references = (image.reference for image in data)
        return [squared_error(*pair) for pair in zip(outputs, references, strict=True)]

    of_model, of_noisy = errors(0.2, clip=True), errors(clip=False)
    assert result.model.psnr == pytest.approx(sum(map(psnr, of_model)) / 3)
    assert result.noisy.psnr == pytest.approx(sum(map(psnr, of_noisy)) / 3)
    pixels = [480, 192, 240]
    mean = sum(map(math.prod, zip(of_model, pixels, strict=True))) / sum(pixels)
    assert result.model.psnr_of_mean_mse == pytest.approx(psnr(mean + 1e-8))
    assert [image.name for image in result.per_image] == ["0.png", "1.png", "2.png"]
    assert [image.psnr for image in result.per_image] == pytest.approx(list(map(psnr, of_model)))
    assert [image.psnr_noisy for image in result.per_image] == pytest.approx(
        list(map(psnr, of_noisy))
    )
    # the third image is below 11 pixels: the mean is over the others
    assert result.per_image[2].ssim is None
    known = [image.ssim for image in result.per_image if image.ssim is not None]
    assert result.model.ssim == pytest.approx(sum(known) / 2)
    assert sorted(result.baselines) == ["gaussian_blur", "non_local_means"]
    assert result.baselines["gaussian_blur"].psnr > result.noisy.psnr


def test_the_content_of_evaluation_json(model: Sequential) -> None:
    result = evaluate(model, images((12, 12), (8, 8)), CPU)
    content = json.loads(to_json(result.to_dict("photos", "best", "tf32")))
    assert list(content) == [
        "data",
        "n_images",
        "noise",
        "compared_with",
        "psnr",
        "psnr_of_mean_mse",
        "ssim",
        "psnr_noisy",
        "psnr_of_mean_mse_noisy",
        "ssim_noisy",
        "baselines",
        "weights",
        "precision",
        "per_image",
    ]
    assert (content["data"], content["weights"], content["n_images"]) == ("photos", "best", 2)
    assert content["precision"] == "tf32"
    assert list(content["per_image"][0]) == ["name", "psnr", "ssim", "psnr_noisy"]
    assert list(content["baselines"]["gaussian_blur"]) == ["psnr", "psnr_of_mean_mse", "ssim"]
    assert content["psnr"] == result.model.psnr
    assert content["psnr_noisy"] == result.noisy.psnr


def test_tiny_images_have_no_ssim(model: Sequential) -> None:
    result = evaluate(model, images((4, 4)), CPU)
    assert result.model.ssim is None
    assert json.loads(to_json(result.to_dict("x", "best", "float32")))["ssim"] is None


def test_grey_images() -> None:
    model = Sequential(Conv2d(1, 1, 3, padding=1)).eval()
    data = [EvaluationImage(i.name, i.noisy[:1], i.reference[:1]) for i in images((12, 18))]
    result = evaluate(model, data, CPU)
    assert result.baselines["non_local_means"].ssim is not None
    assert result.model.ssim is not None


def test_progress_is_told(model: Sequential) -> None:
    done: list[int] = []
    evaluate(model, images((8, 8), (8, 9), (8, 8)), CPU, done.append)
    assert done == [1, 2, 3]


def test_images_go_through_together_but_come_out_in_order(
    model: Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "PIXELS_AT_ONCE", 2 * 8 * 8)
    data = images((8, 8), (8, 8), (8, 8), (30, 30), (8, 8))
    shapes = []

    class Notes(SameShape):
        def forward(self, x: Tensor) -> Tensor:
            shapes.append(tuple(x.shape))
            return x

    model = Sequential(*model, Notes()).eval()
    outputs = list(denoised(model, data, CPU))
    assert shapes == [(2, 3, 8, 8), (1, 3, 8, 8), (1, 3, 30, 30), (1, 3, 8, 8)]
    for y, image in zip(outputs, data, strict=True):
        torch.testing.assert_close(y, image.noisy + 0.2)


def test_validation(model: Sequential) -> None:
    data = images((8, 8), (9, 10))
    loss, score = mean_of_validated([it for *_, it in validated(model, MSE(), data, CPU)])
    plain = [squared_error(image.noisy + 0.2, image.reference) for image in data]
    clipped = [squared_error((i.noisy + 0.2).clamp(0, 1), i.reference) for i in data]
    assert loss == pytest.approx(sum(plain) / 2)
    assert score == pytest.approx(sum(map(psnr, clipped)) / 2)


def test_a_size_that_the_network_cannot_take() -> None:
    model = Sequential(Conv2d(3, 3, 3)).eval()
    with pytest.raises(DataError) as error:
        list(denoised(model, images((8, 9)), CPU))
    assert str(error.value) == (
        "0.png: 8x9 pixels, 3 channels: the network gives back no height from 8 pixels on. "
        "Use images of the size it was trained on."
    )


def test_floats_beyond_0_and_1_are_not_clipped(model: Sequential) -> None:
    """An output is clipped to what the reference spans, and at least to [0, 1]."""
    reference = torch.linspace(-2, 40, 3 * 12 * 12).reshape(3, 12, 12)
    image = EvaluationImage("counts.tif", reference, reference)
    result = evaluate(model, [image], CPU)
    assert result.model.psnr == pytest.approx(psnr(0.04), abs=0.1)  # the model adds 0.2
    assert result.noisy.psnr == math.inf
    for score in result.baselines.values():
        assert score.psnr > psnr(2.0)
