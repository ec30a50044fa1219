"""All workflows, for workers and replays."""

from workflows.corrective_action import CorrectiveAction
from workflows.cost_analysis import CostAnalysis
from workflows.expiries import Expiries
from workflows.mailbox_reader import MailboxReader
from workflows.message_sender import MessageSender
from workflows.parcel_watcher import ParcelWatcher
from workflows.purchase_order import PurchaseOrder
from workflows.replacement_order import ReplacementOrder
from workflows.request_for_quotation import RequestForQuotation
from workflows.supplier_review import SupplierReview
from workflows.sweep import Sweep
from workflows.upkeep import DueWork, StockLevels
from workflows.warehouse_task import WarehouseTask

WORKFLOWS = (
    ReplacementOrder,
    PurchaseOrder,
    RequestForQuotation,
    ParcelWatcher,
    MailboxReader,
    MessageSender,
    Sweep,
    CostAnalysis,
    WarehouseTask,
    DueWork,
    StockLevels,
    CorrectiveAction,
    SupplierReview,
    Expiries,
)
