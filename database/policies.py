"""Policy versions as they stand in the database, and the clocks they start."""

from collections.abc import Mapping
from datetime import date
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import PolicyVersion, WorkingDayOverride
from domain.policy import Policy, Timekeeper
from domain.stages import Refusal
from domain.working_time import SpedUp

_versions: WeakKeyDictionary[Engine | Connection, dict[tuple[str, int], Policy]] = WeakKeyDictionary()
"""A version never changes once entered, so each is read once from a database."""


async def newest(session: AsyncSession, name: str) -> Policy:
    """The version that new orders pin. Raises Refusal `unknown_policy`."""
    version = await session.scalar(
        select(PolicyVersion.version).where(PolicyVersion.name == name).order_by(PolicyVersion.version.desc()).limit(1)
    )
    if version is None:
        raise Refusal("unknown_policy", f"there is no policy named {name}")
    return await load(session, name, version)


async def load(session: AsyncSession, name: str, version: int) -> Policy:
    known = _versions.setdefault(session.get_bind(), {})
    if (name, version) not in known:
        row = await session.get_one(PolicyVersion, (name, version))
        known[name, version] = Policy.model_validate(row.content)
    return known[name, version]


async def enter(session: AsyncSession, policy: Policy, by: str) -> bool:
    """Enters a version for the orders to come; running ones keep theirs. False if it stood there already.

    Raises Refusal `version_taken` if the version stands there with another content: a version never changes.
    """
    content = policy.model_dump(mode="json")
    row = await session.get(PolicyVersion, (policy.name, policy.version))
    if row is None:
        session.add(PolicyVersion(name=policy.name, version=policy.version, content=content, entered_by=by))
        return True
    if Policy.model_validate(row.content) != policy:
        raise Refusal("version_taken", f"version {policy.version} of {policy.name} says something else; take the next")
    return False


async def timekeeper(session: AsyncSession, policy: Policy) -> Timekeeper:
    """Starts this policy's clocks on the calendar as the company has it now."""
    if isinstance(policy.calendar, SpedUp):
        return Timekeeper(policy, {})
    return on_calendar(policy, await session.scalar(select(OWN_DAYS)))


OWN_DAYS: Final = select(func.jsonb_object_agg(WorkingDayOverride.day, WorkingDayOverride.worked)).scalar_subquery()
"""The company's own calendar as one value, for a query that brings other things along."""


def on_calendar(policy: Policy, own_days: Mapping[str, bool] | None) -> Timekeeper:
    """Starts this policy's clocks on a calendar that was read as OWN_DAYS."""
    return Timekeeper(policy, {date.fromisoformat(day): worked for day, worked in (own_days or {}).items()})
