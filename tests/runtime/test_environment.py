"""What `make` runs before there is an environment speaks to old Pythons too."""

import ast
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "environment.py"


def test_an_old_python_understands_the_script() -> None:
    ast.parse(SCRIPT.read_text(), feature_version=(3, 7))


def test_an_old_python_is_one_clear_line() -> None:
    run = f"""
import runpy, sys
sys.version_info, sys.argv = (3, 9, 2), ["environment.py", "local"]
runpy.run_path({str(SCRIPT)!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "Python 3.11 or newer is needed; this one is 3.9.2. Name another: make PYTHON=/path/to/python3\n"
    )
