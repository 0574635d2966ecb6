"""Wheels of this repository and generated ones, and environments to try them in."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build_wheel(folder, out):
    """Build the wheel of a project; return its path."""
    out.mkdir(exist_ok=True)
    before = {*out.glob("*.whl")}
    words = ["-m", "hatchling", "build", "--target", "wheel", "--directory", out]
    run([sys.executable, *words], cwd=folder)
    [wheel] = {*out.glob("*.whl")} - before
    return wheel


def make_wheel(out, distribution, source, version="1.0"):
    """Write the wheel of a distribution with one module, a plugin; return its path."""
    out.mkdir(exist_ok=True)
    module = distribution.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any",
        f"{info}/entry_points.txt": f"[skmeta]\nmain = {module}\n",
    }
    record = [f"{info}/RECORD,,"]
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        record.append(f"{name},sha256={digest.decode().rstrip('=')},{len(text)}")
    path = out / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        wheel.writestr(f"{info}/RECORD", "\n".join(record))
    return path


class Environment:
    """A fresh virtual environment, with what skmeta needs but nothing of skmeta.

    Torch and the like are links to the packages of this process: to copy them would
    take minutes. No path to skmeta's own source is among them.
    """

    def __init__(self, folder):
        self.folder = folder
        venv.create(folder / "venv", symlinks=os.name != "nt")
        self.python = folder / "venv" / "bin" / "python"
        others = folder / "others"
        others.mkdir()
        for site in map(Path, sys.path):
            if site.name in ("site-packages", "dist-packages"):
                for path in site.iterdir():
                    if _is_foreign(path.name) and not (others / path.name).exists():
                        (others / path.name).symlink_to(path)
        [self.site] = (folder / "venv").glob("lib/python*/site-packages")
        (self.site / "others.pth").write_text(str(others))

    def pip(self, *words):
        """Run pip on this environment, without a network."""
        quiet = ["--quiet", "--disable-pip-version-check", "--python", self.python]
        return run([sys.executable, "-m", "pip", *quiet, *words])

    def install(self, *wheels):
        """Install wheels, or upgrade to them."""
        self.pip("install", "--no-index", "--no-deps", *wheels)

    def installed(self):
        """Return what there is in its site-packages."""
        return {*self.site.iterdir()}

    def remove(self, paths):
        """Delete some of it, which is quicker than pip."""
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    def run(self, *words, **options):
        """Run its Python from a folder without code; return what it prints."""
        options = {"cwd": self.folder, **options}
        return run([self.python, *words], **options)


def _is_foreign(name):
    name = name.lower()
    return not name.startswith(
        ("skmeta", "_skmeta", "__editable", "__pyc", "_editable")
    )


def run(words, **options):
    """Run a command without this process's paths to code; return what it prints."""
    kept = {
        k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "SKMETA_PLUGINS")
    }
    done = subprocess.run(
        [str(word) for word in words],
        env=kept | {"OMP_NUM_THREADS": "1", "PYTHONNOUSERSITE": "1"},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, (
        f"{words}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    )
    return done.stdout
