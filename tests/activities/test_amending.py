"""Customer and product put right while the case is open; whose data that may change (policy 2.1.2, 2.3.1, 2.3.2)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from database import applications
from database.applications import Application
from database.session import Sessions
from database.tables import Customer, ReplacementOrder
from domain.stages import Action, Role, Stage
from tests.activities.paper import PaperHouse
from tests.workflows.documents import Declined, Order

AGENT = Role.SERVICE_AGENT
SAID: Mapping[str, Any] = {"name": "沈一", "phone": "154 0000 0901", "address": "示范路 1 号"}


async def amend(order: Order, **said: Any) -> None:
    await order.decide(Action.AMEND, AGENT, **said)


async def customer(house: PaperHouse, order: Order) -> Customer:
    [found] = await house.all(Customer, Customer.id == (await order.row()).customer)
    return found


@pytest.mark.clause("2.1.2")
async def test_what_was_noted_wrong_is_put_right(paper: PaperHouse) -> None:
    order = await paper.order()
    await amend(
        order, address="示范路 5 号", phone="+86 154-0000-0902", serial="CXW268-001001", fault_code="motion.noise"
    )
    row, known = await order.row(), await customer(paper, order)
    assert (known.address, known.phone) == ("示范路 5 号", "15400000902")
    assert (row.serial, row.fault_code, row.stage) == ("CXW268-001001", "motion.noise", Stage.TRIAGE)
    assert "15400000902" in row.search_text
    details = (await order.last(Action.AMEND)).details
    assert details == {"amended": ["phone", "address", "serial", "fault_code"]}


async def test_a_registered_number_says_which_model_it_is(paper: PaperHouse) -> None:
    order = await paper.order()
    await amend(order, serial="CXW300T-001038", model="HG-CXW268")
    assert (await order.row()).model == "HG-CXW300T"


@pytest.mark.parametrize(
    ("said", "code"),
    [({}, "nothing_amended"), ({"model": "HG-NONE"}, "unknown_model"), ({"fault_code": "no.such"}, "unknown_fault")],
)
async def test_what_is_no_news_or_not_known_is_refused(paper: PaperHouse, said: dict[str, Any], code: str) -> None:
    order = await paper.order()
    with pytest.raises(Declined, match=code):
        await amend(order, **said)


async def test_nothing_is_put_right_behind_a_label(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.DISPATCH)
    with pytest.raises(Declined, match="stage_moved_on"):
        await amend(order, address="示范路 5 号")


@pytest.mark.clause("2.3.2")
async def test_where_the_parts_go_is_signed_for(paper: PaperHouse) -> None:
    """Amended after the signature: when the parts come in, the order goes to the audit and says what is different."""
    await paper.stock_up(paper.part, 0)
    order = await (await paper.order()).to(Stage.SOURCING)
    await amend(order, address="别处 9 号")
    [purchase] = await order.purchases()
    await purchase.confirm()
    await purchase.receive(1)
    assert await order.stage() is Stage.AUDIT
    assert (await order.last(Action.RESTOCK)).details["unsigned"] == ["recipient"]
    await order.approve()
    assert await order.stage() is Stage.DISPATCH


async def test_another_order_of_theirs_stays_as_it_was_signed(paper: PaperHouse) -> None:
    first = await (await paper.order()).to(Stage.DISPATCH)
    second = await paper.order()
    before = (await customer(paper, first)).address
    await paper.change(ReplacementOrder, second.number, customer=(await first.row()).customer)
    await amend(second, address="别处 9 号")
    assert (await customer(paper, first)).address == before
    assert (await customer(paper, second)).address == "别处 9 号"
    await first.pack()


# --- what an application changes --------------------------------------------------------------------------


async def apply(sessions: Sessions, role: Role, key: str, **changes: Any) -> Customer:
    """The customer of the order that it makes."""
    application = Application.model_validate({"customer": {**SAID, **changes}, "fault": "异响"})
    by = "agent" if role is AGENT else "web"
    async with sessions.begin() as session:
        applied = await applications.apply(
            session, application, by=by, role=role, key=key, now=datetime.now(UTC), policy="standard"
        )
        order = await session.get_one(ReplacementOrder, applied.state.number)
        return await session.get_one(Customer, order.customer)


async def test_a_stranger_under_somebodys_name_changes_nothing_of_theirs(sessions: Sessions) -> None:
    known = await apply(sessions, AGENT, "1", email="shen@example.com")
    thief = await apply(sessions, Role.CUSTOMER, "2", email="thief@example.com", address="别处 9 号")
    assert thief.id != known.id
    async with sessions() as session:
        kept = await session.get_one(Customer, known.id)
        assert (kept.email, kept.address) == ("shen@example.com", SAID["address"])


async def test_who_says_nothing_new_is_the_same_customer_however_the_number_is_written(sessions: Sessions) -> None:
    known = await apply(sessions, AGENT, "1", email="shen@example.com")
    again = await apply(sessions, Role.CUSTOMER, "2", phone="154-0000-0901")
    assert again.id == known.id
    assert again.phone == "15400000901"


async def test_what_an_agent_hears_anew_is_for_the_new_order(sessions: Sessions) -> None:
    first = await apply(sessions, AGENT, "1")
    moved = await apply(sessions, AGENT, "2", address="新居 2 号")
    assert (first.id != moved.id, moved.address) == (True, "新居 2 号")
