"""The whole system as a person starts it: refusals in one line, a killed one that comes back, an orderly end."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from runtime.home import claimed
from runtime.ports import free_port

ROOT = Path(__file__).parents[2]
PORTS = ("API", "POSTGRES", "TEMPORAL", "TEMPORAL_UI", "CARRIER", "METRICS")
STARTED = ["postgres", "temporal", "carriers", "mail", "worker", "api"]


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A folder and ports of its own; whatever still runs at the end is killed."""
    yield os.environ | {"HUANJIAN_HOME": str(tmp_path)} | {f"HUANJIAN_{name}_PORT": str(free_port()) for name in PORTS}
    kill_children(tmp_path)


@contextmanager
def started(environment: dict[str, str], *flags: str) -> Iterator[subprocess.Popen[str]]:
    """The system as a process; killed if it still runs in the end, whatever the test came to."""
    command = [sys.executable, "standalone.py", *flags]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def refusal(environment: dict[str, str], *flags: str) -> str:
    with started(environment, *flags) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    return output


def until_serving(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith("Serving"):
            return lines
    pytest.fail("\n".join(lines))


def kill_children(home: Path) -> None:
    record = home / "processes.json"
    for entry in json.loads(record.read_text()) if record.exists() else []:
        try:
            os.kill(entry["pid"], signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_a_taken_port_is_one_line(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert refusal(environment, "--temporal-ui-port", str(port)) == (
            f"Port {port} on 127.0.0.1 cannot be used: Address already in use. "
            "Choose another one with HUANJIAN_TEMPORAL_UI_PORT or --temporal-ui-port.\n"
        )


def test_a_folder_in_use_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    with claimed(tmp_path):
        assert refusal(environment) == (
            f"The folder {tmp_path} belongs to another running copy (process {os.getpid()}). "
            "Stop that one, or choose another folder with HUANJIAN_HOME or --home.\n"
        )


def test_a_folder_that_cannot_be_made_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "home"
    assert refusal(environment, "--home", str(folder)) == (
        f"The folder {folder} cannot be used: Not a directory. Choose another one with HUANJIAN_HOME or --home.\n"
    )


def test_a_setting_that_makes_no_sense_is_one_line(environment: dict[str, str]) -> None:
    assert refusal(environment | {"HUANJIAN_API_PORT": "http"}) == (
        "HUANJIAN_API_PORT: Input should be a valid integer, unable to parse string as an integer, not 'http'.\n"
    )


@pytest.mark.timeout(300)
def test_it_comes_back_after_kill_9_and_ends_in_order(environment: dict[str, str], tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{environment['HUANJIAN_API_PORT']}"
    with started(environment, "--no-demonstration") as process:
        assert any(address in line for line in until_serving(process))
        assert httpx.get(f"{address}/readyz").status_code == 200
        process.kill()
    left = [psutil.Process(entry["pid"]) for entry in json.loads((tmp_path / "processes.json").read_text())]
    assert len(left) == len(STARTED)

    with started(environment, "--no-demonstration") as process:
        assert until_serving(process)[: len(STARTED)] == [
            f"{name} was left running by an earlier start; stopping it." for name in reversed(STARTED)
        ]
        assert not [other for other in left if other.is_running()]
        assert httpx.get(f"{address}/readyz").status_code == 200
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert output.splitlines() == ["Stopping …", *(f"{name} stopped" for name in reversed(STARTED))]
    assert not (tmp_path / "processes.json").exists()
