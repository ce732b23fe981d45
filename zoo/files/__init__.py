"""Files: regular ones are read, bounded in size; what is written is complete or not there."""

from zoo.files.json_text import to_json
from zoo.files.regular import append_regular, open_regular, read_regular
from zoo.files.writing import (
    create_folder,
    create_text,
    flush,
    flush_folder,
    keep_copy,
    make_folder,
    remove_if_empty,
    removed_if_empty,
    require_folder,
    write_atomically,
    write_text,
)

__all__ = [
    "append_regular",
    "create_folder",
    "create_text",
    "flush",
    "flush_folder",
    "keep_copy",
    "make_folder",
    "open_regular",
    "read_regular",
    "remove_if_empty",
    "removed_if_empty",
    "require_folder",
    "to_json",
    "write_atomically",
    "write_text",
]
