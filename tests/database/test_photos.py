"""Photos wait for a step to claim them, and are swept away when none comes."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from database import applications, photos, tables
from database.applications import Applicant, Application
from database.session import Sessions
from database.tables import Photo
from domain.stages import Refusal, Role
from runtime.pictures import Picture

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SEEN = Picture("jpeg", 640, 480, b"clean", b"small")


async def sent(sessions: Sessions, raw: bytes = b"raw", at: datetime = NOW) -> str:
    async with sessions.begin() as session:
        return await photos.keep(session, raw, SEEN, at)


async def order(sessions: Sessions) -> str:
    said = Application(customer=Applicant(name="王芳", phone="15400000001"), fault="异响")
    async with sessions.begin() as session:
        applied = await applications.apply(
            session, said, by="agent", role=Role.SERVICE_AGENT, key="one", now=NOW, policy="standard"
        )
    return applied.state.number


async def left(sessions: Sessions) -> tuple[int, int]:
    """How many photos and how many pictures are kept."""
    async with sessions() as session:
        count = [await session.scalar(select(func.count()).select_from(one)) for one in (Photo, tables.Picture)]
    return count[0] or 0, count[1] or 0


async def test_the_same_file_twice_is_one_picture(sessions: Sessions) -> None:
    assert await sent(sessions) != await sent(sessions)
    assert await left(sessions) == (2, 1)


async def test_a_photo_belongs_to_one_step_of_one_order(sessions: Sessions) -> None:
    number, first, second = await order(sessions), await sent(sessions), await sent(sessions, b"other")
    async with sessions.begin() as session:
        assert list(await photos.thumbnails(session, [second, first, "?"])) == [second, first]
        await photos.claim(session, [second, first, second], number, 3)
        assert await photos.thumbnails(session, [first]) == {}
    async with sessions.begin() as session:
        row = await session.get_one(Photo, first)
        assert (row.order, row.seq, row.place) == (number, 3, 1)
        with pytest.raises(Refusal) as refusal:
            await photos.claim(session, [first], number, 4)
    assert refusal.value.code == "unknown_photo"


async def test_what_nobody_claims_is_swept_away_after_a_day(sessions: Sessions) -> None:
    number, claimed = await order(sessions), await sent(sessions, b"claimed")
    await sent(sessions, b"claimed")
    await sent(sessions, b"forgotten")
    late = NOW + timedelta(hours=25)
    await sent(sessions, b"fresh", late)
    async with sessions.begin() as session:
        await photos.claim(session, [claimed], number, 0)
        assert await photos.sweep(session, NOW + timedelta(hours=23)) == 0
        assert await photos.sweep(session, late) == 2
    assert await left(sessions) == (2, 2)
