"""Convolutions as few, large matrix products without copies of overlapping windows.

All convolutions here are one linear map and its transpose, between a *low* image and a *high* one
that has ``stride`` times as many pixels along each axis. With w the weight, s the stride and e_t
the offset of tap t, along each axis::

    reduce:  low[v]  = sum over t of  w_t  high[s v + e_t]          a strided convolution
    expand:  high[u] = sum over t, v with s v + e_t = u of  w_t low[v]      a transposed convolution
    weight gradient:  dw_t = sum over v of  low[v] high[s v + e_t]

A convolution reduces forward and expands backward, a transposed convolution the other way round.
Nearest-neighbour upsampling by s before a convolution is an expansion followed by a sum over s x s
pixels (:mod:`zoo.nn.fast.box`), which takes kh kw products for each low pixel, not s s kh kw.

:mod:`~zoo.nn.fast.axis` has the arithmetic of one axis, :mod:`~zoo.nn.fast.rows` the products for
many channels on both sides, :mod:`~zoo.nn.fast.planes` those for few channels on the high side,
:mod:`~zoo.nn.fast.bands` works through large images in parts. On a GPU with Triton each product is
one kernel that copies nothing (:mod:`~zoo.nn.fast.implicit`, :mod:`~zoo.nn.fast.kernels`), once a
first try has shown that it works there (:mod:`~zoo.nn.fast.trial`).
"""
