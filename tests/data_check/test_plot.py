from __future__ import annotations

import numpy as np

from tests.data_check.making import checked, poisson_gaussian, singles
from zoo.data_check.plot import plot_picture, plot_text


def test_in_plain_characters_and_as_a_picture() -> None:
    noise = checked(singles(poisson_gaussian(0.02, 10))).measured.noise
    assert noise is not None
    lines = plot_text(noise)
    assert all(len(line) <= 80 and line.isascii() and line == line.rstrip() for line in lines)
    marks = "".join(lines[1:-2])
    assert 1 < marks.count("o") <= len(noise.points)
    assert marks.count(".") > 30
    picture = np.asarray(plot_picture(noise))
    assert picture.shape == (480, 720, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 4
