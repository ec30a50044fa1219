"""Reviewing suppliers at regular times (policy 3.1.1, 3.1.3)."""

from collections.abc import Sequence
from datetime import datetime

from temporalio import activity

from database import policies, reviews
from database.session import Sessions
from domain.reviews import last_ended
from runtime.settings import Settings


class Reviewing:
    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    @activity.defn
    async def review_suppliers(self, now: datetime) -> Sequence[str]:
        """Reviews the newest period that is over by the newest policy, if that was not done.

        Returns the corrective actions that begin; all of it is written, or nothing.
        """
        async with self._sessions.begin() as session:
            time = await policies.timekeeper(session, await policies.newest(session, self._settings.policy))
            period = last_ended(time.today(now), time.policy.review)
            if await reviews.is_reviewed(session, period):
                return ()
            return await reviews.review(session, period, time, now)
