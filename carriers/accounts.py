"""From the record of an account to somebody who can be asked."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from pydantic import TypeAdapter

from carriers.kuaidi100 import Kuaidi100
from carriers.manual import Manual
from carriers.protocol import Account, AccountKind, Carrier

_ACCOUNT: Final = TypeAdapter(Account)

ADAPTERS: Final[Mapping[AccountKind, Callable[[Account], Carrier]]] = {
    AccountKind.KUAIDI100: Kuaidi100,
    AccountKind.MANUAL: Manual,
}


@asynccontextmanager
async def open_carriers(accounts: Iterable[Account]) -> AsyncIterator[Mapping[str, Carrier]]:
    """One carrier per account, by the account's code. Their connections are closed at the end.

    Raises ValueError if two accounts share a code.
    """
    async with AsyncExitStack() as stack:
        opened: dict[str, Carrier] = {}
        for account in accounts:
            if account.code in opened:
                raise ValueError(f"two carrier accounts are called {account.code}")
            opened[account.code] = carrier = ADAPTERS[account.kind](account)
            stack.push_async_callback(carrier.aclose)
        yield opened


def account_of(code: str, kind: str, calls_per_minute: int, push_token: str, settings: Mapping[str, Any]) -> Account:
    """The account that a record describes; `settings` holds the rest of Account's fields as JSON.

    Raises ValueError if something is missing or malformed.
    """
    said = {**settings, "code": code, "kind": kind, "calls_per_minute": calls_per_minute, "push_token": push_token}
    return _ACCOUNT.validate_python(said)
