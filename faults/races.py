"""Two people, twenty clients, a person and a clock at the same instant: one of them wins, and nobody twice."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Final

from sqlalchemy import select

from carriers.server.depot import Depot
from database.tables import EventLog
from demonstration import CUSTOMER, Move, View
from faults import world
from faults.cases import CASES, Case, part_of
from faults.habits import APPROVE
from faults.people import Answered, Experience, People, within
from faults.players import OrderPlayer
from faults.stack import Stack
from faults.tally import Difference

CLIENTS: Final = 20
CANCEL: Final = Move("agent", {"action": "cancel", "reason": "customer_wish", "explanation": "客户改变主意"})
REJECT: Final = Move("auditor2", {"action": "reject", "reasons": ["warranty"], "explanation": "超出保修"})
AGAINST_CANCEL: Final = (
    ("returned, corrected, reworked", ("return_for_correction", "correct", "answer_faulty", "send_part")),
    (
        "from the web, with consent",
        ("take", "quote", "consent", "approve", "pack", "hand_over", "book_appointment", "report_fitted"),
    ),
    ("bought, comes in pieces", ("confirm", "receive_goods")),
    ("turned back, sent again", ("receive_back",)),
    ("lost, sent again, paid at the end", ("declare_lost",)),
    ("not fitted, absent, fitted", ("report_not_fitted", "send_technician")),
    ("inspected, a fault", ("send_for_inspection", "fault_found")),
    ("bought, passed on by the buyer", ("pass_on",)),
    ("unreachable", ("record_attempt",)),
)
"""Which decisions are raced by a cancellation, each in an order of its own."""


@dataclass
class Races:
    """What came of them: how often which side won, and what went wrong."""

    orders: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    answered: list[Answered] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def wrong(self, kind: str, what: str) -> None:
        self.differences.append(Difference(kind, f"races: {what}"))

    def summary(self) -> str:
        return "races: " + ", ".join(f"{count} × {what}" for what, count in sorted(self.outcomes.items()))


class _Ring:
    """Where races are held."""

    def __init__(self, stack: Stack, people: People, depot: Depot, races: Races, first_place: int) -> None:
        self._stack = stack
        self._people = people
        self._depot = depot
        self._places = iter(range(first_place, first_place + 1000))
        self.races = races
        self.players: list[OrderPlayer] = []

    async def player(self, case: Case) -> OrderPlayer:
        place = next(self._places)
        part = part_of("races", place) if case.own_part else case.part
        await world.enter(self._stack.sessions, [part] if case.own_part else [], [])
        player = OrderPlayer(self._people, self._depot, replace(case, place=place, part=part), f"faults-races-{place}")
        self.players.append(player)
        return player

    async def actions(self, number: str) -> list[str]:
        async with self._stack.sessions() as session:
            rows = await session.scalars(
                select(EventLog.action).where(EventLog.document == number).order_by(EventLog.seq)
            )
            return list(rows)

    async def one_application(self) -> None:
        """Twenty clients apply with one key: one order, and all are told its number."""
        player = await self.player(_case("from stock"))
        request = {
            "params": {"policy": player.case.policy, "new": True},
            "json": player.case.application,
            "headers": {"Idempotency-Key": "faults-twenty"},
        }
        asked = (self._people.ask("agent", "POST", "/v1/applications", **request) for _ in range(CLIENTS))
        answers = await asyncio.gather(*asked)
        numbers = {answer.json().get("number") for answer in answers}
        if len(numbers) != 1 or sum(answer.status_code == 201 for answer in answers) > 1:
            self.races.wrong("doubled", f"{CLIENTS} applications with one key made {numbers}")
        self.races.outcomes["application by twenty clients"] += 1
        player.number = numbers.pop()
        player.tracking = answers[0].json()["tracking_url"].rpartition("/")[2]

    async def one_key(self) -> None:
        """Twenty clients sign with one key: one signature, and all are told the same."""
        player = await self.player(_case("from stock"))
        order = await _reaching(player, "approve")
        answers = await asyncio.gather(*(player.act(order, APPROVE) for _ in range(CLIENTS)))
        said = {(answer.status_code, answer.json().get("seq")) for answer in answers}
        if len(said) != 1 or (await self.actions(player.number)).count("approve") != 1:
            self.races.wrong("doubled", f"{CLIENTS} decisions with one key were told {said}")
        self.races.outcomes["decision by twenty clients"] += 1

    async def two_auditors(self) -> None:
        """One signs, one rejects: one of them is told that it moved on. Nobody objects, and soon no longer may."""
        player = await self.player(replace(_case("from stock"), policy="faults-objection"))
        order = await _reaching(player, "approve")
        answers = await asyncio.gather(player.act(order, APPROVE), player.act(order, REJECT))
        won = [answer.is_success for answer in answers]
        if sum(won) != 1:
            self.races.wrong("doubled", f"{player.number}: approve and reject were answered {won}")
        self.races.outcomes["signed before rejected" if won[0] else "rejected before signed"] += 1

    async def against_alarm(self, random: Random) -> None:
        """The customer consents at the very instant at which the quotation lapses."""
        player = await self.player(_case("customer never answers"))
        await player.apply()
        order = await player.play_until(lambda order: bool(order["stage"] == "quoted"))
        lapses = next(alarm["at"] for alarm in await self._alarms(player.number) if alarm["action"] == "lapse")
        left = datetime.fromisoformat(lapses) - datetime.now(UTC)
        await asyncio.sleep(max(0.0, left.total_seconds() + random.uniform(-0.1, 0.15)))
        answer = await player.act(order, Move(CUSTOMER, {"action": "consent"}))
        actions = await self.actions(player.number)
        if answer.is_success != ("consent" in actions) or ("consent" in actions and "lapse" in actions):
            self.races.wrong("doubled", f"{player.number}: consent told {answer.status_code}, on record {actions}")
        self.races.outcomes["consent before lapse" if answer.is_success else "lapse before consent"] += 1

    async def _alarms(self, number: str) -> list[dict[str, str]]:
        async with self._stack.sessions() as session:
            state = await session.scalar(
                select(EventLog.state).where(EventLog.document == number).order_by(EventLog.seq.desc()).limit(1)
            )
        return list(state["wait"]["alarms"]) if state else []

    async def against_cancel(self, title: str, action: str) -> None:
        """Somebody does their work while the order is cancelled."""
        player = await self.player(_case(title))
        order = await _reaching(player, action)
        move = player.case.next_move(order)
        if move is None:
            self.races.outcomes[f"{action} by the carrier itself"] += 1
            return
        answers = await asyncio.gather(player.act(order, move), player.act(order, CANCEL))
        won = [answer.is_success for answer in answers]
        if not any(won):
            self.races.wrong("stuck", f"{player.number}: neither {action} nor cancel was taken")
        both = "both" if all(won) else "only the decision" if won[0] else "only the cancellation"
        self.races.outcomes[f"cancelled against a decision, {both}"] += 1


async def race(stack: Stack, seed: int, alarms: int, first_place: int, patience: float) -> Races:
    """Holds all races, then lets every order go on to its end."""
    races, random = Races(), Random(seed)
    depot = Depot(stack.parcels)
    async with AsyncExitStack() as leaving:
        people = People(stack, leaving, Experience())
        for who in ("agent", "auditor", "auditor2", CUSTOMER):
            await people.of(who)
        ring = _Ring(stack, people, depot, races, first_place)
        await within(
            patience,
            ring.one_application(),
            ring.one_key(),
            ring.two_auditors(),
            *(ring.against_alarm(random) for _ in range(alarms)),
            *(ring.against_cancel(title, action) for title, actions in AGAINST_CANCEL for action in actions),
        )
        await within(patience, *(player.play_until(player.over) for player in ring.players if player.number))
        for each in people.experience.wrong:
            races.wrong("lost", f"wrong answer: {each}")
    depot.close()
    for player in ring.players:
        races.orders += 1
        races.answered += player.answered
        if not player.over_at_last:
            races.wrong("stuck", f"{player.number} {player.case.title} stands at {player.stage}")
    return races


def _case(title: str) -> Case:
    return next(case for case in CASES if case.title == title)


async def _reaching(player: OrderPlayer, action: str) -> View:
    """The order when somebody is about to do this, or at its end, if the carrier did it before."""
    await player.apply()

    def about_to(order: View) -> bool:
        move = player.case.next_move(order)
        return player.over(order) or bool(move and move.decision["action"] == action)

    return await player.play_until(about_to)
