"""Make the folder of photographs that the models are trained on, from a Debian package.

In an empty folder, with zoo's environment::

    apt-get download lomiri-wallpapers-16.04
    dpkg-deb -x lomiri-wallpapers-16.04_*.deb package
    python photos.py package/usr/share/backgrounds free_photos

Each photograph is halved in size, which leaves little of its own noise and of the JPEG's blocks,
and kept as a JPEG of quality 97 without subsampling. The package's copyright file has their terms;
the cards of the models name the authors.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

PHOTOGRAPHS = {
    "aitzgorri": "aitzgorri_by_Aitzol_Berasategi.jpg",
    "friends": "friends_by_Aitzol_Berasategi.jpg",
    "life": "life_by_Aitzol_Berasategi.jpg",
    "picosdeeuropa": "picosdeeuropa_by_Aitzol_Berasategi.jpg",
    "picture_0b": "Picture_0B_by_freespace.jpg",
    "picture_1a": "Picture_1A_by_freespace.jpg",
    "seeding": "seeding_by_Clements_Engelhardt.jpg",
    "sunset": "sunset_by_Aitzol_Berasategi.jpg",
    "wine": "Wine_by_Jakkub_Mede.jpg",
}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("backgrounds", type=Path, help="where the package's photographs are")
    parser.add_argument("folder", type=Path, help="a new folder for those to train on")
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    for name, original in PHOTOGRAPHS.items():
        with Image.open(options.backgrounds / original) as photograph:
            half = photograph.width // 2, photograph.height // 2
            halved = photograph.convert("RGB").resize(half, Image.Resampling.LANCZOS)
        halved.save(options.folder / f"{name}.jpg", quality=97, subsampling=0)


if __name__ == "__main__":
    main()
