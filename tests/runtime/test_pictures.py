"""Pictures from strangers: drawn anew, or refused with a code; never a crash."""

import asyncio
import random
from collections import Counter
from io import BytesIO
from zipfile import ZipFile

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from domain.stages import Refusal
from runtime import decoding, pictures
from runtime.pictures import clean
from tests.pictures import HEIC, opened, photo, saved

FILES = 200
RED, WHITE = (254, 0, 0), (255, 255, 255)


def near(one: object, other: tuple[int, int, int]) -> bool:
    return isinstance(one, tuple) and all(abs(a - b) < 12 for a, b in zip(one, other, strict=True))


def told() -> Image.Exif:
    """What a phone writes into a photo: lying on its side, taken at a place."""
    exif = Image.Exif()
    exif[0x112], exif[0x10F] = 6, "Phone Maker"
    exif.get_ifd(0x8825).update({1: "N", 2: (IFDRational(30), IFDRational(15), IFDRational(27))})
    return exif


async def test_a_photo_is_turned_upright_and_says_nothing_else() -> None:
    raw = photo(exif=told(), comment=b"at home", icc_profile=b"x" * 200)
    assert b"Phone Maker" in raw
    picture = await clean(raw)
    assert (picture.kind, picture.width, picture.height) == ("jpeg", 480, 640)
    shown = opened(picture.jpeg)
    assert near(shown.getpixel((400, 40)), RED)
    assert near(shown.getpixel((40, 40)), WHITE)
    assert not shown.getexif()
    assert {"exif", "comment", "icc_profile", "xmp"}.isdisjoint(shown.info)
    assert max(opened(picture.thumbnail).size) == decoding.THUMBNAIL_SIDE


async def test_heic_from_a_phone_becomes_jpeg_without_its_place() -> None:
    assert b"Phone Maker" in HEIC
    picture = await clean(HEIC)
    assert (picture.kind, picture.width, picture.height) == ("heic", 480, 640)
    shown = opened(picture.jpeg)
    assert shown.format == "JPEG"
    assert near(shown.getpixel((400, 40)), RED)
    assert not shown.getexif()


@pytest.mark.parametrize(
    ("raw", "pixel"),
    [
        (saved(Image.new("CMYK", (60, 40), (0, 255, 255, 0))), (254, 0, 0)),
        (saved(Image.new("I;16", (60, 40), 0x8000), "PNG"), (128, 128, 128)),
        (saved(Image.new("RGBA", (60, 40), (255, 0, 0, 0)), "PNG"), WHITE),
        (saved(Image.new("P", (60, 40), 0), "PNG", transparency=0), WHITE),
        (saved(Image.new("1", (60, 40), 1), "PNG"), WHITE),
        (saved(Image.new("LA", (60, 40), (0, 255)), "PNG"), (0, 0, 0)),
        (photo(kind="WEBP"), RED),
        (photo(kind="MPO", save_all=True, append_images=[Image.new("RGB", (640, 480))]), RED),
    ],
    ids=["cmyk", "16 bit", "transparent", "palette", "1 bit", "grey with alpha", "webp", "two views in a JPEG"],
)
async def test_every_kind_of_colour_comes_out_as_it_looks(raw: bytes, pixel: tuple[int, int, int]) -> None:
    assert near(opened((await clean(raw)).jpeg).getpixel((5, 5)), pixel)


async def test_a_large_photo_is_made_smaller() -> None:
    picture = await clean(photo(8000, 6000))
    assert (picture.width, picture.height) == (2560, 1920)


def _zip() -> bytes:
    out = BytesIO()
    with ZipFile(out, "w") as archive:
        archive.writestr("photo.jpg", "")
    return out.getvalue()


FILM = [Image.new("RGB", (640, 480), "blue")]
BAD = {
    "zero bytes": (b"", "photo_empty"),
    "program": (b"MZ" + bytes(4096), "photo_not_a_picture"),
    "page": (b"<html><script>alert(1)</script></html>", "photo_not_a_picture"),
    "drawing that runs": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "photo_not_a_picture"),
    "archive": (_zip(), "photo_not_a_picture"),
    "document": (b"%PDF-1.7\n", "photo_not_a_picture"),
    "gif": (photo(kind="GIF"), "photo_not_a_picture"),
    "disguised as jpeg": (b"\xff\xd8\xff\xe0" + b"MZ" + bytes(4096), "photo_broken"),
    "disguised as heic": (HEIC[:12] + b"PK\x03\x04" * 400, "photo_broken"),
    "half a jpeg": (photo()[:-900], "photo_broken"),
    "half a png": (photo(kind="PNG")[:900], "photo_broken"),
    "half a webp": (photo(kind="WEBP")[:-300], "photo_broken"),
    "half a heic": (HEIC[:-200], "photo_broken"),
    "moving png": (photo(kind="PNG", save_all=True, append_images=FILM), "photo_animated"),
    "moving webp": (photo(kind="WEBP", save_all=True, append_images=FILM), "photo_animated"),
}


@pytest.mark.parametrize(("raw", "code"), BAD.values(), ids=BAD.keys())
async def test_what_is_no_photo_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        await clean(raw)
    assert refusal.value.code == code


async def test_a_bomb_is_not_unpacked() -> None:
    """Made here, as to make it takes seconds, and every process reads this file."""
    with pytest.raises(Refusal) as refusal:
        await clean(saved(Image.new("1", (30000, 30000)), "PNG"))
    assert refusal.value.code == "photo_too_many_pixels"


async def test_too_many_bytes_are_not_even_looked_at() -> None:
    with pytest.raises(Refusal) as refusal:
        await clean(bytes(pictures.LARGEST_PHOTO + 1))
    assert refusal.value.code == "photo_too_large"


async def test_what_hides_behind_a_picture_does_not_survive() -> None:
    picture = await clean(photo() + b"<script>alert(1)</script>" + _zip())
    assert b"script" not in picture.jpeg
    assert b"PK\x03\x04" not in picture.jpeg


async def test_a_decoder_that_never_ends_is_ended_and_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pictures, "PATIENCE", 0.01)
    with pytest.raises(Refusal) as refusal:
        await clean(photo())
    assert refusal.value.code == "photo_not_now"
    monkeypatch.setattr(pictures, "PATIENCE", 30.0)
    assert {one.width for one in await asyncio.gather(*(clean(photo()) for _ in range(4)))} == {640}


@pytest.mark.timeout(600)
async def test_damaged_files_are_shown_or_refused_whatever_is_wrong_with_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Seeded: bytes flipped, cut, doubled and put in place of each other, in every kind of file."""
    chance, outcomes = random.Random(20261123), Counter[str]()
    whole = [photo(), photo(kind="PNG"), photo(kind="WEBP"), HEIC]

    async def one(raw: bytes) -> None:
        try:
            await clean(raw)
            outcomes["shown"] += 1
        except Refusal as refusal:
            outcomes[refusal.code] += 1

    for _ in range(FILES // 2):
        await asyncio.gather(*(one(damaged(chance, chance.choice(whole))) for _ in range(2)))
    assert sum(outcomes.values()) == FILES
    assert set(outcomes) <= {"shown", "photo_broken", "photo_not_a_picture", "photo_too_many_pixels", "photo_empty"}
    assert outcomes["photo_broken"]
    with capsys.disabled():
        print(f"\n{FILES} damaged files: {dict(outcomes)}")  # noqa: T201


def damaged(chance: random.Random, raw: bytes) -> bytes:
    """The file with something wrong with it."""
    file, at = bytearray(raw), chance.randrange(len(raw))
    match chance.randrange(5):
        case 0:
            del file[at:]
        case 1:
            for _ in range(chance.randrange(1, 40)):
                file[chance.randrange(len(file))] = chance.randrange(256)
        case 2:
            file[at:at] = file[: chance.randrange(len(file))]
        case 3:
            file[at : at + 64] = bytes(64)
        case _:
            file[:at] = chance.randbytes(at)
    return bytes(file)
