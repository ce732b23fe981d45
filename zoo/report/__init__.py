"""Runs as one HTML page that needs nothing else; no torch.

``run_files`` reads a run's folder, which may be from anybody; ``charts`` and ``diagram`` draw;
``page`` makes a page of sections; the other modules make the sections.
"""
