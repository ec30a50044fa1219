"""Reviewing suppliers at regular times (policy 3.1.1, 3.1.3)."""

from collections.abc import Sequence
from datetime import datetime

from temporalio import activity

from activities.alive import alive
from database import expiries, policies, reviews, standings
from database.session import Sessions
from domain.reviews import last_ended
from runtime.settings import Settings


class Reviewing:
    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    @activity.defn
    @alive
    async def review_suppliers(self, now: datetime) -> Sequence[str]:
        """Reviews the newest period that is over by the newest policy, if that was not done.

        All of it is written, or nothing. Returns the corrective actions that are to begin, and those under way whose
        supplier was reviewed as worse, as long as they have not heard of it.
        """
        async with self._sessions.begin() as session:
            time = await policies.timekeeper(session, await policies.newest(session, self._settings.policy))
            period = last_ended(time.today(now), time.policy.review)
            if not await reviews.is_reviewed(session, period):
                await reviews.review(session, period, time, now)
            return [*await standings.unbegun(session), *await standings.worsened(session)]

    @activity.defn
    @alive
    async def tell_of_expiries(self, now: datetime) -> int:
        """Tells once what of suppliers' runs out soon (policy 3.1.1, 3.1.2); returns how many things are new."""
        async with self._sessions.begin() as session:
            time = await policies.timekeeper(session, await policies.newest(session, self._settings.policy))
            return await expiries.tell(session, time, now)
