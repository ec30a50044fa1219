"""What people say when they decide: one model an action, the same for API, pages and database.

The texts stay in the database; a workflow only ever sees the action, codes and ids.
"""

from collections.abc import Mapping
from typing import Final, get_args

from pydantic import BaseModel

from domain.bidding import RequestDecision
from domain.corrective_decisions import CorrectiveDecision
from domain.order_decisions import Decision
from domain.purchase_decisions import PurchaseDecision
from domain.stages import Action
from domain.task_decisions import TaskDecision

DECISIONS: Final[Mapping[Action, type[BaseModel]]] = {
    model.model_fields["action"].default: model
    for kind in (Decision, PurchaseDecision, TaskDecision, CorrectiveDecision, RequestDecision)
    for model in get_args(get_args(kind)[0])
}
"""The model of each action that people take."""
