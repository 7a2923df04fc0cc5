"""Pictures: what Attentive takes, told by the bytes alone, and making a large picture small enough.

Pillow is loaded by the first picture: most processes never see one.
"""

import io
import struct
import zlib
from typing import TYPE_CHECKING

from bridge.reasons import Reason

if TYPE_CHECKING:
    from PIL import Image

#: "Media size must be under 500KB."
LIMIT = 500_000

#: MPO is what Pillow calls a jpg that holds a second picture, as many phones take them.
FORMATS = frozenset({"GIF", "PNG", "JPEG", "MPO"})

# A phone's camera stays below it. A jpg is decoded at a fraction of its size; of the others a pixel needs 8 bytes.
_JPG = ("JPEG", "MPO")
_MOST_PIXELS = {"JPEG": 80_000_000, "MPO": 80_000_000, "PNG": 25_000_000, "GIF": 25_000_000}
# No phone shows more.
_LONGEST_SIDE = 2048
# A progressive jpg has about ten scans. One with thousands is made to keep whoever decodes it busy for hours.
_MOST_SCANS = 50
_START_OF_SCAN = b"\xff\xda"
# Modes whose values are not 0 to 255 each: brought down to that they come out white.
_TOO_DEEP = ("I", "F")
_QUALITIES = (88, 80, 70, 60)
_SMALLER = 0.75
_SHORTEST_SIDE = 16

# Whatever a hostile picture makes Pillow raise, the answer is the same. A Warning only where warnings are errors.
_DAMAGE = (
    OSError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    SyntaxError,
    EOFError,
    AttributeError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Warning,
)


def problem_of(content: bytes) -> Reason | None:
    """Why these bytes cannot accompany a message; None if they can."""
    if len(content) >= LIMIT:
        return Reason(code="media_too_large")
    if _format_of(content) not in FORMATS:
        return Reason(code="media_not_a_picture")
    return None


def is_picture(content: bytes) -> bool:
    """Whether it is a gif, png or jpg, of any size."""
    return _format_of(content) in FORMATS


def shrink(content: bytes) -> bytes | None:
    """The picture as a jpg under `LIMIT`, without its metadata; None if that cannot be had.

    Upright as its EXIF data say, on white where it is transparent. Of an animation there is none: one frame is not the
    picture.
    """
    from PIL import Image

    try:
        with _open(content) as image:
            if not _can_be_shrunk(image, content):
                return None
            # A jpg is decoded at a half, a quarter or an eighth then; the others do not mind.
            image.draft(None, (_LONGEST_SIDE, _LONGEST_SIDE))
            profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA") else None
            return _encode(_flat_and_upright(image), profile)
    except (*_DAMAGE, Image.DecompressionBombError):
        return None


def _format_of(content: bytes) -> str | None:
    from PIL import Image

    # It reads headers only.
    try:
        with _open(content) as image:
            return image.format
    except (*_DAMAGE, Image.DecompressionBombError):
        return None


def _open(content: bytes) -> "Image.Image":
    from PIL import Image

    return Image.open(io.BytesIO(content), formats=("GIF", "PNG", "JPEG"))


def _can_be_shrunk(image: "Image.Image", content: bytes) -> bool:
    if image.width * image.height > _MOST_PIXELS[image.format or ""] or image.mode.startswith(_TOO_DEEP):
        return False
    if image.format in _JPG:
        # The second picture of an MPO is another one, or the first as the camera's screen shows it.
        return content.count(_START_OF_SCAN) <= _MOST_SCANS
    return not getattr(image, "is_animated", False)


def _flat_and_upright(image: "Image.Image") -> "Image.Image":
    """In red, green and blue, no larger than a phone can show."""
    from PIL import Image, ImageOps

    is_transparent = image.has_transparency_data
    image = image.convert("RGBA" if is_transparent else "RGB")
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    image = ImageOps.exif_transpose(image)
    if not is_transparent:
        return image
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return white.convert("RGB")


def _encode(image: "Image.Image", profile: bytes | None) -> bytes | None:
    """With falling quality, and then with fewer and fewer pixels, until it is small enough."""
    while min(image.size) >= _SHORTEST_SIDE:
        for quality in _QUALITIES:
            into = io.BytesIO()
            image.save(into, "JPEG", quality=quality, optimize=True, icc_profile=profile, exif=b"")
            if into.tell() < LIMIT:
                return into.getvalue()
        image = image.resize((int(image.width * _SMALLER), int(image.height * _SMALLER)))
    return None
