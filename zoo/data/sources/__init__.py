"""Where images come from, one file for each source.

A source is called with its parameters and the model's number of input ``channels``, and returns
:class:`~zoo.data.sets.CleanImages` or :class:`~zoo.data.sets.ImagePairs`. Sources are functions,
capitalised like every other factory that an architecture file names.
"""
