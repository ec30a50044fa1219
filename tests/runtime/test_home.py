"""A folder that cannot be used is one clear line; two copies never share one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.home import HomeUnusableError, claimed, make_secret


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with claimed(tmp_path / "new" / "home"):
        assert (tmp_path / "new" / "home").stat().st_mode & 0o777 == 0o700


def test_a_second_copy_is_refused_and_told_the_first(tmp_path: Path) -> None:
    with claimed(tmp_path), pytest.raises(HomeUnusableError) as refusal, claimed(tmp_path):
        pass
    assert str(refusal.value) == (
        f"The folder {tmp_path} belongs to another running copy (process {os.getpid()}). "
        "Stop that one, or choose another folder with HUANJIAN_HOME or --home."
    )
    with claimed(tmp_path):
        pass


def test_a_killed_copy_leaves_no_claim(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from runtime.home import claimed
with claimed(Path({str(tmp_path)!r})):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    with claimed(tmp_path):
        pass


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with (
        pytest.raises(HomeUnusableError, match=rf"{tmp_path}/home cannot be used: .*--home"),
        claimed(tmp_path / "home"),
    ):
        pass


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    make_secret(tmp_path / "key")
    first = (tmp_path / "key").read_bytes()
    make_secret(tmp_path / "key")
    assert len(first) >= 43
    assert (tmp_path / "key").read_bytes() == first
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
