"""Replacement orders at every stage, for pages to show: decided through the API's own engine."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from api.auth import Principal, customer
from api.dependencies import House
from api.engine import decide
from api.v1.applications import receive
from database.applications import Application
from database.reading.links import link_of
from database.requests import ask
from database.tables import (
    CorrectiveAction,
    Doubt,
    IncomingMail,
    Invitation,
    MailState,
    ParcelScan,
    PurchaseOrder,
    ReplacementOrder,
    UserAccount,
)
from domain.bidding import Ask
from domain.decisions import DECISIONS
from domain.documents import kind_of
from domain.parcels import Milestone
from domain.stages import Action, Role
from tests.pages.engine import Engine

SOLD_OUT = {"model": "HG-RO600", "lines": [{"part": "RO-PUMP", "quantity": 1}], "fault": "净水器不出水,水泵不转。"}
"""A case whose part is not in stock."""


@dataclass
class Cases:
    """A service centre at work."""

    house: House
    engine: Engine
    users: dict[str, Principal] = field(default_factory=dict)

    async def who(self, code: str) -> Principal:
        if code == "customer":
            return customer("zh")
        if code not in self.users:
            async with self.house.sessions() as session:
                user = await session.get_one(UserAccount, code)
            roles = tuple(map(Role, user.roles))
            self.users[code] = Principal(user.code, user.name, roles, user.service_centre, user.language)
        return self.users[code]

    async def apply(self, **changes: Any) -> str:
        """Enters an application by phone; returns the order's number."""
        said = {
            "customer": {
                "name": "王芳", "phone": "15400000001", "email": "wangfang@example.com", "province": "浙江省",
                "city": "杭州市", "district": "西湖区", "address": "示范新村 3 幢 2 单元 501 室",
            },
            "model": "HG-CXW268",
            "fault": "开机有异响,风力很小,已经三天了。",
            "lines": [{"part": "CXW-MOTOR-200", "quantity": 1}],
        }  # fmt: skip
        async with self.house.sessions() as session:
            applied = await receive(
                self.house,
                session,
                await self.who("agent"),
                Role.SERVICE_AGENT,
                Application.model_validate(said | changes),
                key=uuid4().hex,
                now=datetime.now(UTC),
                new=True,
            )
        return applied.state.number

    async def decide(self, document: str, action: Action, by: str, **content: Any) -> None:
        life = kind_of(document).life
        async with self.house.sessions() as session:
            await decide(
                self.house,
                session,
                await self.who(by),
                life,
                document,
                DECISIONS[action].model_validate(content),
                key=uuid4().hex,
                now=datetime.now(UTC),
            )

    async def quoted(self, **changes: Any) -> str:
        number = await self.apply(**changes)
        lines = changes.get("lines", [{"part": "CXW-MOTOR-200", "quantity": 1}])
        await self.decide(number, Action.QUOTE, "agent", lines=lines, note="客户在家时间:晚上七点以后。")
        return number

    async def audited(self, **changes: Any) -> str:
        number = await self.quoted(**changes)
        await self.decide(number, Action.CONSENT, "customer")
        return number

    async def approved(self, **changes: Any) -> str:
        """Signed: on to dispatch from stock, or to sourcing."""
        number = await self.audited(**changes)
        checks = {"customer_data": True, "fault_and_part": True, "warranty": True, "company_policy": True}
        await self.decide(number, Action.APPROVE, "auditor", **checks)
        return number

    async def in_transit(self, **changes: Any) -> str:
        number = await self.approved(**changes)
        await self.decide(number, Action.PACK, "keeper", carrier="sf")
        await self.engine.book(number, f"SF{uuid4().int % 10**12:012}")
        await self.decide(number, Action.HAND_OVER, "keeper")
        await self._scan(number)
        return number

    async def delivered(self, **changes: Any) -> str:
        number = await self.in_transit(**changes)
        await self.decide(number, Action.DELIVER, "customer")
        return number

    async def visit_booked(self, **changes: Any) -> str:
        number = await self.delivered(**changes)
        starts_at = datetime.now(UTC) + timedelta(days=1, minutes=int(number[-3:]) * 70)
        await self.decide(number, Action.BOOK_APPOINTMENT, "dispatcher", technician="technician", starts_at=starts_at)
        return number

    async def fitted(self, **changes: Any) -> str:
        number = await self.visit_booked(**changes)
        await self.decide(number, Action.REPORT_FITTED, "technician", report="更换电机,试机正常。")
        return number

    async def reworked(self, **changes: Any) -> str:
        number = await self.fitted(**changes)
        await self.decide(number, Action.ANSWER_FAULTY, "customer", problem="还是有异响,比以前小一点。")
        return number

    async def closed(self, **changes: Any) -> str:
        number = await self.fitted(**changes)
        await self.decide(number, Action.ANSWER_WORKS, "customer", satisfaction=5, remark="师傅很专业。")
        return number

    async def wild_mail(self) -> int:
        """A draft of somebody who leaves no spaces anywhere."""
        said = {"key": uuid4().bytes, "digest": b"", "raw": b"", "mailbox": "test", "state": MailState.DRAFT}
        words = {
            "sender": f"{'long' * 30}@example.com",
            "sender_name": "長" * 150,
            "subject": "x" * 500,
            "body": "y" * 900,
        }
        async with self.house.sessions.begin() as session:
            mail = IncomingMail(**said, **words, doubt=Doubt.NO_PRODUCT)
            session.add(mail)
            await session.flush()
            return mail.id

    async def token(self, number: str) -> str:
        async with self.house.sessions() as session:
            return (await session.get_one(ReplacementOrder, number)).tracking_token

    async def link(self, number: str) -> str:
        """What opens a document's page to its supplier."""
        async with self.house.sessions() as session:
            return await link_of(session, number) or ""

    async def request(self) -> str:
        """A request for quotation that waits for bids."""
        question, now = Ask.model_validate({"lines": [{"part": "CXW-MOTOR-200", "quantity": 60}]}), datetime.now(UTC)
        async with self.house.sessions.begin() as session:
            asked = await ask(
                session, question, by="buyer", key=str(uuid4()), now=now, policy=self.house.settings.policy
            )
        return asked.state.number

    async def invitation(self, request: str) -> str:
        """What opens a request to one of the suppliers that were asked."""
        async with self.house.sessions() as session:
            wanted = select(Invitation.token).where(Invitation.request == request).order_by(Invitation.supplier)
            return (await session.scalars(wanted.limit(1))).one()

    async def review(self, correction: str) -> int:
        """The review that a corrective action follows from."""
        async with self.house.sessions() as session:
            return (await session.get_one(CorrectiveAction, correction)).review

    async def purchase_order(self) -> str:
        """The newest purchase order."""
        async with self.house.sessions() as session:
            wanted = select(PurchaseOrder.number).order_by(PurchaseOrder.created_at.desc()).limit(1)
            return (await session.scalars(wanted)).one()

    async def _scan(self, number: str) -> None:
        way = (
            (Milestone.PICKED_UP, "顺丰速运已收取快件", "杭州市"),
            (Milestone.IN_TRANSIT, "快件在杭州转运中心完成分拣", "杭州转运中心"),
            (Milestone.OUT_FOR_DELIVERY, "快件正在派送途中", "杭州市西湖区"),
        )
        async with self.house.sessions.begin() as session:
            order = await session.get_one(ReplacementOrder, number)
            shipment = order.state["shipment"]
            for index, (milestone, text, place) in enumerate(way):
                session.add(
                    ParcelScan(
                        shipment=shipment,
                        key=f"{index}",
                        at=datetime.now(UTC) - timedelta(hours=3 - index),
                        milestone=milestone,
                        trouble=None,
                        in_person=False,
                        code=milestone,
                        text=text,
                        place=place,
                    )
                )
