"""Shifts of work without an end."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities import shifts
from activities.shifts import Shift


@pytest.fixture
def beats(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    monkeypatch.setattr(shifts, "BEAT", 0.05)
    return []


@pytest.fixture
def environment(beats: list[object]) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    return environment


async def rest(seconds: float) -> bool:
    """Whether the shift goes on after a rest."""
    shift = Shift(seconds)
    await shift.rest()
    return shift.lasts


async def test_who_rests_for_long_shows_to_be_alive(environment: ActivityEnvironment, beats: list[object]) -> None:
    assert await environment.run(rest, 0.21)
    assert len(beats) == 4


async def test_a_short_rest_costs_no_sign_of_life(environment: ActivityEnvironment, beats: list[object]) -> None:
    assert await environment.run(rest, 0.04)
    assert beats == []


async def test_nobody_rests_when_the_worker_is_to_stop(environment: ActivityEnvironment) -> None:
    resting = asyncio.ensure_future(environment.run(rest, 60))
    await asyncio.sleep(0.1)
    environment.worker_shutdown()
    async with asyncio.timeout(5):
        assert not await resting


async def test_a_shift_ends(environment: ActivityEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shifts, "SHIFT", timedelta(seconds=0.02))
    assert not await environment.run(rest, 0.04)
