"""Own vehicle, a line that takes orders by telephone, a waybill number typed by hand: nobody to ask.

What a machine would do elsewhere, people do here; the calls say so and change nothing.
"""

from datetime import datetime
from typing import NoReturn

from carriers.protocol import (
    Account,
    BadSignature,
    Booking,
    Consignment,
    Label,
    NoData,
    NotOffered,
    Push,
    Quote,
    Recall,
    Waybill,
    phone_last4,
)
from domain.parcels import Scan


class Manual:
    """See `Carrier`. Its scans are entered by whoever hears of them."""

    push_answer = b""

    def __init__(self, account: Account) -> None:
        self.account = account

    async def aclose(self) -> None:
        """Nothing is open."""

    async def quote(self, consignment: Consignment) -> list[Quote]:
        return self._nobody("prices")

    async def arrival(self, consignment: Consignment, handed_over_at: datetime) -> datetime:
        return self._nobody("arrival times")

    async def book(self, consignment: Consignment) -> Booking:
        number = consignment.typed_number.strip()
        if not number:
            return Booking(waybill=None)
        return Booking(Waybill(number, consignment.company, phone_last4(consignment.receiver.phone)))

    async def label(self, booking: Booking) -> Label:
        return self._nobody("labels")

    async def cancel(self, waybill: Waybill, reason: str) -> Recall:
        return Recall.BY_HAND

    async def intercept(self, waybill: Waybill, reason: str) -> Recall:
        return Recall.BY_HAND

    async def track(self, waybill: Waybill) -> list[Scan]:
        raise NoData("tracked by hand")

    async def subscribe(self, waybill: Waybill, callback: str) -> None:
        self._nobody("pushes")

    def parse_push(self, body: bytes, token: str) -> Push:
        raise BadSignature("nobody pushes for this account")

    def _nobody(self, what: str) -> NoReturn:
        raise NotOffered(f"carrier account {self.account.code} has no {what}")
