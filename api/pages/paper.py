"""What purchasing prints: the purchase order (policy 3.2.2), and the return of refused goods."""

from api.i18n import Language
from api.printing import Column, Sheet, Table
from database.reading.purchases import PurchaseView
from database.reading.receiving import ReturnView
from domain import offer


def purchase_sheet(purchase: PurchaseView, language: Language) -> Sheet:
    """The purchase order on paper: as it was signed, or to be signed."""
    text = language.text
    columns = [
        Column(text("Part"), share=3),
        Column(text("Specification"), share=4),
        Column(text("Ordered"), number=True),
        Column(text("Unit price"), number=True),
        Column(text("Amount"), number=True),
    ]
    rows = [
        (
            f"{language.name(line)}\n{line.part}",
            line.specification,
            f"{line.quantity} {line.unit}",
            language.money(line.unit_price),
            language.money(line.unit_price * line.quantity),
        )
        for line in purchase.lines
    ]
    facts = [
        (text("Supplier"), language.word_of(purchase, "supplier_name")),
        (text("To"), f"{language.word_of(purchase, 'warehouse_name')}, {purchase.warehouse_address}"),
        (text("Wanted by"), language.instant(purchase.deliver_by)),
    ]
    if purchase.promised_at:
        facts.append((text("Promised for"), language.instant(purchase.promised_at)))
    if purchase.signed_by and purchase.signed_at:
        facts.append((text("Signed by"), f"{purchase.signed_by}, {language.exact(purchase.signed_at)}"))
    if purchase.signed_text:
        facts.append((text("Digest of what was signed"), offer.digest(purchase.signed_text).hex()))
    last = dict(offer.rows(purchase.shown.get(language.code, "")))
    terms = [(text("Terms"), said) for name, said in last.items() if name in ("条款", "Terms")]
    return Sheet(
        title=text("Purchase order"),
        number=purchase.number,
        at=purchase.created_at,
        facts=facts,
        tables=[Table(columns, rows, total=(text("Total"), "", "", "", language.money(purchase.total)))],
        notes=terms,
        signatures=() if purchase.signed_by else (text("Supplier: name, date, signature"),),
        foot="禾光 Heguang · 换件 Huanjian",
    )


def return_sheet(purchase: PurchaseView, back: ReturnView, language: Language) -> Sheet:
    """Refused goods that go back, for whoever takes them (policy 3.2.3): which, how many, why; to sign on."""
    text = language.text
    lot = next(each for each in purchase.lots if each.id == back.lot)
    facts = [
        (text("Supplier"), language.word_of(purchase, "supplier_name")),
        (text("Contact"), purchase.contact),
        (text("To be fetched at"), f"{language.word_of(purchase, 'warehouse_name')}, {purchase.warehouse_address}"),
        (text("Purchase order"), purchase.number),
        (text("Delivery note"), lot.delivery_note),
    ]
    if lot.batch:
        facts.append((text("Batch"), lot.batch))
    if back.handed_back_at:
        facts.append((text("Handed back to"), f"{back.taken_by}, {language.instant(back.handed_back_at)}"))
    if back.waybill:
        facts.append((text("Waybill"), back.waybill))
    goods = Table(
        [Column(text("Part"), share=3), Column(text("Serial numbers"), share=4), Column(text("Pieces"), number=True)],
        [(f"{language.name(back)}\n{back.part}", language.listed(back.serials), str(back.quantity))],
    )
    found = text("%(checked)s looked at, %(faulty)s faulty: %(accepted)s accepted, %(refused)s refused") % {
        "checked": lot.checked, "faulty": lot.faulty, "accepted": lot.accepted, "refused": lot.refused,
    }  # fmt: skip
    outside = [
        text("Piece %(piece)s: %(code)s %(value)s is outside")
        % {"piece": one.piece, "code": one.characteristic, "value": f"{one.value.normalize():f}"}
        for one in lot.readings
        if one.outside
    ]
    return Sheet(
        title=text("Return to supplier"),
        number=back.number,
        at=back.handed_back_at or back.opened_at,
        facts=facts,
        tables=[goods],
        notes=[(text("What the inspection found"), "\n".join((found, *outside)))],
        signatures=(text("Handed over by: name, date, signature"), text("Taken by: name, date, signature")),
        foot="禾光 Heguang · 换件 Huanjian",
    )
