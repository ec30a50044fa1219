"""python -m carriers.server: the carrier test server as one process."""

import argparse
import os
import signal
import sqlite3
import sys
from pathlib import Path

import uvicorn

from carriers.server.app import create_app
from carriers.server.kuaidi import Options


def main() -> None:
    parser = argparse.ArgumentParser(prog="carriers.server", description="The carrier test server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--folder", type=Path, required=True, help="where its parcels are kept")
    parser.add_argument(
        "--leg-seconds",
        type=float,
        default=float(os.environ.get("HUANJIAN_CARRIER_LEG_SECONDS", Options.leg_seconds)),
        help="time between two scans of a parcel (default: %(default)s)",
    )
    parser.add_argument(
        "--query-seconds",
        type=float,
        default=Options.query_seconds,
        help="least time between two queries of one number (default: %(default)s)",
    )
    parser.add_argument(
        "--retry-seconds",
        type=float,
        default=Options.retry_seconds,
        help="until a push that was not taken is repeated (default: %(default)s)",
    )
    parser.add_argument("--customer", default=Options.customer, help="account (default: %(default)s)")
    parser.add_argument("--key", default=Options.key, help="its key (default: %(default)s)")
    parser.add_argument("--secret", default=Options.secret, help="its secret (default: %(default)s)")
    arguments = vars(parser.parse_args())
    host, port = arguments.pop("host"), arguments.pop("port")

    options = Options(**arguments)
    try:
        app = create_app(options)
    except (OSError, sqlite3.Error) as error:
        parser.exit(2, f"carriers.server: {options.folder} can't be used: {error}\n")

    # uvicorn raises the signal again once it has shut down
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
