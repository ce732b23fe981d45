"""The three products of :mod:`zoo.engine.conv` as kernels for a GPU, materialize in Triton.

Each is a matrix product of tiles. The tiles of windows are gathered from the images as they lie in
memory, tap by tap (*implicit GEMM*), so that a product is one kernel that reads each image once and
makes no copies; multiply-adds outside the image are left out by masks.

Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014, section 3.3.

Names, in all kernels: ``n`` image, ``v, w`` row and column of a coarse pixel, ``y, x`` of a fine
one, ``tap`` the number of a tap, ``k`` a tap and a channel of the windows, the channel running
faster, ``c`` a channel of the result. Sizes that only a shape decides are compiled in.
Strides come in the order of the axes: ``fine_n, fine_c, fine_y, fine_x`` for (N, Cfine, H, W).
"""

import triton
import triton.language as tl


@triton.jit
def fprop_kernel(
    fine,
    weight,
    bias,
    coarse,
    pixels,
    coarse_rows,
    coarse_columns,
    fine_rows,
    fine_columns,
    fine_n,
    fine_c,
    fine_y,
    fine_x,
    coarse_n,
    coarse_c,
    coarse_y,
    coarse_x,
    FINE_CHANNELS: tl.constexpr,
    COARSE_CHANNELS: tl.constexpr,
    TAPS_Y: tl.constexpr,
    TAPS_X: tl.constexpr,
    STRIDE_Y: tl.constexpr,
    STRIDE_X: tl.constexpr,
    FIRST_Y: tl.constexpr,
    FIRST_X: tl.constexpr,
    STEP_Y: tl.constexpr,
    STEP_X: tl.constexpr,
    FLIPPED: tl.constexpr,
    BIASED: tl.constexpr,
    PRECISION: tl.constexpr,
    SUM: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """coarse[v] = bias + sum over taps of fine[s v + e_t] w_t.

    A program computes PIXELS coarse pixels of CHANNELS channels, DEPTH taps and channels at a time.
    """
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    w = p % coarse_columns
    v = p // coarse_columns % coarse_rows
    n = p // coarse_columns // coarse_rows
    taps: tl.constexpr = TAPS_Y * TAPS_X
    total = tl.zeros((PIXELS, CHANNELS), SUM)
    for start in range(0, taps * FINE_CHANNELS, DEPTH):
        k = start + tl.arange(0, DEPTH)
        tap, channel = k // FINE_CHANNELS, k % FINE_CHANNELS
        y = v[:, None] * STRIDE_Y + FIRST_Y + STEP_Y * (tap // TAPS_X)[None, :]
        x = w[:, None] * STRIDE_X + FIRST_X + STEP_X * (tap % TAPS_X)[None, :]
        inside = (y >= 0) & (y < fine_rows) & (x >= 0) & (x < fine_columns)
        inside = inside & (p < pixels)[:, None] & (tap < taps)[None, :]
        at = n[:, None] * fine_n + channel[None, :] * fine_c + y * fine_y + x * fine_x
        windows = tl.load(fine + at, mask=inside, other=0.0)
        if FLIPPED:
            tap = taps - 1 - tap
        at = (tap * FINE_CHANNELS + channel)[:, None] * COARSE_CHANNELS + c[None, :]
        ours = (k < taps * FINE_CHANNELS)[:, None] & (c < COARSE_CHANNELS)[None, :]
        matrix = tl.load(weight + at, mask=ours, other=0.0)
        total = tl.dot(windows, matrix, total, input_precision=PRECISION, out_dtype=SUM)
    if BIASED:
        total += tl.load(bias + c, mask=c < COARSE_CHANNELS, other=0.0)[None, :]
    at = (n * coarse_n + v * coarse_y + w * coarse_x)[:, None] + c[None, :] * coarse_c
    tl.store(coarse + at, total, mask=(p < pixels)[:, None] & (c < COARSE_CHANNELS)[None, :])


@triton.jit
def dgrad_kernel(
    coarse,
    weight,
    bias,
    fine,
    images,
    coarse_rows,
    coarse_columns,
    fine_rows,
    fine_columns,
    coarse_n,
    coarse_c,
    coarse_y,
    coarse_x,
    fine_n,
    fine_c,
    fine_y,
    fine_x,
    FINE_CHANNELS: tl.constexpr,
    COARSE_CHANNELS: tl.constexpr,
    TAPS_Y: tl.constexpr,
    TAPS_X: tl.constexpr,
    STRIDE_Y: tl.constexpr,
    STRIDE_X: tl.constexpr,
    FIRST_Y: tl.constexpr,
    FIRST_X: tl.constexpr,
    STEP_Y: tl.constexpr,
    STEP_X: tl.constexpr,
    FLIPPED: tl.constexpr,
    BIASED: tl.constexpr,
    PRECISION: tl.constexpr,
    SUM: tl.constexpr,
    PIXELS: tl.constexpr,
    CHANNELS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """fine[u] = bias + sum of coarse[v] w_t over all taps and v with s v + e_t = u.

    Along an axis the taps that reach fine pixels of one phase (a, the pixels a, a + s, ...) are
    t0, t0 + s, ..., and tap t0 + s j finds coarse pixel (u - e_t0) / s - j. So a program computes
    PIXELS fine pixels of one phase, with that phase's taps only. The stride is 1, or neighbouring
    taps are 1 apart.
    """
    phase = tl.program_id(2)
    phase_y, phase_x = phase // STRIDE_X, phase % STRIDE_X
    rows = tl.cdiv(fine_rows - phase_y, STRIDE_Y)
    columns = tl.maximum(tl.cdiv(fine_columns - phase_x, STRIDE_X), 1)
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    x = phase_x + p % columns * STRIDE_X
    y = phase_y + p // columns % tl.maximum(rows, 1) * STRIDE_Y
    n = p // columns // tl.maximum(rows, 1)
    ours = (n < images) & (x < fine_columns) & (y < fine_rows)
    first_y = ((phase_y - FIRST_Y) % STRIDE_Y + STRIDE_Y) % STRIDE_Y
    first_x = ((phase_x - FIRST_X) % STRIDE_X + STRIDE_X) % STRIDE_X
    taps_y = tl.maximum(tl.cdiv(TAPS_Y - first_y, STRIDE_Y), 0)
    taps_x = tl.maximum(tl.cdiv(TAPS_X - first_x, STRIDE_X), 0)
    v_first = (y - FIRST_Y - first_y) // STRIDE_Y  # exact
    w_first = (x - FIRST_X - first_x) // STRIDE_X
    total = tl.zeros((PIXELS, CHANNELS), SUM)
    for start in range(0, taps_y * taps_x * COARSE_CHANNELS, DEPTH):
        k = start + tl.arange(0, DEPTH)
        tap, channel = k // COARSE_CHANNELS, k % COARSE_CHANNELS
        down, right = tap // taps_x, tap % taps_x
        v = v_first[:, None] - STEP_Y * down[None, :]
        w = w_first[:, None] - STEP_X * right[None, :]
        inside = (v >= 0) & (v < coarse_rows) & (w >= 0) & (w < coarse_columns)
        inside = inside & ours[:, None] & (down < taps_y)[None, :]
        at = n[:, None] * coarse_n + channel[None, :] * coarse_c + v * coarse_y + w * coarse_x
        windows = tl.load(coarse + at, mask=inside, other=0.0)
        tap = (first_y + STRIDE_Y * down) * TAPS_X + first_x + STRIDE_X * right
        if FLIPPED:
            tap = TAPS_Y * TAPS_X - 1 - tap
        at = (tap[:, None] * FINE_CHANNELS + c[None, :]) * COARSE_CHANNELS + channel[:, None]
        known = (down < taps_y)[:, None] & (c < FINE_CHANNELS)[None, :]
        matrix = tl.load(weight + at, mask=known, other=0.0)
        total = tl.dot(windows, matrix, total, input_precision=PRECISION, out_dtype=SUM)
    if BIASED:
        total += tl.load(bias + c, mask=c < FINE_CHANNELS, other=0.0)[None, :]
    at = (n * fine_n + y * fine_y + x * fine_x)[:, None] + c[None, :] * fine_c
    tl.store(fine + at, total, mask=ours[:, None] & (c < FINE_CHANNELS)[None, :])


@triton.jit
def wgrad_kernel(
    fine,
    coarse,
    parts,
    pixels,
    each,
    coarse_rows,
    coarse_columns,
    fine_rows,
    fine_columns,
    fine_n,
    fine_c,
    fine_y,
    fine_x,
    coarse_n,
    coarse_c,
    coarse_y,
    coarse_x,
    FINE_CHANNELS: tl.constexpr,
    COARSE_CHANNELS: tl.constexpr,
    TAPS_Y: tl.constexpr,
    TAPS_X: tl.constexpr,
    STRIDE_Y: tl.constexpr,
    STRIDE_X: tl.constexpr,
    FIRST_Y: tl.constexpr,
    FIRST_X: tl.constexpr,
    STEP_Y: tl.constexpr,
    STEP_X: tl.constexpr,
    FLIPPED: tl.constexpr,
    PRECISION: tl.constexpr,
    SUM: tl.constexpr,
    TAPS: tl.constexpr,
    CHANNELS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """parts[i, t] = sum of fine[s v + e_t] coarse[v]^T over the i-th part of the coarse pixels v.

    A program computes TAPS taps and channels by CHANNELS channels from ``each`` pixels, DEPTH at a
    time. The parts are added up afterwards, in a fixed order: a gradient is the same each time.
    """
    k = tl.program_id(0) * TAPS + tl.arange(0, TAPS)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    part = tl.program_id(2)
    taps: tl.constexpr = TAPS_Y * TAPS_X
    tap, channel = k // FINE_CHANNELS, k % FINE_CHANNELS
    down = FIRST_Y + STEP_Y * (tap // TAPS_X)
    right = FIRST_X + STEP_X * (tap % TAPS_X)
    total = tl.zeros((TAPS, CHANNELS), SUM)
    for start in range(part * each, tl.minimum((part + 1) * each, pixels), DEPTH):
        p = start + tl.arange(0, DEPTH)
        w = p % coarse_columns
        v = p // coarse_columns % coarse_rows
        n = p // coarse_columns // coarse_rows
        ours = p < pixels
        y = v[None, :] * STRIDE_Y + down[:, None]
        x = w[None, :] * STRIDE_X + right[:, None]
        inside = (y >= 0) & (y < fine_rows) & (x >= 0) & (x < fine_columns)
        inside = inside & ours[None, :] & (tap < taps)[:, None]
        at = n[None, :] * fine_n + channel[:, None] * fine_c + y * fine_y + x * fine_x
        windows = tl.load(fine + at, mask=inside, other=0.0)
        at = (n * coarse_n + v * coarse_y + w * coarse_x)[:, None] + c[None, :] * coarse_c
        its = tl.load(coarse + at, mask=ours[:, None] & (c < COARSE_CHANNELS)[None, :], other=0.0)
        total = tl.dot(windows, its, total, input_precision=PRECISION, out_dtype=SUM)
    if FLIPPED:
        tap = taps - 1 - tap
    row = (part * taps + tap) * FINE_CHANNELS + channel
    at = row[:, None] * COARSE_CHANNELS + c[None, :]
    mask = (k < taps * FINE_CHANNELS)[:, None] & (c < COARSE_CHANNELS)[None, :]
    tl.store(parts + at, total, mask=mask)


@triton.jit
def sum_behind_kernel(
    image,
    sums,
    count,
    rows,
    columns,
    image_n,
    image_c,
    image_y,
    image_x,
    CHANNELS: tl.constexpr,
    SIZE_Y: tl.constexpr,
    SIZE_X: tl.constexpr,
    SUM: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """sums[u] = the sum of the SIZE_Y x SIZE_X pixels of the image up to u.

    ``sums`` has SIZE - 1 rows and columns more than the image, and lies as (N, H, W, C).
    """
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    c = place % CHANNELS
    x = place // CHANNELS % (columns + SIZE_X - 1)
    y = place // CHANNELS // (columns + SIZE_X - 1) % (rows + SIZE_Y - 1)
    n = place // CHANNELS // (columns + SIZE_X - 1) // (rows + SIZE_Y - 1)
    total = tl.zeros((BLOCK,), SUM)
    for up in tl.static_range(SIZE_Y):
        for left in tl.static_range(SIZE_X):
            inside = (y >= up) & (y - up < rows) & (x >= left) & (x - left < columns)
            at = n * image_n + c * image_c + (y - up) * image_y + (x - left) * image_x
            total += tl.load(image + at, mask=inside & (place < count), other=0.0)
    tl.store(sums + place, total, mask=place < count)
