"""Signs of life, for as long as an activity runs."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from activities.alive import alive


@activity.defn
@alive
async def take(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "done"


@pytest.fixture
def beats() -> list[object]:
    return []


def listening(silence: timedelta | None, beats: list[object]) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_timeout=silence)
    environment.on_heartbeat = lambda *details: beats.append(details)
    return environment


async def test_beats_while_it_runs_and_not_after(beats: list[object]) -> None:
    assert await listening(timedelta(seconds=0.06), beats).run(take, 0.3) == "done"
    heard = len(beats)
    assert heard >= 2
    await asyncio.sleep(0.1)
    assert len(beats) == heard


async def test_what_is_soon_done_never_beats(beats: list[object]) -> None:
    assert await listening(timedelta(seconds=5), beats).run(take, 0.01) == "done"
    assert beats == []


async def test_nobody_listens_to_a_commit_inside_an_update(beats: list[object]) -> None:
    assert await listening(None, beats).run(take, 0.1) == "done"
    assert beats == []


async def test_its_failure_is_told_as_it_was(beats: list[object]) -> None:
    @activity.defn
    @alive
    async def fails() -> None:
        raise ValueError("the carrier's own")

    with pytest.raises(ValueError, match="the carrier's own"):
        await listening(timedelta(seconds=5), beats).run(fails)
