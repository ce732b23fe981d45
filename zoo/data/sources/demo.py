"""Photographs that scikit-image installs: training works without data of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from zoo.data.cache.cache import PictureCache
from zoo.data.images import read_images
from zoo.data.sets import SingleImages
from zoo.data.sources.folder import Folder
from zoo.errors import ArgumentError, DataError

# Colour photographs inside scikit-image's wheel. Of the stereo pair only one image, since the other
# shows the same; not the retina and the deep field, which are mostly black and larger than the rest
# together, so that most crops would show nothing.
TRAINING = ("astronaut.png", "coffee.png", "motorcycle_left.png", "rocket.jpg", "ihc.png")
HELD_OUT = "chelsea.png"
FEWEST = 3


def Demo(  # noqa: N802 - see the package
    channels: int,
    folder: str | None = None,
    leave_out: Sequence[str] | None = None,
    picture_cache: PictureCache | None = None,
) -> SingleImages:
    """Five photographs to train on and one to validate on, ``chelsea``; nothing is downloaded.

    Files that this version of scikit-image does not install are left out.

    Args:
        channels: C of the images.
        folder: more photographs to train on, of which none is held out.
        leave_out: names of the five that are not to be trained on.
        picture_cache: where those of ``folder`` are kept; None for memory.

    Raises:
        ArgumentError: ``leave_out`` has another name.
        DataError: too few of the files are installed, or ``folder`` cannot be read.
    """
    demo = _without(demo_images(demo_folder(), channels), leave_out or ())
    if folder is None:
        return demo
    more = Folder(folder, channels, picture_cache=picture_cache)
    return SingleImages(
        demo.names + more.names,
        demo.images + more.images,
        demo.held_out,
        demo.names + more.files,  # each of the demo's is a file
        more.remarks,
    )


def demo_folder() -> Path:
    """Where scikit-image has its photographs."""
    return Path(str(files("skimage"))) / "data"


def _without(images: SingleImages, names: Sequence[str]) -> SingleImages:
    known = [Path(name).stem for name in TRAINING]
    for name in names:
        if name not in known:
            raise ArgumentError(
                f"demo: leave_out has {name!r}. Its photographs are {', '.join(known)}."
            )
    kept = [pair for pair in zip(images.names, images.images, strict=True) if pair[0] not in names]
    return SingleImages(
        tuple(name for name, _ in kept), tuple(image for _, image in kept), images.held_out
    )


def demo_images(folder: Path, channels: int) -> SingleImages:
    """The demo's photographs in ``folder``."""
    paths = demo_paths(folder)
    images = tuple(pages[0] for pages in read_images(paths, channels))
    names = tuple(path.stem for path in paths)
    return SingleImages(names, images, held_out=frozenset({Path(HELD_OUT).stem}))


def demo_paths(folder: Path) -> list[Path]:
    """Their files.

    Raises:
        DataError: too few of them are installed.
    """
    paths = [path for name in (*TRAINING, HELD_OUT) if (path := folder / name).is_file()]
    if len(paths) < FEWEST or paths[-1].name != HELD_OUT:
        found = ", ".join(path.name for path in paths) or "none"
        raise DataError(
            f"{folder}: of the demo's photographs only these are installed: {found}. "
            f"It needs {HELD_OUT} and two more: install another version of scikit-image."
        )
    return paths
