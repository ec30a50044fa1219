"""What every engine's order shares: its steps, its two tables, the call to the carrier, and a death on demand.

Seven decisions of people, each with an alarm two days off; the carrier is called after the third, and three scans of
the parcel come after the fourth. Nine steps are committed, a row each, and one for the application. An answer to a
decision means that its row is there.
"""

import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Final

APPLY: Final = "apply"
BEFORE_BOOKING: Final = ("quote", "approve", "pack")
BOOKED: Final = "booked"
HAND_OVER: Final = "hand_over"
SCANS: Final = ("picked_up", "out_for_delivery", "delivered")
DELIVERED: Final = "deliver"
AT_HOME: Final = ("book_appointment", "report_fitted", "answer_works")
STEPS: Final = (APPLY, *BEFORE_BOOKING, BOOKED, HAND_OVER, DELIVERED, *AT_HOME)
ALARM: Final = timedelta(days=2)

START: Final = "run/send"
"""Restate's own address for it; the others take it up."""

TABLES: Final = """
CREATE TABLE steps (
    order_id text, step text, at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (order_id, step)
);
CREATE TABLE carrier_calls (order_id text NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (
    id text PRIMARY KEY, stage text NOT NULL, scans integer NOT NULL DEFAULT 0, due timestamptz NOT NULL
);
CREATE INDEX orders_due ON orders (due);
"""
"""`orders` is for those who keep the stage themselves."""
COMMIT: Final = "INSERT INTO steps (order_id, step) VALUES ($1, $2) ON CONFLICT DO NOTHING"
CALL: Final = "INSERT INTO carrier_calls (order_id) VALUES ($1)"
"""Stands for the carrier: it can't be rolled back with anything else, and takes a second call for a second parcel."""
REACHED: Final = "SELECT EXISTS (SELECT FROM steps WHERE order_id = $1 AND step = $2)"

DATABASE: Final = "OTHERS_DATABASE"
REDIS: Final = "OTHERS_REDIS"
MISHAP: Final = "OTHERS_MISHAP"


def database() -> str:
    """This engine's database, as libpq writes it."""
    return os.environ[DATABASE]


def mishap() -> None:
    """Dies where the carrier has answered and nobody has written it down, if the bench asked for it: once."""
    wanted = Path(os.environ[MISHAP])
    if wanted.exists():
        wanted.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
