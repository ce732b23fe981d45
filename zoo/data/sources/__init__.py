"""Where images come from, one file for each source.

A source is called with its parameters and the model's number of input ``channels``, and, where it
takes one and ``data.range`` is given, a ``value_range``
(:class:`~zoo.pictures.values.ValueRange`). It returns :class:`~zoo.data.sets.SingleImages` or
:class:`~zoo.data.sets.ImagePairs`. Sources are functions,
capitalised like every other factory that an architecture file names.
"""
