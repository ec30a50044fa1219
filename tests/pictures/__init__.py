"""Files as strangers send them."""

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

HEIC = (Path(__file__).parent / "upright.heic").read_bytes()
"""640 by 480 as stored, to be turned: upright its upper right quarter is red. Place and maker of the phone in it."""


def photo(width: int = 640, height: int = 480, kind: str = "JPEG", mode: str = "RGB", **how: Any) -> bytes:
    """A photo with a red quarter at the upper left, as a file."""
    image = Image.new(mode, (width, height), "white")
    image.paste("red" if mode == "RGB" else 0, (0, 0, width // 2, height // 2))
    return saved(image, kind, **how)


def saved(image: Image.Image, kind: str = "JPEG", **how: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def opened(raw: bytes) -> Image.Image:
    return Image.open(BytesIO(raw))
