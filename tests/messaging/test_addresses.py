"""An answer's address says which order it is about, and nobody else can make one."""

import pytest

from messaging.addresses import document_of, documents_in, in_subject, reply_address

MAILBOX, KEY, ORDER = "service@example.com", b"a key of the house", "RO-20261123-00424"


def test_the_address_leads_back_to_the_order() -> None:
    address = reply_address(MAILBOX, ORDER, KEY)
    assert address.startswith("service+ro-20261123-00424.")
    assert address.endswith("@example.com")
    assert document_of(address, MAILBOX, KEY) == ORDER
    assert document_of(f'"Service 换件" <{address.upper()}>', MAILBOX, KEY) == ORDER


@pytest.mark.parametrize(
    "forged",
    [
        "service@example.com",
        "service+ro-20261123-00424@example.com",
        "service+ro-20261123-00424.aaaaaaaa@example.com",
        "service+ro-20261123-00424.客服@example.com",
        "",
        "@",
    ],
)
def test_an_address_that_is_not_signed_leads_nowhere(forged: str) -> None:
    assert document_of(forged, MAILBOX, KEY) is None


def test_a_signature_is_good_for_its_order_its_key_and_our_mailbox_only() -> None:
    address = reply_address(MAILBOX, ORDER, KEY)
    assert document_of(address.replace("00424", "00432"), MAILBOX, KEY) is None
    assert document_of(address, MAILBOX, b"another key") is None
    assert document_of(address, "service@example.org", KEY) is None
    assert document_of(address, "orders@example.com", KEY) is None


def test_the_subject_carries_the_number() -> None:
    assert in_subject(ORDER, "已发货") == f"[{ORDER}] 已发货"
    assert documents_in(f"Re: [{ORDER}] 回复: [po-20261123-0017] [draft] [x]") == (ORDER, "PO-20261123-0017")
    assert documents_in("no number") == ()
