"""Policy versions: entered once, never changed, pinned by name."""

import pytest

from database.policies import enter, load, newest
from database.reference import policies
from database.session import Sessions
from domain.stages import Refusal


async def test_a_new_version_is_for_orders_to_come(sessions: Sessions) -> None:
    standard = next(policy for policy in policies() if policy.name == "standard")
    second = standard.model_copy(update={"version": standard.version + 1, "title": "second"})
    async with sessions.begin() as session:
        assert await enter(session, second, "administrator")
        assert not await enter(session, second, "administrator")
    async with sessions() as session:
        assert await newest(session, "standard") == second
        assert await load(session, "standard", standard.version) == standard


async def test_a_version_never_changes(sessions: Sessions) -> None:
    standard = next(policy for policy in policies() if policy.name == "standard")
    async with sessions.begin() as session:
        with pytest.raises(Refusal, match="take the next"):
            await enter(session, standard.model_copy(update={"title": "changed"}), "administrator")


async def test_a_policy_nobody_entered(sessions: Sessions) -> None:
    async with sessions() as session:
        with pytest.raises(Refusal, match="no policy named nothing"):
            await newest(session, "nothing")
