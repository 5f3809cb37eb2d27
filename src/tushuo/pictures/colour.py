"""Convert colours to sRGB, by ICC profile or by the gamma of a PNG file, as browsers do.

- An ICC profile is applied where it is valid and fits the channels; a broken one is ignored.
- Without a profile and without the chunk ``sRGB``, a PNG's ``gAMA`` is applied if it is further
  than ``GAMMA_TOLERANCE`` from 1/2.2, the threshold of libpng. ``cHRM`` and ``cICP`` are ignored.
- Everything else counts as sRGB already; CMYK without a profile is converted by complement.
"""

import io
from contextlib import suppress

from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 8_000_000  # of large CMYK profiles, three times
DISPLAY_GAMMA = 2.2
GAMMA_TOLERANCE = 0.05  # relative
GAMMAS = (0.05, 20)  # beyond them the chunk is broken
PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError, ImportError)


def to_srgb(image: Image.Image) -> Image.Image:
    """Convert an image of mode L, LA, RGB, RGBA or CMYK to sRGB; alpha is kept.

    The profile and the gamma are those of ``image.info``. Other modes are returned as they are.
    """
    profile, gamma = image.info.get("icc_profile"), image.info.get("gamma")
    if isinstance(profile, bytes) and profile:
        with suppress(*PROFILE_ERRORS):
            return _by_profile(image, profile)
    elif isinstance(gamma, float) and "srgb" not in image.info:
        return _by_gamma(image, gamma)
    return image


def _by_profile(image: Image.Image, content: bytes) -> Image.Image:
    if image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK") or len(content) > MAX_PROFILE_BYTES:
        return image
    profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
    if "sRGB" in (profile.profile.profile_description or ""):
        return image
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert(image.mode.removesuffix("A")) if alpha else image
    converted = ImageCms.profileToProfile(
        colours, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert converted is not None  # it is, for conversions in place
    if alpha:
        converted.putalpha(alpha)
    return converted


def _by_gamma(image: Image.Image, gamma: float) -> Image.Image:
    exponent = 1 / (gamma * DISPLAY_GAMMA) if GAMMAS[0] <= gamma <= GAMMAS[1] else 1
    if abs(1 / exponent - 1) <= GAMMA_TOLERANCE or image.mode not in ("L", "LA", "RGB", "RGBA"):
        return image
    curve = [round(255 * (value / 255) ** exponent) for value in range(256)]
    alpha = list(range(256)) if image.mode in ("LA", "RGBA") else []
    return image.point(curve * (len(image.getbands()) - bool(alpha)) + alpha)
