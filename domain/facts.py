"""What the words of a notice may name: the facts of its order or purchase order at the moment it is written."""

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class Named(BaseModel):
    """A name in both languages; written in the reader's."""

    model_config = ConfigDict(frozen=True)
    zh: str = ""
    en: str = ""

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)


class NamedLine(BaseModel):
    """A part and how many of it."""

    model_config = ConfigDict(frozen=True)
    part: str
    name: Named
    quantity: int


class RunningOut(BaseModel):
    """Something of a supplier's that runs out: a kind of paper, or a `contract` or `qualification` for a part."""

    model_config = ConfigDict(frozen=True)
    kind: str
    part: str
    name: Named
    on: date


class Facts(BaseModel):
    """Each fact is always there; what isn't known, or means nothing for this document, is empty."""

    model_config = ConfigDict(frozen=True)
    number: str = Field(description="number of the order, purchase order or request for quotation")
    customer: str = Field("", description="the customer's name")
    product: Named = Field(Named(), description="the product")
    serial: str = Field("", description="its serial number")
    fault: str = Field("", description="the fault as reported")
    parts: tuple[NamedLine, ...] = Field((), description="the parts; each has name, part (its code) and quantity")
    centre: Named = Field(Named(), description="the service centre")
    centre_phone: str = Field("", description="its telephone")
    tracking_url: str = Field("", description="the customer's own page")
    page_url: str = Field("", description="the page for the staff")
    expected_from: datetime | None = Field(None, description="quoted: earliest day")
    expected_to: datetime | None = Field(None, description="quoted: latest day")
    to_pay: Decimal | None = Field(None, description="quoted: what the customer pays, in yuan")
    guarantee_months: int = Field(0, description="quoted: guarantee on the new part, in months")
    carrier: Named = Field(Named(), description="the carrier of the newest shipment")
    waybill: str = Field("", description="its waybill number")
    arrives_at: datetime | None = Field(None, description="when it should arrive")
    visit_from: datetime | None = Field(None, description="the appointment's beginning")
    visit_to: datetime | None = Field(None, description="the appointment's end")
    technician: str = Field("", description="who comes")
    technician_phone: str = Field("", description="the technician's telephone")
    outlet: Named = Field(Named(), description="where the product is to be brought")
    outlet_address: str = Field("", description="that outlet's address")
    reason: str = Field("", description="code of the reason that was chosen")
    reasons: tuple[str, ...] = Field((), description="codes of the audit's reasons")
    objection_until: datetime | None = Field(None, description="until when the customer may object")
    question: str = Field("", description="what the audit asks the customer")
    explanation: str = Field("", description="what the staff wrote beside it")
    supplier: Named = Field(Named(), description="the supplier")
    deliver_by: datetime | None = Field(None, description="purchase order: asked for")
    promised_at: datetime | None = Field(None, description="purchase order: promised")
    supplier_url: str = Field(
        "", description="the supplier's own page, for a purchase order, a bid or what it must put right"
    )
    runs_out: tuple[RunningOut, ...] = Field(
        (), description="what of the supplier's runs out; each has kind, part (its code), name and on (the last day)"
    )
    parts_at: datetime | None = Field(None, description="when the parts should be in our house")
    due: datetime | None = Field(None, description="until when something is waited for")


SAMPLE = Facts(
    number="RO-20261123-00424",
    customer="王芳",
    product=Named(zh="禾光侧吸式吸油烟机 268", en="Heguang range hood 268"),
    serial="CXW268-001001",
    fault="风机不转",
    parts=(NamedLine(part="CXW-MOTOR-200", name=Named(zh="风机电机 200 瓦", en="Fan motor 200 W"), quantity=1),),
    centre=Named(zh="杭州售后服务中心", en="Hangzhou service centre"),
    centre_phone="0571-0000 0100",
    tracking_url="https://service.example.com/t/sample",
    page_url="https://service.example.com/orders/RO-20261123-00424",
)
"""An order of which little is known yet: words must do without the rest."""
