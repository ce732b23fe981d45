"""``zoo`` and ``python -m zoo``."""

from zoo.cli import console_main

if __name__ == "__main__":
    console_main()
