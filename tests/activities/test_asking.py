"""Notices to suppliers that were asked for a quotation: each with its own link, each only what concerns it."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from activities.sending import Sender, Ways
from database.requests import ask
from database.session import Sessions
from database.tables import Invitation, Message, MessageChannel, Outbox
from domain.bidding import Ask
from domain.stages import Role
from runtime.settings import Settings

PART = "CXW-MOTOR-200"


async def written(sessions: Sessions, template: str) -> Sequence[Message]:
    """What an outbox row of the request becomes."""
    settings = Settings(public_url="https://service.example.com", mail_key=SecretStr("a key"))
    ways = Ways(settings)
    while await Sender(sessions, settings, ways).address():
        pass
    await ways.aclose()
    async with sessions() as session:
        rows = select(Message).join(Outbox, Outbox.id == Message.outbox).where(Outbox.template == template)
        return (await session.scalars(rows.order_by(Message.recipient))).all()


async def asked(sessions: Sessions) -> str:
    question = Ask.model_validate({"lines": [{"part": PART, "quantity": 100}]})
    async with sessions.begin() as session:
        found = await ask(session, question, by="buyer", key=str(uuid4()), now=datetime.now(UTC), policy="standard")
    return found.state.number


@pytest.mark.clause("3.3.1")
async def test_every_supplier_is_asked_in_both_languages_behind_a_link_of_its_own(sessions: Sessions) -> None:
    number = await asked(sessions)
    mails = await written(sessions, "ask")
    async with sessions() as session:
        invited = (await session.scalars(select(Invitation).where(Invitation.request == number))).all()
    assert len(mails) == len(invited) == 4
    links = {re.findall(r"https://service\.example\.com/bids/(\S+)", mail.body)[0] for mail in mails}
    assert links == {one.token for one in invited}
    assert all(len(token) >= 43 for token in links)
    for mail in mails:
        assert mail.channel is MessageChannel.MAIL
        assert mail.subject == "询价，请在截止前报价 / Request for quotation"
        assert f"{PART} 风机电机 200 瓦 × 100" in mail.body
        assert f"{PART} Fan motor 200 W × 100" in mail.body
        assert "请直接回复" not in mail.body


async def test_only_the_silent_are_reminded(sessions: Sessions) -> None:
    number = await asked(sessions)
    async with sessions.begin() as session:
        for supplier, answer in (("S01", {"bid_at": datetime.now(UTC)}), ("S03", {"declined_at": datetime.now(UTC)})):
            await session.execute(
                update(Invitation).where(Invitation.request == number, Invitation.supplier == supplier).values(answer)
            )
        session.add(
            Outbox(
                document=number, seq=0, template="remind_bids", audience=Role.SUPPLIER, content={},
                created_at=datetime.now(UTC),
            )
        )  # fmt: skip
    mails = await written(sessions, "remind_bids")
    assert [mail.recipient for mail in mails] == ["orders@anhua.example.com", "orders@jiyuan.example.com"]
