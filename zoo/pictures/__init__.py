"""Picture files, read and written back with all that is in them; no torch."""

from zoo.pictures.picture import Picture
from zoo.pictures.read import open_picture
from zoo.pictures.write import write_picture

__all__ = ["Picture", "open_picture", "write_picture"]
