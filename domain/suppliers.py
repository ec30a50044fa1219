"""What is known of suppliers, and what may speak against an order to one (policy 3.1.1, 3.1.2)."""

from enum import StrEnum


class Breach(StrEnum):
    """What is wrong with ordering a part from a supplier."""

    NOT_SUPPLYING = "not_supplying"
    UNQUALIFIED = "unqualified"
    DOCUMENT_EXPIRED = "document_expired"
    NO_CONTRACT = "no_contract"
    ABOVE_CONTRACT = "above_contract"


class Then(StrEnum):
    """What a policy does about a breach: nothing is ordered, or only with a recorded reason."""

    REFUSE = "refuse"
    REASON = "reason"


class Proof(StrEnum):
    """On what a supplier counts as qualified for a part (policy 3.1.1)."""

    SAMPLE_TEST = "sample_test"
    SITE_AUDIT = "site_audit"
    TRIAL_ORDER = "trial_order"
    TRACK_RECORD = "track_record"


class Agreed(StrEnum):
    """What runs out of what is agreed about a part."""

    QUALIFICATION = "qualification"
    CONTRACT = "contract"


class PaperKind(StrEnum):
    """Papers of a supplier that run out."""

    BUSINESS_LICENCE = "business_licence"
    PRODUCTION_LICENCE = "production_licence"
    QUALITY_CERTIFICATE = "quality_certificate"
    PRODUCT_CERTIFICATE = "product_certificate"
