"""Summing up what purchasing and keeping parts costs (policy 3.3.2)."""

from collections.abc import Sequence
from datetime import date, datetime

from temporalio import activity

from activities.alive import alive
from database import costs, policies
from database.session import Sessions
from runtime.settings import Settings


class Costing:
    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    @activity.defn
    @alive
    async def sum_up_costs(self, now: datetime) -> Sequence[date]:
        """Computes the months that may have changed by `now`, and says which; all of them or none."""
        async with self._sessions.begin() as session:
            time = await policies.timekeeper(session, await policies.newest(session, self._settings.policy))
            return await costs.roll_up(session, time, now)
