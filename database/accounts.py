"""Who may come in: people with a password and a session, systems with a key.

Tokens and keys are random and only their hashes are kept, so reading the database lets nobody in.
"""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from pwdlib import PasswordHash
from sqlalchemy import Row, bindparam, case, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import ApiKey, UserAccount, UserSession
from domain.stages import Role

WRONG_PASSWORDS: Final = 5
LOCKED_FOR: Final = timedelta(minutes=15)
KEY_PREFIX: Final = "hj_"

_hasher: Final = PasswordHash.recommended()
_hashing: Final = ThreadPoolExecutor(2, "argon2")
"""A hash costs much time and memory on purpose; two at once leave room for everything else."""

_NOBODYS_HASH: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$wYPBiFGK7eArqJ8p6cxKGg$Nf1Opu3/E6eloHnGRJPnLnu1qg1fvbcKUEicC35I5FA"
)
"""Checked where there is no user, so that it takes as long as where there is one."""


@dataclass(frozen=True)
class Account:
    code: str
    name: str
    roles: tuple[Role, ...]
    service_centre: str
    language: str


@dataclass(frozen=True)
class LogIn:
    """A log-in just made; the token is told once and kept nowhere."""

    account: Account
    token: str
    csrf: str
    expires_at: datetime


@dataclass(frozen=True)
class Visit:
    """A log-in come back with its token."""

    account: Account
    csrf: str


def hash_password(password: str) -> str:
    """The argon2id hash to keep. Takes a good part of a second."""
    return _hasher.hash(password)


async def log_in(
    session: AsyncSession, user: str, password: str, *, now: datetime, lifetime: timedelta
) -> LogIn | None:
    """A new log-in, or None if user or password is wrong or the account is locked; which, nobody learns.

    The try is counted and committed before the password is looked at: many at once are no way around the lock.
    """
    locked_before = UserAccount.locked_until.is_not(None)
    tries = case((locked_before, 1), else_=UserAccount.failed_logins + 1)
    counted = await session.execute(
        update(UserAccount)
        .where(
            UserAccount.code == user,
            UserAccount.active,
            or_(UserAccount.locked_until.is_(None), UserAccount.locked_until <= now),
        )
        .values(failed_logins=tries, locked_until=case((tries >= WRONG_PASSWORDS, now + LOCKED_FOR)))
        .returning(*_ACCOUNT, UserAccount.password_hash)
    )
    found = counted.one_or_none()
    await session.commit()
    kept = found.password_hash if found else None
    loop = asyncio.get_running_loop()
    right, renewed = await loop.run_in_executor(_hashing, _hasher.verify_and_update, password, kept or _NOBODYS_HASH)
    if not (found and kept and right):
        return None
    made = LogIn(_account(found), secrets.token_urlsafe(32), secrets.token_urlsafe(32), now + lifetime)
    await session.execute(delete(UserSession).where(UserSession.user == user, UserSession.expires_at <= now))
    session.add(UserSession(token_hash=_hash(made.token), user=user, csrf=made.csrf, expires_at=made.expires_at))
    await session.execute(
        update(UserAccount)
        .where(UserAccount.code == user)
        .values(failed_logins=0, locked_until=None, password_hash=renewed or kept)
    )
    await session.commit()
    return made


async def log_out(session: AsyncSession, token: str) -> None:
    await session.execute(delete(UserSession).where(UserSession.token_hash == _hash(token)))


async def by_session(session: AsyncSession, token: str, now: datetime) -> Visit | None:
    """Who holds this session token, if it has not run out."""
    found = (await session.execute(_VISIT, {"token": _hash(token), "now": now})).one_or_none()
    return Visit(_account(found), found.csrf) if found else None


async def by_key(session: AsyncSession, key: str) -> Account | None:
    """As whom this API key acts, if it was not revoked."""
    found = (
        await session.execute(
            select(*_ACCOUNT)
            .join(ApiKey, ApiKey.user == UserAccount.code)
            .where(ApiKey.key_hash == _hash(key), ApiKey.revoked_at.is_(None), UserAccount.active)
        )
    ).one_or_none()
    return _account(found) if found else None


async def set_password(session: AsyncSession, user: str, password: str) -> bool:
    """Gives a person another password and ends their log-ins; false if there is no such user."""
    kept = await asyncio.get_running_loop().run_in_executor(_hashing, hash_password, password)
    known = await session.scalar(
        update(UserAccount)
        .where(UserAccount.code == user)
        .values(password_hash=kept, failed_logins=0, locked_until=None)
        .returning(UserAccount.code)
    )
    await session.execute(delete(UserSession).where(UserSession.user == user))
    return known is not None


async def revoke_keys(session: AsyncSession, user: str, label: str, now: datetime) -> int:
    """Revokes the API keys with this label; how many there were."""
    revoked = await session.scalars(
        update(ApiKey)
        .where(ApiKey.user == user, ApiKey.label == label, ApiKey.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(ApiKey.key_hash)
    )
    return len(revoked.all())


async def create_key(session: AsyncSession, user: str, label: str) -> str:
    """A new API key that acts as `user`; told once and kept nowhere."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    session.add(ApiKey(key_hash=_hash(key), user=user, label=label))
    await session.flush()
    return key


_ACCOUNT: Final = (
    UserAccount.code,
    UserAccount.name,
    UserAccount.roles,
    UserAccount.service_centre,
    UserAccount.language,
)

_VISIT: Final = (
    select(*_ACCOUNT, UserSession.csrf)
    .join(UserSession, UserSession.user == UserAccount.code)
    .where(UserSession.token_hash == bindparam("token"), UserSession.expires_at > bindparam("now"), UserAccount.active)
)
"""Asked with every request, and so put together once."""


def _account(row: Row[*tuple[Any, ...]]) -> Account:
    return Account(row.code, row.name, tuple(map(Role, row.roles)), row.service_centre, row.language)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
