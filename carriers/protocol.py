"""What every carrier can be asked, whoever it is, and what may come back.

Errors, so that a caller knows what to do without knowing the carrier:

    CarrierError
        Busy              the same call may succeed later; `retry_after` when the carrier's limit is known.
                          A call whose answer was lost ends here too: it may have had its effect.
        NoData            the carrier knows nothing of it (yet); normal in a parcel's first hours
        Refused           final: the same call will be refused again
            PhoneWanted   the carrier wants other last four digits of the consignee's phone
            AccountFault  our account, key or signature is at fault, or its money is spent: tell the operator
        NotOffered        this carrier has no such call; a person does it
        Unreadable        an answer or a push that is not what was agreed: tell the operator
        BadSignature      a push that does not come from the carrier

Messages carry the carrier's words with digits blotted out; phones and secrets are in no message and no log.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from domain.parcels import Scan


class CarrierError(Exception):
    """`code` is the carrier's own, empty if it gave none."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(f"{code} {masked(text)}".strip())
        self.code = code


class Busy(CarrierError):
    def __init__(self, text: str, code: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(text, code)
        self.retry_after = retry_after


class NoData(CarrierError):
    pass


class Refused(CarrierError):
    pass


class PhoneWanted(Refused):
    pass


class AccountFault(Refused):
    pass


class NotOffered(CarrierError):
    pass


class Unreadable(CarrierError):
    pass


class BadSignature(CarrierError):
    pass


class AccountKind(StrEnum):
    KUAIDI100 = "kuaidi100"
    MANUAL = "manual"


@dataclass(frozen=True)
class Account:
    """One contract with one carrier, or with somebody who speaks for many.

    `min_spacing` is the least time between two questions about the same parcel, `calls_per_minute` the limit
    for all of them together: whoever asks keeps both. `partners` holds, for each company the account books
    with, the fields that company issued (partnerId, partnerKey, …). `push_token` is part of the address the
    carrier pushes to, at least 128 random bits; it and `salt` are all that proves a push.
    """

    code: str
    kind: AccountKind
    min_spacing: timedelta
    calls_per_minute: int
    poll_url: str = ""
    label_url: str = ""
    customer: str = ""
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    salt: str = field(default="", repr=False)
    push_token: str = field(default="", repr=False)
    partners: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    timeout: timedelta = timedelta(seconds=15)

    def __post_init__(self) -> None:
        if self.kind is AccountKind.MANUAL:
            return
        needed = ("poll_url", "label_url", "customer", "key", "secret", "salt", "push_token")
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ValueError(f"carrier account {self.code}: {', '.join(missing)} missing")
        if len(self.push_token) < 22:  # 128 bits in the 64 characters of a URL-safe token
            raise ValueError(f"carrier account {self.code}: push_token is shorter than 128 bits")


@dataclass(frozen=True)
class Party:
    """Who sends or receives; personal data, so never in a message or a log."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    address: str = field(repr=False)


@dataclass(frozen=True)
class Consignment:
    """What is to be carried. `shipment` is our own id: booking it again books nothing new.

    `company` is who carries, in the account's words (shunfeng, zhongtong, …); `product` the service asked of
    it, empty for its usual one. `typed_number` is a waybill number that a person typed, for carriers that
    can't be asked.
    """

    shipment: str
    company: str
    sender: Party
    receiver: Party
    cargo: str
    weight_kg: Decimal
    pieces: int = 1
    product: str = ""
    typed_number: str = ""


@dataclass(frozen=True)
class Waybill:
    """`phone_last4` is of the phone the carrier was given; `reference` its own order number, if any."""

    number: str
    company: str
    phone_last4: str = field(default="", repr=False)
    reference: str = ""


@dataclass(frozen=True)
class Booking:
    """`waybill` is None if the goods travel without a number; `label_url` does not live long."""

    waybill: Waybill | None
    label_url: str = ""


@dataclass(frozen=True)
class Label:
    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True)
class Quote:
    """`price` is in yuan."""

    product: str
    price: Decimal


class Recall(StrEnum):
    """What became of calling a parcel back."""

    ACCEPTED = "accepted"
    TOO_LATE = "too_late"
    BY_HAND = "by_hand"


class Watch(StrEnum):
    """Whether the carrier goes on pushing. GIVEN_UP: it saw no scan for days and waits to be asked again."""

    RUNNING = "running"
    ENDED = "ended"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Push:
    """A verified push: everything the carrier knows of the parcel, as `track` would tell it.

    `key` is the same for a repeated push. `company` differs from the one subscribed to if the carrier found
    the number to be another's; a GIVEN_UP push that names another asks for that one to be subscribed to.
    """

    key: str
    number: str
    company: str
    watch: Watch
    message: str
    scans: tuple[Scan, ...]


class Carrier(Protocol):
    """One account with one carrier. Every call may raise a CarrierError; see the module's tree."""

    @property
    def account(self) -> Account: ...

    @property
    def push_answer(self) -> bytes:
        """The exact JSON body that tells the carrier its push has arrived, with HTTP 200."""
        ...

    async def quote(self, consignment: Consignment) -> list[Quote]:
        """What it would cost, one entry for each product on offer."""
        ...

    async def arrival(self, consignment: Consignment, handed_over_at: datetime) -> datetime:
        """When it would arrive, aware UTC. NoData if the carrier does not say."""
        ...

    async def book(self, consignment: Consignment) -> Booking:
        """Book the shipment, or get the booking it already has: after Busy, call again, within 48 h."""
        ...

    async def label(self, booking: Booking) -> Label:
        """The picture to print. Keep it: the carrier's address for it expires."""
        ...

    async def cancel(self, waybill: Waybill, reason: str) -> Recall:
        """Annul a booking that was not picked up; TOO_LATE if it was. Cancelled twice is cancelled."""
        ...

    async def intercept(self, waybill: Waybill, reason: str) -> Recall:
        """Have a parcel under way brought back; TOO_LATE if it can't be stopped any more."""
        ...

    async def track(self, waybill: Waybill) -> list[Scan]:
        """All scans so far, in no promised order. NoData before the first."""
        ...

    async def subscribe(self, waybill: Waybill, callback: str) -> None:
        """Have the carrier push to the address `callback`, which holds the push token. Twice does no harm."""
        ...

    def parse_push(self, body: bytes, token: str) -> Push:
        """Verify and read a push. A push is a hint: what can't be undone needs a `track` that says the same.

        Raises BadSignature, Unreadable.
        """
        ...

    async def aclose(self) -> None: ...


def masked(text: str) -> str:
    """Carriers quote phones and numbers in their messages; none of them goes further."""
    return re.sub(r"\d{4,}", "…", text)


def phone_last4(phone: str) -> str:
    """The four digits a carrier checks: of a virtual number those after the dash, never an extension's."""
    compact = re.sub(r"\s", "", phone)
    if virtual := re.search(r"1\d{10}-(\d{4})$", compact):
        return virtual[1]
    *number, last = re.findall(r"\d+", compact) or [""]
    extension = bool(number) and (len(last) <= 3 or len("".join(number)) >= 10)
    return "".join(number if extension else [*number, last])[-4:]
