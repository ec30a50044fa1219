"""The pieces of a run of faults that can be wrong without anybody noticing."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import AsyncMock

import pytest

from activities.committing import Committing
from carriers.server.depot import SCRIPTS
from domain.correcting import CORRECTIVE
from domain.requests import REQUEST
from domain.stages import ENDS
from domain.tasks import TASK
from domain.waiting import Clock
from faults import world
from faults.cases import CARRIER_DELIVERS, CASES, cases
from faults.deaths import Deaths, made_mortal
from faults.house_cases import HOUSE_CASES, house_cases
from faults.races import AGAINST_CANCEL
from faults.stack import PARTS
from faults.storm import EVERYTHING, Storm
from faults.tally import Difference, compare


def test_the_same_traces_differ_in_nothing() -> None:
    assert compare("order", Counter({"a": 2}), Counter({"a": 2})) == []


def test_less_is_lost_and_more_is_doubled() -> None:
    expected, found = Counter({"waybill": 1, "signature": 1}), Counter({"waybill": 2})
    assert compare("order", expected, found) == [
        Difference("lost", "order: 1 × signature"),
        Difference("doubled", "order: 1 × waybill"),
    ]


def test_every_case_can_be_told_apart_and_ends() -> None:
    assert len({case.title for case in CASES}) == len(CASES)
    assert {case.ending for case in CASES} == {str(end) for end in ENDS}


def test_every_case_names_what_there_is() -> None:
    policies = {policy.name for policy in world.all_policies()}
    assert {case.policy for case in CASES} == policies
    assert {way for case in CASES for way in case.parcels} | {CARRIER_DELIVERS} <= set(SCRIPTS)
    assert {title for title, _ in AGAINST_CANCEL} <= {case.title for case in CASES}


def test_every_case_of_the_house_can_be_told_apart() -> None:
    assert len({case.title for case in HOUSE_CASES}) == len(HOUSE_CASES)
    codes = [case.code for name in ("calm", "storm") for case in house_cases(name, 2, 1)]
    assert len(set(codes)) == len(codes) == 4 * len(HOUSE_CASES)


def test_every_kind_of_document_is_played_to_every_end_it_has() -> None:
    played = {stage for case in HOUSE_CASES for stage in case.ending.split()}
    assert played >= {str(end) for kind in (TASK, CORRECTIVE, REQUEST) for end in kind.ends}


def test_a_storm_hits_every_part_before_any_is_hit_again() -> None:
    nobody: Any = None
    storm = Storm(nobody, Random(1), print)
    drawn = [storm.draw() for _ in range(len(EVERYTHING))]
    assert Counter(drawn) == Counter(EVERYTHING)
    assert {part for parts in drawn if len(parts) == 1 for part in parts} == set(PARTS)


async def test_a_storm_spares_nothing_and_says_what_it_did_not_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def runs(self, *parts: str) -> bool:
            return "mail" not in parts or len(parts) > 1

        def kill(self, *parts: str) -> None: ...

        async def frozen(self, seconds: float, parts: Sequence[str]) -> None: ...

    nobody: Any = Nobody()
    storm = Storm(nobody, Random(1), lambda said: None)
    monkeypatch.setattr(asyncio, "sleep", AsyncMock())
    await storm.rage(2 * len(EVERYTHING) - 2)
    assert storm.spared == ["mail frozen", "mail killed"]
    assert {storm.hits[f"{part} {how}"] for part in ("worker", "api") for how in ("killed", "frozen")} == {2}


def test_orders_that_buy_have_a_part_of_their_own() -> None:
    parts = [case.part for name in ("calm", "storm") for case in cases(name, 80, 1) if case.own_part]
    assert len(set(parts)) == len(parts)


@pytest.mark.parametrize("name", world.HASTY)
def test_only_the_hasty_clock_ends_soon(name: str) -> None:
    policies = {policy.name: policy for policy in world.all_policies()}
    hasty, patient = policies[name], policies[world.POLICY]
    assert {clock for clock in Clock if hasty.clocks[clock] != patient.clocks[clock]} == {world.HASTY[name]}


def test_a_point_of_death_is_met_once(tmp_path: Path) -> None:
    Deaths.plan(tmp_path / "deaths", seed=1, share=100)
    code = "import sys, pathlib; from faults.deaths import Deaths; Deaths(pathlib.Path(sys.argv[1])).pass_by('here')"
    codes = [_exit_code(code, str(tmp_path / "deaths")) for _ in range(2)]
    assert codes == [9, 0]
    assert Deaths.met(tmp_path / "deaths") == ["here"]


def test_the_seed_draws_the_points(tmp_path: Path) -> None:
    drawn = []
    for seed in (1, 2):
        Deaths.plan(tmp_path / str(seed), seed, share=30)
        deaths = Deaths(tmp_path / str(seed))
        drawn.append({point for point in range(100) if deaths.drawn(str(point))})
    assert 15 < len(drawn[0]) < 45
    assert drawn[0] != drawn[1]


def _exit_code(code: str, *given: Any) -> int:
    return os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code, *given])


def test_activities_keep_their_names_when_made_mortal(tmp_path: Path) -> None:
    Deaths.plan(tmp_path / "deaths", seed=1, share=0)
    activity = made_mortal(Committing.commit_order, Deaths(tmp_path / "deaths"))
    assert vars(activity)["__temporal_activity_definition"].name == "commit_order"
