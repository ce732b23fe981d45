"""The three products of :mod:`zoo.nn.fast` as kernels for a GPU, written in Triton.

Each is a matrix product of tiles. The tiles of windows are gathered from the images as they lie in
memory, tap by tap (*implicit GEMM*), so that a product is one kernel that reads each image once and
makes no copies; multiply-adds outside the image are left out by masks.

Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014, section 3.3.

Names, in all kernels: ``n`` image, ``v, w`` row and column of a low pixel, ``y, x`` of a high one,
``tap`` the number of a tap, ``k`` a tap and a channel of the windows, the channel running faster,
``c`` a channel of the result. Sizes that only a shape decides are constants of the compiled kernel.
Strides come in the order of the axes: ``high_n, high_c, high_y, high_x`` for (N, Chigh, H, W).
"""

import triton
import triton.language as tl


@triton.jit
def reduce_kernel(
    high,
    weight,
    bias,
    low,
    pixels,
    low_rows,
    low_columns,
    high_rows,
    high_columns,
    high_n,
    high_c,
    high_y,
    high_x,
    low_n,
    low_c,
    low_y,
    low_x,
    HIGH_CHANNELS: tl.constexpr,
    LOW_CHANNELS: tl.constexpr,
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
    """low[v] = bias + sum over taps of high[s v + e_t] w_t.

    A program computes PIXELS low pixels of CHANNELS channels, DEPTH taps and channels at a time.
    """
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    w = p % low_columns
    v = p // low_columns % low_rows
    n = p // low_columns // low_rows
    taps: tl.constexpr = TAPS_Y * TAPS_X
    total = tl.zeros((PIXELS, CHANNELS), SUM)
    for start in range(0, taps * HIGH_CHANNELS, DEPTH):
        k = start + tl.arange(0, DEPTH)
        tap, channel = k // HIGH_CHANNELS, k % HIGH_CHANNELS
        y = v[:, None] * STRIDE_Y + FIRST_Y + STEP_Y * (tap // TAPS_X)[None, :]
        x = w[:, None] * STRIDE_X + FIRST_X + STEP_X * (tap % TAPS_X)[None, :]
        inside = (y >= 0) & (y < high_rows) & (x >= 0) & (x < high_columns)
        inside = inside & (p < pixels)[:, None] & (tap < taps)[None, :]
        at = n[:, None] * high_n + channel[None, :] * high_c + y * high_y + x * high_x
        windows = tl.load(high + at, mask=inside, other=0.0)
        if FLIPPED:
            tap = taps - 1 - tap
        at = (tap * HIGH_CHANNELS + channel)[:, None] * LOW_CHANNELS + c[None, :]
        ours = (k < taps * HIGH_CHANNELS)[:, None] & (c < LOW_CHANNELS)[None, :]
        matrix = tl.load(weight + at, mask=ours, other=0.0)
        total = tl.dot(windows, matrix, total, input_precision=PRECISION, out_dtype=SUM)
    if BIASED:
        total += tl.load(bias + c, mask=c < LOW_CHANNELS, other=0.0)[None, :]
    at = (n * low_n + v * low_y + w * low_x)[:, None] + c[None, :] * low_c
    tl.store(low + at, total, mask=(p < pixels)[:, None] & (c < LOW_CHANNELS)[None, :])


@triton.jit
def expand_kernel(
    low,
    weight,
    bias,
    high,
    images,
    low_rows,
    low_columns,
    high_rows,
    high_columns,
    low_n,
    low_c,
    low_y,
    low_x,
    high_n,
    high_c,
    high_y,
    high_x,
    HIGH_CHANNELS: tl.constexpr,
    LOW_CHANNELS: tl.constexpr,
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
    """high[u] = bias + sum of low[v] w_t over all taps and v with s v + e_t = u.

    Along an axis the taps that reach high pixels of one phase (a, the pixels a, a + s, ...) are
    t0, t0 + s, ..., and tap t0 + s j finds low pixel (u - e_t0) / s - j. So a program computes
    PIXELS high pixels of one phase, with that phase's taps only. The stride is 1, or neighbouring
    taps are 1 apart.
    """
    phase = tl.program_id(2)
    phase_y, phase_x = phase // STRIDE_X, phase % STRIDE_X
    rows = tl.cdiv(high_rows - phase_y, STRIDE_Y)
    columns = tl.maximum(tl.cdiv(high_columns - phase_x, STRIDE_X), 1)
    p = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    x = phase_x + p % columns * STRIDE_X
    y = phase_y + p // columns % tl.maximum(rows, 1) * STRIDE_Y
    n = p // columns // tl.maximum(rows, 1)
    ours = (n < images) & (x < high_columns) & (y < high_rows)
    first_y = ((phase_y - FIRST_Y) % STRIDE_Y + STRIDE_Y) % STRIDE_Y
    first_x = ((phase_x - FIRST_X) % STRIDE_X + STRIDE_X) % STRIDE_X
    taps_y = tl.maximum(tl.cdiv(TAPS_Y - first_y, STRIDE_Y), 0)
    taps_x = tl.maximum(tl.cdiv(TAPS_X - first_x, STRIDE_X), 0)
    v_first = (y - FIRST_Y - first_y) // STRIDE_Y  # exact
    w_first = (x - FIRST_X - first_x) // STRIDE_X
    total = tl.zeros((PIXELS, CHANNELS), SUM)
    for start in range(0, taps_y * taps_x * LOW_CHANNELS, DEPTH):
        k = start + tl.arange(0, DEPTH)
        tap, channel = k // LOW_CHANNELS, k % LOW_CHANNELS
        down, right = tap // taps_x, tap % taps_x
        v = v_first[:, None] - STEP_Y * down[None, :]
        w = w_first[:, None] - STEP_X * right[None, :]
        inside = (v >= 0) & (v < low_rows) & (w >= 0) & (w < low_columns)
        inside = inside & ours[:, None] & (down < taps_y)[None, :]
        at = n[:, None] * low_n + channel[None, :] * low_c + v * low_y + w * low_x
        windows = tl.load(low + at, mask=inside, other=0.0)
        tap = (first_y + STRIDE_Y * down) * TAPS_X + first_x + STRIDE_X * right
        if FLIPPED:
            tap = TAPS_Y * TAPS_X - 1 - tap
        at = (tap[:, None] * HIGH_CHANNELS + c[None, :]) * LOW_CHANNELS + channel[:, None]
        known = (down < taps_y)[:, None] & (c < HIGH_CHANNELS)[None, :]
        matrix = tl.load(weight + at, mask=known, other=0.0)
        total = tl.dot(windows, matrix, total, input_precision=PRECISION, out_dtype=SUM)
    if BIASED:
        total += tl.load(bias + c, mask=c < HIGH_CHANNELS, other=0.0)[None, :]
    at = (n * high_n + y * high_y + x * high_x)[:, None] + c[None, :] * high_c
    tl.store(high + at, total, mask=ours[:, None] & (c < HIGH_CHANNELS)[None, :])


@triton.jit
def weight_gradient_kernel(
    high,
    low,
    parts,
    pixels,
    each,
    low_rows,
    low_columns,
    high_rows,
    high_columns,
    high_n,
    high_c,
    high_y,
    high_x,
    low_n,
    low_c,
    low_y,
    low_x,
    HIGH_CHANNELS: tl.constexpr,
    LOW_CHANNELS: tl.constexpr,
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
    """parts[i, t] = sum of high[s v + e_t] low[v]^T over the i-th part of the low pixels v.

    A program computes TAPS taps and channels by CHANNELS channels from ``each`` pixels, DEPTH at a
    time. The parts are added up afterwards, in a fixed order: a gradient is the same each time.
    """
    k = tl.program_id(0) * TAPS + tl.arange(0, TAPS)
    c = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    part = tl.program_id(2)
    taps: tl.constexpr = TAPS_Y * TAPS_X
    tap, channel = k // HIGH_CHANNELS, k % HIGH_CHANNELS
    down = FIRST_Y + STEP_Y * (tap // TAPS_X)
    right = FIRST_X + STEP_X * (tap % TAPS_X)
    total = tl.zeros((TAPS, CHANNELS), SUM)
    for start in range(part * each, tl.minimum((part + 1) * each, pixels), DEPTH):
        p = start + tl.arange(0, DEPTH)
        w = p % low_columns
        v = p // low_columns % low_rows
        n = p // low_columns // low_rows
        ours = p < pixels
        y = v[None, :] * STRIDE_Y + down[:, None]
        x = w[None, :] * STRIDE_X + right[:, None]
        inside = (y >= 0) & (y < high_rows) & (x >= 0) & (x < high_columns)
        inside = inside & ours[None, :] & (tap < taps)[:, None]
        at = n[None, :] * high_n + channel[:, None] * high_c + y * high_y + x * high_x
        windows = tl.load(high + at, mask=inside, other=0.0)
        at = (n * low_n + v * low_y + w * low_x)[:, None] + c[None, :] * low_c
        its = tl.load(low + at, mask=ours[:, None] & (c < LOW_CHANNELS)[None, :], other=0.0)
        total = tl.dot(windows, its, total, input_precision=PRECISION, out_dtype=SUM)
    if FLIPPED:
        tap = taps - 1 - tap
    row = (part * taps + tap) * HIGH_CHANNELS + channel
    at = row[:, None] * LOW_CHANNELS + c[None, :]
    mask = (k < taps * HIGH_CHANNELS)[:, None] & (c < LOW_CHANNELS)[None, :]
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
