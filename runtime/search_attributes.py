"""What ops can search by in Temporal's UI: the one list from which servers, tests and workflows take it."""

from datetime import datetime

from temporalio.common import SearchAttributeKey

STAGE: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("Stage")
WAITING_FOR: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("WaitingFor")
DUE: SearchAttributeKey[datetime] = SearchAttributeKey.for_datetime("Due")
SERVICE_CENTRE: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("ServiceCentre")
PRIORITY: SearchAttributeKey[str] = SearchAttributeKey.for_keyword("Priority")

SEARCH_ATTRIBUTES = (STAGE, WAITING_FOR, DUE, SERVICE_CENTRE, PRIORITY)
