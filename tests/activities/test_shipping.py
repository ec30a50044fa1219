"""Booking a parcel and calling one back: a lost answer is looked up, never booked again (policy 5.2)."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.shipping import Shipping
from carriers.protocol import Booking, Busy, Consignment, NotOffered, Recall, Refused, Unreadable, Waybill
from database.tables import Customer, Parcel, ShipmentState
from domain.stages import Stage
from tests.activities.paper import PaperHouse
from tests.workflows.documents import Order
from tests.workflows.paper_carrier import PaperCarrier, PaperCarriers


@dataclass
class Forgetful(PaperCarrier):
    """Raises each of `errors` in turn after doing what it was asked, as if its answer were lost on the way."""

    errors: list[Exception] = field(default_factory=list)
    bookings: dict[str, Consignment] = field(default_factory=dict)

    async def book(self, consignment: Consignment) -> Booking:
        self.bookings.setdefault(consignment.shipment, consignment)
        booking = await super().book(consignment)
        self._lose()
        return booking

    async def cancel(self, waybill: Waybill, reason: str) -> Recall:
        self._lose()
        return await super().cancel(waybill, reason)

    async def intercept(self, waybill: Waybill, reason: str) -> Recall:
        self._lose()
        return await super().intercept(waybill, reason)

    def _lose(self) -> None:
        if self.errors:
            raise self.errors.pop(0)


async def packed(paper: PaperHouse) -> tuple[str, Forgetful, Shipping]:
    """A shipment waiting for its label, its carrier, and the activities that talk to it."""
    order = await (await paper.order()).to(Stage.DISPATCH, (paper.part, 2), (paper.other_part, 1))
    carrier = Forgetful()
    return (await order.shipment()).id, carrier, Shipping(paper.sessions, PaperCarriers(carrier))


async def run(activity: Any, *arguments: Any) -> Any:
    return await ActivityEnvironment().run(activity, *arguments)


async def test_a_booking_names_who_what_and_where(paper: PaperHouse) -> None:
    shipment, carrier, shipping = await packed(paper)
    assert await run(shipping.book_parcel, shipment) is True
    asked = carrier.bookings[shipment]
    customer = (await paper.all(Customer, Customer.name == "测试客户"))[0]
    assert (asked.receiver.name, asked.receiver.phone) == (customer.name, customer.phone)
    assert asked.receiver.address == "杭州市测试路 1 号"
    assert (asked.sender.name, asked.company) == ("杭州备件库", "shunfeng")
    assert asked.cargo == "风机电容×1、风机电机 200 瓦×2"
    [parcel] = await paper.all(Parcel)
    assert (parcel.label, parcel.label_type, parcel.milestone) == (b"label", "image/png", "created")
    assert parcel.next_look_at is None, "it is watched from the step that records the booking"


async def test_what_is_booked_is_not_booked_again(paper: PaperHouse) -> None:
    shipment, carrier, shipping = await packed(paper)
    for _ in range(2):
        assert await run(shipping.book_parcel, shipment) is True
    assert carrier.asked == [f"book {shipment}"]
    assert len(await paper.all(Parcel)) == 1


async def test_a_lost_answer_is_the_same_booking_again(paper: PaperHouse) -> None:
    shipment, carrier, shipping = await packed(paper)
    carrier.errors = [Busy("timed out")]
    with pytest.raises(ApplicationError) as failed:
        await run(shipping.book_parcel, shipment)
    assert (failed.value.type, failed.value.non_retryable) == ("Busy", False)
    assert await run(shipping.book_parcel, shipment) is True
    assert carrier.asked == [f"book {shipment}"] * 2, "under the same id, by which the carrier knows it"
    assert len(await paper.all(Parcel)) == 1


async def test_the_carriers_own_pace_is_kept(paper: PaperHouse) -> None:
    shipment, carrier, shipping = await packed(paper)
    carrier.errors = [Busy("too fast", "429", timedelta(minutes=3)), Unreadable("what?")]
    delays = []
    for _ in range(2):
        with pytest.raises(ApplicationError) as failed:
            await run(shipping.book_parcel, shipment)
        delays.append(failed.value.next_retry_delay)
    assert delays == [timedelta(minutes=3), timedelta(seconds=15)]


async def test_a_refusal_is_an_answer(paper: PaperHouse) -> None:
    shipment, carrier, shipping = await packed(paper)
    carrier.refuses = True
    assert await run(shipping.book_parcel, shipment) is False
    assert await paper.all(Parcel) == []


async def test_errors_name_nobody(paper: PaperHouse) -> None:
    """They travel into the engine's history."""
    shipment, carrier, shipping = await packed(paper)
    carrier.errors = [Busy("call 13800005678 about it")]
    with pytest.raises(ApplicationError) as failed:
        await run(shipping.book_parcel, shipment)
    assert "138" not in str(failed.value)
    assert failed.value.__cause__ is None


async def shipped(paper: PaperHouse, state: ShipmentState) -> tuple[Order, Forgetful, Shipping]:
    order = await (await paper.order()).to(Stage.DISPATCH)
    await order.pack()
    if state is ShipmentState.HANDED_OVER:
        await order.hand_over()
    carrier = Forgetful()
    return order, carrier, Shipping(paper.sessions, PaperCarriers(carrier))


@pytest.mark.parametrize(
    ("state", "call"), [(ShipmentState.BOOKED, "cancel"), (ShipmentState.HANDED_OVER, "intercept")]
)
@pytest.mark.parametrize(
    ("error", "answer"),
    [(None, Recall.ACCEPTED), (Refused("too late"), Recall.TOO_LATE), (NotOffered("no such call"), Recall.BY_HAND)],
)
async def test_a_parcel_is_annulled_before_it_is_fetched_and_brought_back_after(
    paper: PaperHouse, state: ShipmentState, call: str, error: Exception | None, answer: Recall
) -> None:
    order, carrier, shipping = await shipped(paper, state)
    carrier.errors = [error] if error else []
    shipment = await order.shipment()
    assert await run(shipping.recall_parcel, shipment.id) == answer
    assert carrier.asked == ([] if error else [f"{call} {shipment.waybill}"])


async def test_recalled_twice_is_recalled(paper: PaperHouse) -> None:
    order, carrier, shipping = await shipped(paper, ShipmentState.BOOKED)
    shipment = (await order.shipment()).id
    carrier.errors = [Busy("timed out")]
    with pytest.raises(ApplicationError):
        await run(shipping.recall_parcel, shipment)
    assert await run(shipping.recall_parcel, shipment) == await run(shipping.recall_parcel, shipment)


async def test_what_was_never_booked_is_left_to_people(paper: PaperHouse) -> None:
    shipment, carrier, shipping = await packed(paper)
    assert await run(shipping.recall_parcel, shipment) == Recall.BY_HAND
    assert carrier.asked == []
