"""Runs as one HTML page that needs nothing else; no torch.

``run_files`` reads a run's folder, which may be from anybody. ``charts``, ``distributions`` and
``diagram`` draw; ``frame.table`` and ``frame.figure`` frame what is drawn. ``page.render_page``
makes a page out of a title and sections. The other modules make the sections of runs, and
``report`` puts them together.
"""
