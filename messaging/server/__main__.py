"""python -m messaging.server: the mail test server as one process."""

import argparse
import signal
import sys
from pathlib import Path

import uvicorn

from messaging.server.app import create_app
from messaging.server.post import Post


def main() -> None:
    parser = argparse.ArgumentParser(prog="messaging.server", description="The mail test server.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8025, help="SMTP (default: %(default)s)")
    parser.add_argument("--page-port", type=int, default=8026, help="its page (default: %(default)s)")
    parser.add_argument("--folder", type=Path, required=True, help="where the mails are kept")
    arguments = parser.parse_args()
    try:
        post = Post(arguments.folder)
    except OSError as error:
        parser.exit(2, f"messaging.server: {arguments.folder} can't be used: {error}\n")

    # uvicorn raises the signal again once it has shut down
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    uvicorn.run(
        create_app(post, arguments.host, arguments.port),
        host=arguments.host,
        port=arguments.page_port,
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
