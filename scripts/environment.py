# ruff: noqa: T201, UP036
"""Makes .venv and keeps it at the locked requirements: `python3 scripts/environment.py local` (or `dev`).

An older Python must still understand this file, to say that it is too old.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
INSIDE = VENV / "bin" / "python"


def main(name: str) -> None:
    if sys.version_info < (3, 11):
        version = ".".join(str(part) for part in sys.version_info[:3])
        sys.exit(f"Python 3.11 or newer is needed; this one is {version}. Name another: make PYTHON=/path/to/python3")
    lock = ROOT / "requirements" / f"{name}.txt"
    wanted = hashlib.sha256(lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / "installed" / name
    if not _works(INSIDE, "-c", ""):
        print(f"environment: making .venv with Python {sys.version.split()[0]}", flush=True)
        venv.create(VENV, with_pip=False, clear=True, symlinks=os.name == "posix")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"environment: installing {lock.relative_to(ROOT)}; the first time takes a minute", flush=True)
    pip = _pip()
    _call([*pip, "--require-hashes", "-r", str(lock)])
    _call([*pip, "--quiet", "--no-deps", "--no-build-isolation", "-e", str(ROOT)])
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted)


def _pip() -> "list[str]":
    """Its own if it has one, as it gets with what is installed; until then one that works from outside."""
    own = [str(INSIDE), "-m", "pip"]
    for pip in (own, [sys.executable, "-m", "pip", "--python", str(INSIDE)]):
        if _works(*pip, "--version"):
            break
    else:
        # Debian has ensurepip only with its package python3-venv.
        if not _works(INSIDE, "-m", "ensurepip"):
            sys.exit("pip is needed (Debian: apt-get install python3-pip).")
        pip = own
    # What is never imported need not be compiled; what is, Python keeps when it first does.
    return [*pip, "install", "--disable-pip-version-check", "--no-input", "--no-compile"]


def _works(*command: "str | Path") -> bool:
    try:
        done = subprocess.run(
            [str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def _call(command: "list[str]") -> None:
    with subprocess.Popen(command, stdout=subprocess.PIPE, universal_newlines=True) as pip:
        for line in pip.stdout or []:
            if not line.startswith("Requirement already satisfied"):
                print(line, end="", flush=True)
    if pip.returncode:
        sys.exit(f"environment: pip ended with exit code {pip.returncode}")


if __name__ == "__main__":
    main(*sys.argv[1:])
