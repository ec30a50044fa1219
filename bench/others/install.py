"""python -m bench.others.install: makes .venv-others with the other engines' locked packages, apart from ours.

Restate's server comes from npm; Redis is the machine's own. What can't be had is said and left out of the comparison.
"""

import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from bench.others.engines import OTHERS, PYTHON, ROOT
from bench.results import console

LOCK: Final = ROOT / "requirements" / "others.txt"
NPM: Final = tuple(Path(__file__).with_name(name) for name in ("package.json", "package-lock.json"))


def main() -> None:
    stamp = OTHERS / "installed"
    wanted = hashlib.sha256(b"".join(file.read_bytes() for file in (LOCK, *NPM))).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    console.print("others: making .venv-others; the first time takes a minute or two")
    venv.create(OTHERS, clear=True, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-input", "--require-hashes", "-r", str(LOCK)], check=True)
    if npm := shutil.which("npm"):
        for file in (*NPM, ROOT / ".npmrc"):
            shutil.copy(file, OTHERS)
        subprocess.run([npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=OTHERS, check=True)
    stamp.write_text(wanted)


if __name__ == "__main__":
    main()
