"""What is wrong or doubtful with a data set, measured before anything is trained.

Data flow one way: :mod:`~zoo.data_check.scenes` draws windows of the pictures, the modules of
measurements turn them into figures, :mod:`~zoo.data_check.findings` into sentences, and
:mod:`~zoo.data_check.report` puts all together. Nothing here needs a model. The windows are bounded
in number, and their places are drawn with a fixed seed: a check takes seconds for any data set, and
says the same each time.
"""
