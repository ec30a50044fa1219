"""How often a stranger may do what anybody may do: so many times an hour from one address."""

from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from sqlalchemy import case, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import Allowance

HOUR: Final = timedelta(hours=1)
_HOUSEHOLD: Final = 64
"""Bits of an IPv6 address that one household has to itself."""


async def draw(session: AsyncSession, what: str, address: str, most: int, now: datetime) -> timedelta | None:
    """Uses one of `most` an hour; if none is left, how long until there are some again. The caller commits."""
    fresh = Allowance.since <= now - HOUR
    drawn = insert(Allowance).values(what=what, holder=_holder(address), since=now, used=1)
    row = (
        await session.execute(
            drawn.on_conflict_do_update(
                index_elements=["what", "holder"],
                set_={
                    "used": case((fresh, 1), else_=Allowance.used + 1),
                    "since": case((fresh, now), else_=Allowance.since),
                },
            ).returning(Allowance.used, Allowance.since)
        )
    ).one()
    return row.since + HOUR - now if row.used > most else None


async def sweep(session: AsyncSession, now: datetime) -> None:
    """Forgets addresses that have done nothing for an hour."""
    await session.execute(delete(Allowance).where(Allowance.since <= now - HOUR))


def _holder(address: str) -> bytes:
    try:
        ip = ip_address(address)
    except ValueError:
        return sha256(address.encode()).digest()
    household = str(ip_network((ip, _HOUSEHOLD), strict=False)) if isinstance(ip, IPv6Address) else str(ip)
    return sha256(household.encode()).digest()
