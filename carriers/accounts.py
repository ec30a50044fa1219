"""From the record of an account to somebody who can be asked."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from carriers.kuaidi100 import Kuaidi100
from carriers.manual import Manual
from carriers.protocol import Account, AccountKind, Carrier

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
