"""What must hold of messages: each reaches each of its recipients once; what counts as sent is in the mail server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from database.session import Sessions
from database.tables import Message, MessageChannel, MessageState, Outbox
from faults.tally import Difference
from messaging.server.post import Post

GONE_WITHIN: Final = 120
"""Seconds in which another must leave: what could not be sent is tried again after half a minute."""


async def messages(sessions: Sessions, folder: Path, within: int = GONE_WITHIN) -> AsyncIterator[Difference]:
    """A mail may have left twice, and both times under the same id; none left that we do not know of."""
    if left := await _left(sessions, within):
        yield Difference("stuck", f"messages: {left} have not left")
    ours, sent = await _ours(sessions)
    theirs = {str(mail.message["message-id"]) for mail in Post(folder).mails()}
    for message_id in sorted(sent - theirs):
        yield Difference("lost", f"messages: {message_id} counts as sent and never came")
    for message_id in sorted(theirs - ours):
        yield Difference("doubled", f"messages: {message_id} came, and nobody sent it")
    async for difference in _twice(sessions):
        yield difference


def came_twice(folder: Path) -> int:
    """How many mails came more than once to the same people; only a sender or a server that died may do that."""
    came = Counter((str(mail.message["message-id"]), tuple(sorted(mail.recipients))) for mail in Post(folder).mails())
    return sum(times > 1 for times in came.values())


async def _left(sessions: Sessions, within: int) -> int:
    """How many are still to leave once none has left for so many seconds."""
    unaddressed = select(func.count()).select_from(Outbox).where(Outbox.addressed_at.is_(None)).scalar_subquery()
    waiting = select(func.count()).select_from(Message).where(Message.state == MessageState.WAITING).scalar_subquery()
    fewest, waited = None, 0
    while True:
        async with sessions() as session:
            left = await session.scalar(select(unaddressed + waiting)) or 0
        if fewest is None or left < fewest:
            fewest, waited = left, 0
        if not left or waited >= within:
            return left
        waited += 1
        await asyncio.sleep(1)


async def _ours(sessions: Sessions) -> tuple[set[str], set[str]]:
    """The ids of all mails, and of those that left."""
    mails = select(Message.message_id, Message.state).where(Message.channel == MessageChannel.MAIL)
    async with sessions() as session:
        rows = (await session.execute(mails)).all()
    return {row.message_id for row in rows}, {row.message_id for row in rows if row.state is MessageState.SENT}


async def _twice(sessions: Sessions) -> AsyncIterator[Difference]:
    repeated = (
        select(Outbox.document, Outbox.template, Message.channel)
        .join(Outbox, Outbox.id == Message.outbox)
        .where(Message.state != MessageState.REPLACED)
        .group_by(Outbox.id, Message.channel, Message.recipient)
        .having(func.count() > 1)
    )
    async with sessions() as session:
        for document, template, channel in await session.execute(repeated):
            yield Difference("doubled", f"messages: {template} of {document} was written twice to one {channel}")
