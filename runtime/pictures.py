"""From bytes a stranger sent to a clean picture, or to a refusal in words that say what to do (policy 2.1.1b)."""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Final

import structlog

from domain.stages import Refusal

LARGEST_PHOTO: Final = 15 << 20
"""Bytes of one photo as it comes from a phone or a mail."""
PATIENCE: Final = 30.0
"""Seconds for one picture, waiting for its turn included."""
AT_ONCE: Final = 2
"""Pictures that one process of ours has decoded at a time."""

_turns = asyncio.Semaphore(AT_ONCE)
_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Picture:
    """A picture drawn anew as JPEG: upright, without place, device or anything else its file carried.

    `kind` is what it came as: jpeg, png, webp or heic. Width and height are pixels.
    """

    kind: str
    width: int
    height: int
    jpeg: bytes
    thumbnail: bytes


async def clean(raw: bytes) -> Picture:
    """The picture in these bytes, whatever name or type they came under.

    Raises Refusal `photo_empty`, `photo_too_large`, `photo_not_a_picture`, `photo_too_many_pixels`, `photo_animated`,
    `photo_broken`, which are final, and `photo_not_now` when we have too much to do.
    """
    if not raw:
        raise Refusal("photo_empty", "no bytes")
    if len(raw) > LARGEST_PHOTO:
        raise Refusal("photo_too_large", f"more than {LARGEST_PHOTO} bytes")
    try:
        async with asyncio.timeout(PATIENCE), _turns:
            code, out = await _decoded(raw)
    except TimeoutError:
        raise Refusal("photo_not_now", "pictures are waiting in line") from None
    if code:
        _log.warning("decoding a picture ended badly", code=code, bytes=len(raw))
        raise Refusal("photo_broken", f"decoding ended with {code}")
    line, _, pictures = out.partition(b"\n")
    said = json.loads(line)
    if "refusal" in said:
        raise Refusal(said["refusal"], said["why"])
    length = said.pop("length")
    return Picture(**said, jpeg=pictures[:length], thumbnail=pictures[length:])


async def _decoded(raw: bytes) -> tuple[int, bytes]:
    """How the decoder's process ended, and what it wrote."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "runtime.decoding",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await process.communicate(raw)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out
