"""A process of its own for each picture: reads a file from its input, writes a clean picture to its output.

Decoders are the code that meets strangers' bytes. Here they may crash, run long or eat memory, and take nobody with
them; whatever is written out was drawn anew, so nothing but the picture survives (policy 1.3.1: no place, no device).
"""

import json
import resource
import sys
from io import BytesIO
from typing import BinaryIO, Final

from pi_heif import register_heif_opener  # type: ignore[import-untyped]
from PIL import Image, ImageOps

from domain.stages import Refusal

MOST_PIXELS: Final = 64_000_000
LONGEST_SIDE: Final = 2560
THUMBNAIL_SIDE: Final = 320
QUALITY: Final = 85
CPU_SECONDS: Final = 10
MEMORY: Final = 2 << 30
"""Bytes of address space: twice what the largest picture needs."""

_HEIC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_FORMATS: Final = {"jpeg": ("JPEG", "MPO"), "png": ("PNG",), "webp": ("WEBP",), "heic": ("HEIF",)}
_MAY_MOVE: Final = frozenset({"png", "webp"})
"""What several pictures in one file mean differs: in these they are a film, in the others views of one moment."""


def sniff(raw: bytes) -> str:
    """What kind of picture the bytes begin as, whatever their name says. Raises Refusal `photo_not_a_picture`."""
    if raw.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "webp"
    if raw[4:8] == b"ftyp" and raw[8:12] in _HEIC:
        return "heic"
    raise Refusal("photo_not_a_picture", "not a JPEG, PNG, WebP or HEIC picture")


def decode(raw: bytes) -> tuple[str, Image.Image]:
    """The kind of picture and the picture, upright, in plain colours, at most LONGEST_SIDE long.

    Raises Refusal `photo_not_a_picture`, `photo_too_many_pixels`, `photo_animated`, `photo_broken`.
    """
    kind = sniff(raw)
    register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # counted below, in our words
    try:
        image: Image.Image = Image.open(BytesIO(raw), formats=_FORMATS[kind])
        if image.width * image.height > MOST_PIXELS:
            raise Refusal("photo_too_many_pixels", f"more than {MOST_PIXELS} pixels")
        if kind in _MAY_MOVE and getattr(image, "is_animated", False):
            raise Refusal("photo_animated", "a film, not a photo")
        image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        image.load()
        image = _plain(image)
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        image = ImageOps.exif_transpose(image)
    except Refusal:
        raise
    except Exception as error:  # decoders fail in as many ways as there are bad files
        raise Refusal("photo_broken", f"{type(error).__name__}: {error}") from error
    image.info.clear()
    return kind, image


def jpeg(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _plain(image: Image.Image) -> Image.Image:
    """In red, green and blue of eight bits, on white where it is transparent."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    plain = Image.new("RGB", seen.size, "white")
    plain.paste(seen, mask=seen.getchannel("A"))
    plain.info = image.info
    return plain


def main(source: BinaryIO, target: BinaryIO) -> None:
    """One line of JSON, then picture and thumbnail; or a line with the refusal alone."""
    try:
        kind, image = decode(source.read())
    except Refusal as refusal:
        target.write(json.dumps({"refusal": refusal.code, "why": str(refusal)}).encode() + b"\n")
        return
    small = image.copy()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    picture, thumbnail = jpeg(image), jpeg(small)
    said = {"kind": kind, "width": image.width, "height": image.height, "length": len(picture)}
    target.write(json.dumps(said).encode() + b"\n" + picture + thumbnail)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main(sys.stdin.buffer, sys.stdout.buffer)
