"""Ctrl-C under make ends the program, not make."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHELL = """
import fcntl, os, signal, termios
signal.signal(signal.SIGINT, signal.SIG_DFL)  # who was started in the background was told to ignore it
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp("make", ["make", "run"])
"""
PROGRAM = """
import signal, sys
from contextlib import nullcontext
from runtime.terminal import foreground
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
with foreground() if sys.argv[1] == "ours" else nullcontext():
    print("up", flush=True)
    signal.sigwait({signal.SIGINT})
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(("kind", "code"), [("ours", 0), ("left alone", -2)])
def test_ctrl_c_under_make(tmp_path: Path, kind: str, code: int) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "Makefile").write_text(f"run:\n\t@PYTHONPATH={ROOT} {sys.executable} program.py '{kind}'\n")
    terminal, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", SHELL], cwd=tmp_path, start_new_session=True, stdin=theirs, stdout=theirs, stderr=theirs
    ) as make:
        output = b""
        while b"up" not in output:
            output += os.read(terminal, 1000)
        os.write(terminal, b"\x03")
        assert make.wait(20) == code
    os.close(theirs)
    os.close(terminal)
