"""TIFF of more than 8 bits per channel, which Pillow reads in part, in the wrong order, or not.

Read here: strips, uncompressed or deflated, of grey, RGB or CMYK integers and floats, with or
without alpha, contiguous or in planes (TIFF 6.0, sections 3 to 6 and 18). Pillow reads the rest.
"""

import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tushuo.pictures import tiff
from tushuo.pictures.deep_colour import scale_channels
from tushuo.pictures.tiff import Directory

OFFSETS, SAMPLES, ROWS, COUNTS = 273, 277, 278, 279
PLANAR, PREDICTOR, EXTRA_SAMPLES, PROFILE = 284, 317, 338, 34675
NONE, DEFLATE = 1, (8, 32946)  # compressions
WHITE_IS_ZERO = 0
COLOURS = {WHITE_IS_ZERO: 1, 1: 1, 2: 3, 5: 4}  # channels by photometric interpretation
PREMULTIPLIED = 1  # alpha
MAX_SAMPLE_BYTES = 800_000_000


def decode_deep_tiff(content: bytes, directory: Directory) -> Image.Image | None:
    """Decode the first picture of a TIFF file to 8 bits, or return None if it is another kind.

    Its colour profile is in ``info``; its orientation is not applied.

    Raises:
        PictureError: its values have no known range.
    """
    count = COLOURS.get(directory.first(tiff.PHOTOMETRIC, -1))
    samples = _read_samples(content, directory)
    if count is None or samples is None or samples.shape[2] < count:
        return None
    extra = directory.values.get(EXTRA_SAMPLES)
    has_alpha = samples.shape[2] > count and count < 4 and (extra is None or extra[0] in (1, 2))
    values = scale_channels(samples[..., : count + has_alpha], count)
    if directory.first(tiff.PHOTOMETRIC) == WHITE_IS_ZERO:
        values[..., 0] = 255 - values[..., 0]
    if has_alpha:
        colours = np.broadcast_to(values[..., :count], (*values.shape[:2], 3))
        mode = "RGBa" if extra and extra[0] == PREMULTIPLIED else "RGBA"
        values = np.dstack([colours, values[..., count:]])
        image = Image.frombytes(mode, values.shape[1::-1], values.tobytes()).convert("RGBA")
    else:
        mode = {1: "L", 3: "RGB", 4: "CMYK"}[count]
        image = Image.frombytes(mode, values.shape[1::-1], values.tobytes())
    if profile := directory.data(content, PROFILE):
        image.info["icc_profile"] = profile
    return image


def _read_samples(content: bytes, directory: Directory) -> np.ndarray | None:
    """Return the samples as "height width channels" if their kind is one that is read here."""
    bits = set(directory.values.get(tiff.BITS, (1,)))
    kind = {1: "u", 2: "i", 3: "f"}.get(directory.first(tiff.SAMPLE_FORMAT, 1))
    compression = directory.first(tiff.COMPRESSION, NONE)
    usual = (
        directory.first(PREDICTOR, 1) == 1
        and tiff.TILE_WIDTH not in directory.values
        and (compression == NONE or compression in DEFLATE)
    )
    if not usual or kind is None or not bits <= {16, 32, 64} or len(bits) != 1:
        return None
    dtype = np.dtype(f"{directory.order}{kind}{bits.pop() // 8}")
    width, height = directory.size
    channels = directory.first(SAMPLES, 1)
    if not 0 < width * height * channels * dtype.itemsize <= MAX_SAMPLE_BYTES:
        return None
    planes = channels if directory.first(PLANAR, 1) == 2 else 1
    shape = (planes, height, width, channels // planes)
    strips = b"".join(_strips(content, directory, shape, dtype.itemsize))
    if len(strips) != width * height * channels * dtype.itemsize:
        return None
    samples = np.frombuffer(strips, dtype).reshape(shape)
    return samples[0] if planes == 1 else samples[..., 0].transpose(1, 2, 0)


def _strips(
    content: bytes, directory: Directory, shape: tuple[int, int, int, int], width: int
) -> Iterator[bytes]:
    """Yield the bytes of each strip; fewer than they should be where the file is damaged."""
    planes, height, row, channels = shape
    rows = min(directory.first(ROWS, height), height) or height
    heights = [min(rows, height - top) for top in range(0, height, rows)] * planes
    places = directory.values.get(OFFSETS, ()), directory.values.get(COUNTS, ())
    for strip_height, start, count in zip(heights, *places, strict=False):
        size = strip_height * row * channels * width
        data = content[start : start + count]
        if directory.first(tiff.COMPRESSION, NONE) in DEFLATE:
            try:
                data = zlib.decompressobj().decompress(data, size)
            except zlib.error:
                return
        if len(data) < size:
            return
        yield data[:size]
