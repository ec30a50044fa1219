"""The carriers' adapters as activities use them: one a carrier account, kept as long as its record says the same."""

from sqlalchemy.ext.asyncio import AsyncSession

from carriers.accounts import ADAPTERS, account_of
from carriers.protocol import Account, Carrier
from database.parcels import AccountRecord
from database.tables import CarrierAccount


class Carriers:
    def __init__(self) -> None:
        self._open: dict[str, Carrier] = {}

    async def get(self, session: AsyncSession, code: str) -> Carrier:
        """The adapter of an account."""
        row = await session.get_one(CarrierAccount, code)
        return await self.of((row.code, row.kind, row.calls_per_minute, row.push_token, row.settings))

    async def of(self, record: AccountRecord) -> Carrier:
        """The adapter of the account whose record this is; a changed one closes the old adapter."""
        account: Account = account_of(*record)
        carrier = self._open.get(account.code)
        if carrier is None or carrier.account != account:
            self._open[account.code] = ADAPTERS[account.kind](account)
            if carrier is not None:
                await carrier.aclose()
        return self._open[account.code]

    async def aclose(self) -> None:
        for carrier in self._open.values():
            await carrier.aclose()
