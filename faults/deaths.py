"""Where a worker dies: right before and right after the commit of every activity, and every statement that is a
transaction of its own, once each.

Activities that change nothing of ours in PostgreSQL, or not always, die before they begin and after they end as well.
"""

import functools
import json
import os
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from domain.messages import Step

WITHOUT_COMMIT: Final = frozenset({
    "recall_parcel", "tell_orders", "tell_purchase_orders", "hold_purchase_orders", "compare", "serve_waiting",
})  # fmt: skip
ELSEWHERE: Final = frozenset({"read_mailbox"})
"""There is no mailbox in a run; tests/activities/test_mailbox.py kills who reads one."""
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

    @staticmethod
    def outlived(folder: Path, activities: Iterable[Activity]) -> list[str]:
        """The activities in which no worker died."""
        died = {point.partition(".")[0] for point in Deaths.met(folder)}
        return sorted({activity.__name__ for activity in activities} - died - ELSEWHERE)

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
    alone: dict[str, int] = field(default_factory=dict)

    @property
    def point(self) -> str:
        number = min(self.commits, COMMITS_TOLD_APART)
        return f"{self.name}.commit" if number == 1 else f"{self.name}.commit-{number}"

    def statement(self, text: str) -> str:
        """The point of a statement that is a transaction of its own; each has one."""
        number = self.alone.setdefault(text, len(self.alone) + 1)
        return f"{self.name}.statement-{min(number, COMMITS_TOLD_APART)}"


def mortal(activities: Iterable[Activity], deaths: Deaths) -> list[Activity]:
    """The same activities; the process dies at each of their points once."""

    def before(session: Session) -> None:
        if work := _at_work.get():
            work.commits += 1
            deaths.pass_by(f"{work.point}.before")

    def after(session: Session) -> None:
        if work := _at_work.get():
            deaths.pass_by(f"{work.point}.after")

    def before_statement(connection: Connection, _: object, statement: str, *__: object) -> None:
        if (work := _at_work.get()) and _is_alone(connection):
            deaths.pass_by(f"{work.statement(statement)}.before")

    def after_statement(connection: Connection, _: object, statement: str, *__: object) -> None:
        if (work := _at_work.get()) and _is_alone(connection):
            deaths.pass_by(f"{work.statement(statement)}.after")

    event.listen(Engine, "before_cursor_execute", before_statement)
    event.listen(Engine, "after_cursor_execute", after_statement)
    event.listen(Session, "before_commit", before)
    event.listen(Session, "after_commit", after)
    return [made_mortal(activity, deaths) for activity in activities]


def _is_alone(connection: Connection) -> bool:
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


def made_mortal(activity: Activity, deaths: Deaths) -> Activity:
    @functools.wraps(activity)
    async def run(*given: Any) -> Any:
        name = ".".join([activity.__name__, *(step.action for step in given if isinstance(step, Step))])
        ends_too = activity.__name__ in WITHOUT_COMMIT
        if ends_too:
            deaths.pass_by(f"{name}.begin")
        _at_work.set(_Work(name))
        result = await activity(*given)
        if ends_too:
            deaths.pass_by(f"{name}.end")
        return result

    return run
