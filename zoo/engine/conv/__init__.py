"""Convolutions as few, large matrix products without copies of overlapping windows.

All convolutions here are one linear map and its transpose, between a *coarse* grid of pixels and a
*fine* one that has ``stride`` times as many along each axis. With w the weight, s the stride and
e_t the offset of tap t, along each axis::

    fprop:  coarse[v] = sum over t of  w_t  fine[s v + e_t]                 a strided convolution
    dgrad:  fine[u]   = sum over t, v with s v + e_t = u of  w_t coarse[v]  a transposed convolution
    wgrad:  dw_t      = sum over v of  coarse[v] fine[s v + e_t]

A convolution is fprop forward and dgrad backward, a transposed convolution the other way round.
Nearest-neighbour upsampling by s before a convolution is a dgrad followed by a sum over s x s
pixels (:mod:`~zoo.engine.conv.box_filter`): kh kw products for each coarse pixel, not s s kh kw.

The three products have four implementations of one contract (:mod:`~zoo.engine.conv.kernel`),
between which :mod:`~zoo.engine.conv.plans` chooses by the channels:
:mod:`~zoo.engine.conv.gemm_nhwc` for many channels on both grids,
:mod:`~zoo.engine.conv.gemm_chw` for few on the fine one, such as a photograph, and on a GPU with
Triton :mod:`~zoo.engine.conv.triton_conv`, after its :mod:`~zoo.engine.conv.selftest` passes on
that GPU.
On a CPU with numba :mod:`~zoo.engine.conv.minimal_filtering` computes 3 x 3 taps of stride 1 with
16 multiplications for each 36, by kernels that are compiled for the processor.
:mod:`~zoo.engine.conv.tiling` computes large images band by band.

Copies are avoided by the layout of an image in memory (:mod:`~zoo.engine.conv.padded`): lines of
pixels, all of one length, with zeros between them and the channels of a pixel side by side::

    row 0 of image 0     row 0 of image 1          row 1 of image 0
    |p p p p p p 0 0|    |p p p p p p 0 0|   ...   |p p p p p p 0 0|   ...     p: C numbers
         '---'                                          '---'
         tap t at every pixel is one shift of the whole storage: a matrix (pixels, C) that
         begins some lines and pixels further on, and the zeros are what lies outside the image
"""
