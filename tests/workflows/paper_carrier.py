"""A carrier made of paper."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activities.carriers import Carriers
from carriers.protocol import Booking, Busy, Carrier, Consignment, Label, NoData, Recall, Refused, Waybill


@dataclass
class PaperCarrier:
    """Books everything at once unless told otherwise; what it was asked stands in `asked`.

    While `away` every call fails as if the line were dead, and is worth another try after `patience`.
    """

    refuses: bool = False
    away: bool = False
    patience: timedelta = timedelta(milliseconds=200)
    recall: Recall = Recall.ACCEPTED
    asked: list[str] = field(default_factory=list)

    async def book(self, consignment: Consignment) -> Booking:
        self._hear(f"book {consignment.shipment}")
        if self.refuses:
            raise Refused("out of area", "207")
        number = "SF" + consignment.shipment.removeprefix("RO-").replace("-", "")
        return Booking(Waybill(number, consignment.company, "0001"), "label")

    async def label(self, booking: Booking) -> Label:
        return Label(b"label", "image/png")

    async def arrival(self, consignment: Consignment, handed_over_at: datetime) -> datetime:
        raise NoData("no time for it")

    async def cancel(self, waybill: Waybill, reason: str) -> Recall:
        self._hear(f"cancel {waybill.number}")
        return self.recall

    async def intercept(self, waybill: Waybill, reason: str) -> Recall:
        self._hear(f"intercept {waybill.number}")
        return self.recall

    async def aclose(self) -> None:
        return None

    def _hear(self, question: str) -> None:
        self.asked.append(question)
        if self.away:
            raise Busy("nobody answers", retry_after=self.patience)


class PaperCarriers(Carriers):
    def __init__(self, carrier: Any) -> None:
        super().__init__()
        self.carrier = carrier

    async def of(self, record: Any) -> Carrier:
        carrier: Carrier = self.carrier
        return carrier
