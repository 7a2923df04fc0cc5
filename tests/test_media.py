"""Pictures by their bytes: which may go with a text, and how a large one is made small enough."""

import io
import random
import time
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, ImageChops, ImageDraw

from bridge import media

ORIENTATION, DESCRIPTION = 0x0112, 0x010E


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    into = io.BytesIO()
    image.save(into, kind, **options)
    return into.getvalue()


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Nothing compresses it."""
    size = width * height * len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(1).randbytes(size))  # noqa: S311 - no secret


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    return Image.open(io.BytesIO(content))


SMALL = Image.new("RGB", (40, 30), "teal")
#: Larger than the limit in every format.
LARGE = noise(900, 700)


def test_the_limit_is_the_first_size_that_is_too_large() -> None:
    picture = saved(SMALL, "PNG")
    assert media.problem_of(picture.ljust(499_999, b"\0")) is None
    too_large = media.problem_of(picture.ljust(500_000, b"\0"))
    assert too_large is not None
    assert too_large.code == "media_too_large"


@pytest.mark.parametrize("kind", ["GIF", "PNG", "JPEG", "MPO"])
def test_a_gif_png_or_jpg_may_go_with_a_text(kind: str) -> None:
    assert media.problem_of(saved(SMALL, kind)) is None
    assert media.is_picture(saved(SMALL, kind))


NO_PICTURES = {
    "nothing": b"",
    "a page": b"<!doctype html><p>Sign in to see this picture",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "webp": saved(SMALL, "WEBP"),
    "bmp": saved(SMALL, "BMP"),
    "tiff": saved(SMALL, "TIFF"),
    "a beginning": saved(SMALL, "PNG")[:12],
    "a jpg's first bytes": b"\xff\xd8\xff",
    "a page that begins like a gif": b"GIF89a<script>alert(1)</script>"[:9],
}


@pytest.mark.parametrize("content", NO_PICTURES.values(), ids=NO_PICTURES)
def test_anything_else_may_not(content: bytes) -> None:
    problem = media.problem_of(content)
    assert problem is not None
    assert problem.code == "media_not_a_picture"
    assert not media.is_picture(content)
    assert media.shrink(content) is None


SHRUNK: dict[str, Callable[[], bytes]] = {
    "jpg": lambda: saved(LARGE, "JPEG", quality=100),
    "progressive jpg": lambda: saved(LARGE, "JPEG", quality=100, progressive=True),
    "grey jpg": lambda: saved(noise(900, 700, "L"), "JPEG", quality=100),
    "jpg for printing": lambda: saved(noise(900, 700, "CMYK"), "JPEG", quality=100),
    "two pictures in one jpg": lambda: saved(LARGE, "MPO", quality=100, save_all=True, append_images=[SMALL]),
    "png": lambda: saved(LARGE, "PNG"),
    "png with few colours": lambda: saved(noise(900, 700, "L").convert("P"), "PNG"),
    "black and white png": lambda: saved(noise(3000, 2000, "L").convert("1"), "PNG"),
    "transparent png": lambda: saved(noise(900, 700, "RGBA"), "PNG"),
    "transparent grey png": lambda: saved(noise(900, 700, "LA"), "PNG"),
    "gif": lambda: saved(noise(900, 700, "L"), "GIF"),
    "png with the bytes that begin a jpg's scan": lambda: saved(SMALL, "PNG") + b"\xff\xda" * 300_000,
}


@pytest.mark.parametrize("make", SHRUNK.values(), ids=SHRUNK)
def test_a_large_picture_becomes_a_jpg_under_the_limit(make: Callable[[], bytes]) -> None:
    content = make()
    assert len(content) > media.LIMIT
    small = media.shrink(content)
    assert media.problem_of(small or b"") is None
    picture = opened(small)
    assert (picture.format, picture.mode) == ("JPEG", "RGB")
    # Its shape is the same.
    assert picture.width / picture.height == pytest.approx(opened(content).width / opened(content).height, rel=0.02)


def test_a_photograph_keeps_all_that_a_phone_can_show() -> None:
    photograph = noise(60, 45).resize((4000, 3000), Image.Resampling.BICUBIC)
    picture = opened(media.shrink(saved(photograph, "JPEG", quality=100)))
    assert picture.size == (2048, 1536)
    difference = ImageChops.difference(picture, photograph.resize((2048, 1536)))
    assert max(high for _, high in difference.getextrema()) < 40


def test_what_is_transparent_becomes_white() -> None:
    clear = noise(900, 700, "RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 450, 700))
    picture = opened(media.shrink(saved(clear, "PNG")))
    assert min(picture.getpixel((picture.width // 4, picture.height // 2))) > 245


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (1, 1)), (6, (1, 0)), (8, (0, 1))])
def test_a_picture_is_upright_as_its_camera_said(kind: str, orientation: int, corner: tuple[int, int]) -> None:
    photograph = Image.blend(noise(1200, 900), Image.new("RGB", (1200, 900), "white"), 0.6)
    ImageDraw.Draw(photograph).rectangle((0, 0, 300, 300), "red")
    exif = Image.Exif()
    exif[ORIENTATION], exif[DESCRIPTION] = orientation, "at home"
    picture = opened(media.shrink(saved(photograph, kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))))
    assert (picture.width > picture.height) == (orientation in (1, 3))
    at = [int((0.9 if far else 0.1) * side) for far, side in zip(corner, picture.size, strict=True)]
    red, green, _ = picture.getpixel((at[0], at[1]))
    assert red > 200
    assert green < 80
    # And says nothing more about where it was taken.
    assert dict(picture.getexif()) == {}


def _vast(kind: str) -> bytes:
    """A picture of a few bytes that says it is 60000 x 60000."""
    content = bytearray(saved(SMALL, kind))
    if kind == "PNG":
        content[16:24] = (60_000).to_bytes(4, "big") * 2
        # Its checksum has to fit, or it is refused for that.
        content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    elif kind == "GIF":
        content[6:10] = (60_000).to_bytes(2, "little") * 2
    else:
        frame = content.index(b"\xff\xc0")
        content[frame + 5 : frame + 9] = (60_000).to_bytes(2, "big") * 2
    return bytes(content)


def _with_many_scans() -> bytes:
    """A progressive jpg that repeats its last scan again and again: each goes through the whole picture."""
    content = saved(noise(2000, 1500), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * 60 + b"\xff\xd9"


NOT_SHRUNK: dict[str, Callable[[], bytes]] = {
    "an animation": lambda: saved(LARGE.convert("P"), "GIF", save_all=True, append_images=[SMALL.resize((900, 700))]),
    "an animated png": lambda: saved(LARGE, "PNG", save_all=True, append_images=[SMALL.resize((900, 700))]),
    "a vast png": lambda: _vast("PNG"),
    "a vast gif": lambda: _vast("GIF"),
    "a vast jpg": lambda: _vast("JPEG"),
    "a large png of nothing": lambda: saved(Image.new("1", (6000, 5000)), "PNG"),
    "a jpg of many scans": _with_many_scans,
    "sixteen bits of grey": lambda: saved(Image.new("I;16", (1000, 1000), 40_000), "PNG"),
    "a thread": lambda: saved(noise(40_000, 15), "PNG"),
    "half a png": lambda: saved(LARGE, "PNG")[:600_000],
    "half a gif": lambda: saved(LARGE, "GIF")[:200_000],
}


@pytest.mark.parametrize("make", NOT_SHRUNK.values(), ids=NOT_SHRUNK)
def test_what_cannot_be_shrunk_is_said_soon(make: Callable[[], bytes]) -> None:
    content, start = make(), time.monotonic()
    assert media.shrink(content) is None
    assert time.monotonic() - start < 3


def test_no_damage_to_a_picture_makes_shrinking_raise() -> None:
    chance = random.Random(2)  # noqa: S311 - no secret
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    for image, kind, options in [
        (noise(60, 50), "JPEG", {"exif": exif}),
        (noise(60, 50), "JPEG", {"progressive": True}),
        (noise(60, 50, "RGBA"), "PNG", {"exif": exif}),
        (noise(60, 50, "L"), "GIF", {}),
    ]:
        content = saved(image, kind, **options)
        for _ in range(400):
            damaged = bytearray(content)
            for _ in range(chance.randint(1, 4)):
                damaged[int(len(damaged) * chance.random() ** 3)] = chance.randrange(256)
            media.shrink(bytes(damaged[: chance.randint(20, len(damaged))] if chance.random() < 0.3 else damaged))
