"""Photos in forms: those that came along with what was typed, and those that came before."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from api.auth import Principal
from api.dependencies import House
from api.i18n import Language
from api.pages import deciding
from api.pages.forms import Choice
from api.photos import allow, inline, take
from api.problems import Problem, from_refusal
from database import photos
from database.reading.photos import PhotoView
from domain.stages import Refusal

MOST_AT_ONCE = 9


async def typed(
    request: Request, house: House, session: AsyncSession, who: Principal | None, language: Language, now: datetime
) -> tuple[dict[str, str], list[str]]:
    """What was typed, the ids of its photos in it; and what is wrong with photos that could not be taken.

    Browsers that run our script send photos before, one by one; the others send them along. Either way what was
    typed and what could be taken is kept.
    """
    values, wrong = await deciding.typed(request), list[str]()
    ids = [one for one in values.get("photos", "").split() if one != values.get("drop")]
    form = await request.form()
    files = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
    if len(ids) + len(files) > MOST_AT_ONCE:
        wrong.append(language.text("At most nine photos; the others were left out."))
    for file in files[: MOST_AT_ONCE - len(ids)]:
        try:
            await allow(house, session, request, who, "photos")
            photo, _ = await take(session, await file.read(), now)
            ids.append(photo)
        except (Refusal, Problem) as refused:
            problem = from_refusal(refused) if isinstance(refused, Refusal) else refused
            said = language.word("problem", problem.code)
            wrong.append(language.text("%(file)s: %(why)s") % {"file": file.filename, "why": said})
    await form.close()
    return values | {"photos": " ".join(ids)}, wrong


async def chosen(session: AsyncSession, values: Mapping[str, str]) -> list[Choice]:
    """The photos of a form that comes back, as they are shown in it."""
    found = await photos.thumbnails(session, values.get("photos", "").split())
    return [Choice(photo, inline(thumbnail)) for photo, thumbnail in found.items()]


def by_step(shown: Sequence[PhotoView], url: str) -> dict[int, list[str]]:
    """The addresses of an order's photos below `url`, by the step they came with."""
    found: dict[int, list[str]] = {}
    for photo in shown:
        found.setdefault(photo.seq, []).append(f"{url}/photos/{photo.id}")
    return found
