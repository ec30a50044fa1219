"""Links of suppliers, who have no account."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import SupplierLink


async def link_of(session: AsyncSession, document: str) -> str | None:
    """The token that opens a document's page to its supplier now."""
    wanted = select(SupplierLink.token).where(SupplierLink.document == document, SupplierLink.revoked_at.is_(None))
    return await session.scalar(wanted.order_by(SupplierLink.created_at.desc()).limit(1))


async def document_by_link(session: AsyncSession, token: str) -> str | None:
    """The document that a token opens; None if it was revoked, or never was."""
    wanted = select(SupplierLink.document).where(SupplierLink.token == token, SupplierLink.revoked_at.is_(None))
    return await session.scalar(wanted)
