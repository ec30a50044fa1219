"""What a field offers to choose from: parts that fit, technicians with the certificate, and so on."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from api.i18n import FOLDERS, Language, languages
from api.pages.forms import Choice
from database.reading import reference
from database.reading.orders import InspectionView, OrderView
from database.reading.reference import Named, OutletView
from database.tables import ClaimState
from domain.hints import successor
from domain.stages import Role

Offered = dict[str, Sequence[Choice]]


async def for_order(session: AsyncSession, order: OrderView, language: Language, now: datetime) -> Offered:
    """For the forms of an order's actions, by the name of the field."""
    outlets = await reference.service_outlets(session)
    carriers = sorted(await reference.carriers(session), key=lambda carrier: -carrier.preferred)
    return {
        "part": await parts(session, language, order.model, {line.part for line in order.lines}),
        "outlet": [_outlet(one, language) for one in outlets if one.service_centre == order.service_centre],
        "carrier": named(carriers, language),
        "technician": await _technicians(session, order, language, now.date()),
        "auditor": [
            Choice(one.code, one.name)
            for one in await reference.people(session, order.state.audit.role if order.state.audit else Role.AUDITOR)
            if one.code not in (order.auditor, order.entered_by)
        ],
        "wanted": _once(
            Choice(line.part, f"{language.name(line)} · {line.part}")
            for line in order.lines
            if line.part in {one.wanted for one in order.substitutes}
        ),
        "substitute": [
            Choice(
                one.part,
                language.text("%(name)s · %(code)s, instead of %(wanted)s, %(free)s free")
                % {"name": language.name(one), "code": one.part, "wanted": one.wanted, "free": one.available},
            )
            for one in order.substitutes
        ],
        "claim": [
            Choice(str(claim.id), f"{claim.shipment} · {language.label(claim.reason)} · {language.money(claim.value)}")
            for claim in order.claims
            if claim.state is ClaimState.OPEN
        ],
    }


async def of_product(session: AsyncSession, language: Language) -> Offered:
    """What a product can be, and what can be wrong with it."""
    return {"model": await models(session, language), "fault_code": await _faults(session, language, 3)}


async def for_application(session: AsyncSession, language: Language, model: str | None = None) -> Offered:
    """For the agents' form; parts that fit `model` come first."""
    return {
        **await of_product(session, language),
        "part": await parts_for(session, language, model),
        "service_centre": named(await reference.service_centres(session), language),
        "language": [Choice(code, languages(language.zone.key)[code].own_name) for code in FOLDERS],
    }


async def models(session: AsyncSession, language: Language) -> list[Choice]:
    """Product models, each with its category."""
    found = await reference.models(session)
    return [
        Choice(one.code, language.name(one), language.word("category", one.category), one.category) for one in found
    ]


async def symptoms(session: AsyncSession, language: Language) -> list[Choice]:
    """What customers can see: the second level of the fault tree, by its first."""
    return await _faults(session, language, 2)


async def _faults(session: AsyncSession, language: Language, depth: int) -> list[Choice]:
    """The fault tree from its second level down to `depth`, in groups of the first."""
    faults = {fault.code: fault for fault in await reference.faults(session)}
    return [
        Choice(
            fault.code,
            " – ".join(language.name(faults[code]) for code in _path(fault.code)[1:]),
            language.name(faults[fault.code.partition(".")[0]]),
            " ".join(fault.categories),
        )
        for fault in faults.values()
        if 1 <= fault.code.count(".") < depth
    ]


async def parts_for(session: AsyncSession, language: Language, model: str | None) -> list[Choice]:
    """All parts still to be had; those that fit `model` stand first (policy 1.3.2)."""
    fits, others = language.text("Fits this model"), language.text("Other parts")
    found = [part for part in await reference.parts(session) if part.superseded_by is None]
    return [
        Choice(
            part.code,
            f"{language.name(part)} · {part.code}",
            (fits if model in part.models else others) if model else "",
        )
        for part in sorted(found, key=lambda part: model not in part.models)
    ]


async def parts(
    session: AsyncSession, language: Language, model: str | None, wanted: Collection[str] = ()
) -> list[Choice]:
    """Parts still to be had, those that fit `model` if it is known (policy 1.3.2). Beside them what is wanted all the
    same: superseded parts, each with the one that took its place, and parts that do not fit, which say so."""
    found = {part.code: part for part in await reference.parts(session, model, wanted)}
    heirs = {part.code: part.superseded_by for part in found.values()}
    name, unfit = "%(part)s · %(code)s", language.text("%(part)s · %(code)s – does not fit")
    return [
        Choice(
            part.code,
            (name if model is None or model in part.models else unfit)
            % {"part": language.name(part), "code": part.code},
            instead=successor(part.code, heirs) or "",
        )
        for part in found.values()
        if part.superseded_by is None or part.code in wanted
    ]


def _once(choices: Iterable[Choice]) -> list[Choice]:
    return list({choice.value: choice for choice in choices}.values())


def _outlet(outlet: OutletView, language: Language) -> Choice:
    """With what the customer must know to get there."""
    text = " · ".join((language.name(outlet), outlet.address, opening_times(outlet, language)))
    return Choice(outlet.code, text)


def opening_times(outlet: OutletView | InspectionView, language: Language) -> str:
    """`Mon–Sat 09:00–17:30`; days that don't follow each other one by one."""
    days = [int(day) for day in outlet.open_days]
    names = [language.weekday(day) for day in days]
    running = days == list(range(days[0], days[0] + len(days)))
    named = f"{names[0]}–{names[-1]}" if running and len(names) > 1 else language.listed(names)
    return f"{named} {outlet.opens}–{outlet.closes}"


def named(things: Iterable[Named], language: Language) -> list[Choice]:
    return [Choice(thing.code, language.name(thing)) for thing in things]


async def _technicians(session: AsyncSession, order: OrderView, language: Language, today: date) -> list[Choice]:
    """Those who may install this product, with their certificate, the nearest first (policy 6.1.1)."""
    found = await reference.technicians(session, today, order.model_category)
    until = language.text("certificate %(number)s, valid until %(day)s")
    return [
        Choice(
            one.code,
            " · ".join(
                (
                    f"{one.name} · {one.city}",
                    *(
                        until % {"number": held.number, "day": language.day(held.expires_on)}
                        for held in one.certificates
                        if held.category == order.model_category
                    ),
                )
            ),
        )
        for one in sorted(found, key=lambda one: (one.city != order.customer.city, one.code))
    ]


def _path(code: str) -> list[str]:
    """A fault's code with its parents' before it."""
    steps = code.split(".")
    return [".".join(steps[: depth + 1]) for depth in range(len(steps))]
