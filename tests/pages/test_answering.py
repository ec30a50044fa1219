"""The supplier answers a demand on its own page, behind a link that nobody guesses (policy 3.1.3)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from database.reading.documents import events
from database.reading.facts import facts
from database.session import Sessions
from tests.api.test_corrective_actions import proposed
from tests.pages.conftest import Browser
from tests.pages.test_requests import csrf
from tests.pages.test_reviews import FIGURES, HOUSE


async def link(sessions: Sessions, number: str) -> str:
    """Where the link leads that the supplier gets with its notices."""
    async with sessions() as session:
        known = await facts(session, number, 0, HOUSE)
    assert known
    return known.supplier_url.removeprefix(HOUSE)


async def demanded(browser: Browser, sessions: Sessions, supplier: str) -> tuple[str, str]:
    """A suspension in effect: its number, and the supplier's page."""
    number = await proposed(sessions, supplier, FIGURES)
    async with browser("supervisor") as supervisor:
        page = f"/corrective-actions/{number}"
        said = {"csrf": csrf((await supervisor.get(page)).text), "explanation": "three lots in a row", "sure": "yes"}
        assert (await supervisor.post(f"{page}/impose", data=said)).status_code == 303
    return number, await link(sessions, number)


@pytest.mark.clause("3.1.3")
async def test_a_supplier_answers_and_proves_on_its_page(browser: Browser, sessions: Sessions) -> None:
    number, page = await demanded(browser, sessions, "S01")
    until = f"{(datetime.now(UTC) + timedelta(days=9)).astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%dT%H:%M}"
    async with browser(language="en") as supplier, browser("buyer") as buyer:
        read = (await supplier.get(page)).text
        for said in ("What we ask you to put right", "Suspended", "87.5%", "act-answer_demand"):
            assert said in read, said
        assert "three lots in a row" not in read, "what we say to each other"
        answered = {"cause": "a worn die", "measures": "a new die", "done_by": until}
        nameless = await supplier.post(f"{page}/answer_demand", data=answered | {"said_by": ""})
        assert nameless.status_code == 422
        assert "a worn die" in nameless.text
        done = await supplier.post(f"{page}/answer_demand", data=answered | {"said_by": "Feng Li"})
        assert done.status_code == 303, done.text
        read = (await supplier.get(done.headers["location"])).text
        for said in ("We have your answer", "a new die", "act-submit_evidence"):
            assert said in read, said
        nameless = await supplier.post(f"{page}/submit_evidence", data={"evidence": "report 7", "said_by": ""})
        assert nameless.status_code == 422
        handed_in = {"evidence": "report 7", "said_by": "Feng Li"}
        assert (await supplier.post(f"{page}/submit_evidence", data=handed_in)).status_code == 303
        for action in ("verify", "release", "worsen", "dismiss"):
            answer = await supplier.post(f"{page}/{action}", data={"explanation": "x", "sure": "yes"})
            assert answer.status_code in (403, 409), action

        own = f"/corrective-actions/{number}"
        told = (await buyer.get(own)).text
        assert page in told
        for said in ("a worn die", "report 7", "Feng Li"):
            assert said in told, said
        rejected = {"csrf": csrf(told), "explanation": "the report is of another part"}
        assert (await buyer.post(f"{own}/reject_evidence", data=rejected)).status_code == 303
        assert "the report is of another part" in (await supplier.get(page)).text
    async with sessions() as session:
        steps = [(event.action, event.by, event.role) for event in await events(session, number)]
    assert ("answer_demand", "S01", "supplier") in steps
    assert ("submit_evidence", "S01", "supplier") in steps


async def test_the_same_over_the_api_and_nobody_else_gets_in(browser: Browser, sessions: Sessions) -> None:
    _, page = await demanded(browser, sessions, "S02")
    async with browser() as client:
        demand = (await client.get(f"/v1{page}")).json()
        assert (demand["supplier"], demand["stage"], demand["standing"]) == ("S02", "demanded", "suspended")
        assert "proposed" not in demand
        body = {"action": "answer_demand", "cause": "c", "measures": "m", "said_by": "Feng Li",
                "done_by": (datetime.now(UTC) + timedelta(days=9)).isoformat()}  # fmt: skip
        answer = await client.post(f"/v1{page}/decisions", json=body, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 200, answer.text
        again = await client.post(f"/v1{page}/decisions", json=body, headers={"Idempotency-Key": "one"})
        assert again.json() == answer.json()
        other = {"action": "verify", "explanation": "x"}
        assert (
            await client.post(f"/v1{page}/decisions", json=other, headers={"Idempotency-Key": "two"})
        ).status_code == 422
        for wrong in (f"{page}x", "/corrections/nobody-has-this-token-at-all"):
            assert (await client.get(wrong)).status_code == 404
            assert (await client.get(f"/v1{wrong}")).status_code == 404


async def test_what_is_only_proposed_is_not_the_suppliers_to_read(browser: Browser, sessions: Sessions) -> None:
    page = await link(sessions, await proposed(sessions, "S03", FIGURES))
    async with browser(language="en") as supplier:
        read = (await supplier.get(page)).text
        assert "Suspended" not in read
        assert "act-answer_demand" not in read
