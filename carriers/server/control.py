"""What a test or a demonstration may do to the carrier and its parcels."""

import time
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import AwareDatetime, BaseModel

from carriers.server.depot import SCRIPTS, Depot, Happening, Leg, ParcelRecord
from carriers.server.faults import Fault, Faults
from carriers.server.kuaidi import Options
from carriers.server.pushes import Pushes


class NewParcel(BaseModel):
    number: str
    company: str = "shunfeng"
    phone: str = "13800001234"
    script: str | None = None
    leg_seconds: float | None = None


class NewScript(BaseModel):
    """A named script goes on from the leg the parcel has reached; `legs` replace whatever was to come."""

    name: str | None = None
    legs: list[Leg] = []
    leg_seconds: float | None = None


class NewScan(BaseModel):
    at: AwareDatetime
    code: str
    text: str = ""
    place: str = ""


class Frozen(BaseModel):
    frozen: bool


class Control:
    """The handlers under /_control."""

    def __init__(self, options: Options, depot: Depot, pushes: Pushes, faults: Faults) -> None:
        self._options = options
        self._depot = depot
        self._pushes = pushes
        self._faults = faults

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/_control")
        router.get("")(self.state)
        router.post("/faults", status_code=204)(self.add_fault)
        router.delete("/faults", status_code=204)(self.clear_faults)
        router.get("/parcels")(self.parcels)
        router.post("/parcels", status_code=201)(self.add_parcel)
        router.get("/parcels/{number}")(self.parcel)
        router.put("/parcels/{number}/script")(self.set_script)
        router.post("/parcels/{number}/scans")(self.add_scans)
        router.put("/parcels/{number}/frozen")(self.freeze)
        return router

    async def state(self) -> dict[str, Any]:
        coming = [fault.model_dump() for fault in self._faults.coming]
        return {"calls": dict(self._faults.calls), "faults": coming, "scripts": list(SCRIPTS)}

    async def add_fault(self, fault: Fault) -> None:
        self._faults.coming.append(fault)

    async def clear_faults(self) -> None:
        self._faults.coming.clear()

    async def parcels(self) -> list[ParcelRecord]:
        return list(self._depot.parcels(time.time()))

    async def parcel(self, number: str) -> ParcelRecord:
        parcel = self._depot.parcel(number, time.time())
        if parcel is None:
            raise HTTPException(404, f"no parcel {number}")
        return parcel

    async def add_parcel(self, new: NewParcel) -> ParcelRecord:
        parcel = ParcelRecord(
            number=new.number,
            company=new.company,
            phone=new.phone,
            leg_seconds=self._options.leg_seconds if new.leg_seconds is None else new.leg_seconds,
        )
        parcel.follow(_script(new.script) if new.script else [], time.time())
        return self._keep(parcel)

    async def set_script(self, number: str, new: NewScript) -> ParcelRecord:
        parcel = await self.parcel(number)
        if new.leg_seconds is not None:
            parcel.leg_seconds = new.leg_seconds
        parcel.follow(_script(new.name)[len(parcel.scans) :] if new.name else new.legs, time.time())
        return self._keep(parcel)

    async def add_scans(self, number: str, scans: list[NewScan]) -> ParcelRecord:
        parcel = await self.parcel(number)
        parcel.scans += [
            Happening(at=scan.at.timestamp(), code=scan.code, text=scan.text, place=scan.place) for scan in scans
        ]
        return self._keep(parcel)

    async def freeze(self, number: str, wish: Frozen) -> ParcelRecord:
        parcel = await self.parcel(number)
        parcel.freeze(wish.frozen, time.time())
        return self._keep(parcel)

    def _keep(self, parcel: ParcelRecord) -> ParcelRecord:
        parcel.advance(time.time())
        self._depot.keep_parcel(parcel, time.time())
        self._pushes.look()
        return parcel


def _script(name: str) -> list[Leg]:
    if name not in SCRIPTS:
        raise HTTPException(422, f"no script {name}; there are {', '.join(SCRIPTS)}")
    return SCRIPTS[name]
