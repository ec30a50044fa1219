"""What purchasing prints: the purchase order (policy 3.2.2), and the return of refused goods."""

from api.i18n import Language
from api.printing import Column, Sheet, Table
from database.reading.purchases import PurchaseView
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
