"""Where a worker dies: right before and right after the commit of every activity, once each.

Activities that change nothing of ours in PostgreSQL die before they begin and after they end instead.
"""

import functools
import json
import os
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from sqlalchemy import event
from sqlalchemy.orm import Session

from domain.messages import Step

WITHOUT_COMMIT: Final = frozenset(
    {"recall_parcel", "tell_orders", "tell_purchase_orders", "hold_purchase_orders", "compare"}
)
COMMITS_TOLD_APART: Final = 4
"""An activity that runs for an hour commits all the time; that many of its first commits have a death each."""

Activity = Callable[..., Awaitable[Any]]
_at_work: ContextVar["_Work | None"] = ContextVar("at_work", default=None)


class Deaths:
    """The points at which one worker after the other dies. Each leaves a file, so that none is died at twice."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        plan = json.loads((folder / "plan.json").read_text())
        self._seed, self._share = plan["seed"], plan["share"]

    @classmethod
    def plan(cls, folder: Path, seed: int, share: int) -> None:
        """Writes down which points count: `share` of a hundred, drawn by the seed."""
        folder.mkdir(parents=True)
        (folder / "plan.json").write_text(json.dumps({"seed": seed, "share": share}))

    @staticmethod
    def met(folder: Path) -> list[str]:
        """The points at which a worker died."""
        return sorted(path.name.removesuffix(".death") for path in folder.glob("*.death"))

    def drawn(self, point: str) -> bool:
        return crc32(f"{self._seed}/{point}".encode()) % 100 < int(self._share)

    def pass_by(self, point: str) -> None:
        """Ends the process here, as SIGKILL would, unless an earlier worker did."""
        if not self.drawn(point):
            return
        try:
            (self._folder / f"{point}.death").touch(exist_ok=False)
        except FileExistsError:
            return
        os._exit(9)


@dataclass
class _Work:
    """An activity under way."""

    name: str
    commits: int = 0

    @property
    def point(self) -> str:
        number = min(self.commits, COMMITS_TOLD_APART)
        return f"{self.name}.commit" if number == 1 else f"{self.name}.commit-{number}"


def mortal(activities: Iterable[Activity], deaths: Deaths) -> list[Activity]:
    """The same activities; the process dies at each of their points once."""

    def before(session: Session) -> None:
        if work := _at_work.get():
            work.commits += 1
            deaths.pass_by(f"{work.point}.before")

    def after(session: Session) -> None:
        if work := _at_work.get():
            deaths.pass_by(f"{work.point}.after")

    event.listen(Session, "before_commit", before)
    event.listen(Session, "after_commit", after)
    return [made_mortal(activity, deaths) for activity in activities]


def made_mortal(activity: Activity, deaths: Deaths) -> Activity:
    @functools.wraps(activity)
    async def run(*given: Any) -> Any:
        name = ".".join([activity.__name__, *(step.action for step in given if isinstance(step, Step))])
        if activity.__name__ in WITHOUT_COMMIT:
            deaths.pass_by(f"{name}.begin")
            result = await activity(*given)
            deaths.pass_by(f"{name}.end")
            return result
        _at_work.set(_Work(name))
        return await activity(*given)

    return run
