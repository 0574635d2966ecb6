"""The sdist is the whole tree: it builds the wheel, and its tests run."""

import re
import shutil
import subprocess
import sys
import tarfile
from zipfile import ZipFile

import pytest

from tests.wheels import ROOT, run

pytestmark = pytest.mark.slow

PROJECTS = [
    ROOT,
    *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")),
]


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """Return a function that builds the sdist of a project, and the wheel from it."""
    built = {}

    def build(folder):
        if folder not in built:
            out = built[folder] = tmp_path_factory.mktemp("dist")
            words = ["--no-isolation", "--outdir", out, folder]
            # From elsewhere, or the folder `build` would be the module.
            run([sys.executable, "-m", "build", *words], cwd=out)
        [sdist], [wheel] = built[folder].glob("*.tar.gz"), built[folder].glob("*.whl")
        return sdist, wheel

    return build


@pytest.fixture
def unpacked(dist, tmp_path):
    """Return the folder of the unpacked sdist."""
    with tarfile.open(dist(ROOT)[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    return folder


def not_ignored(tmp_path):
    """Return the files of this tree that git takes or would take, as paths."""
    own = ROOT / ".git"
    if own.exists():
        words = ["--cached", "--others", "--exclude-standard"]
        git = ["git", "-C", ROOT]
    else:  # an unpacked sdist: to a new repository all of it is new
        git = ["git", f"--git-dir={tmp_path}/git", f"--work-tree={ROOT}"]
        subprocess.run(["git", "init", "-q", "--bare", tmp_path / "git"], check=True)
        git += ["-c", "core.bare=false"]
        words = ["--others", "--exclude-standard"]
    listed = subprocess.run(
        [*git, "ls-files", "-z", *words], check=True, capture_output=True, text=True
    )
    paths = {path for path in listed.stdout.split("\0") if path}
    return {path for path in paths if (ROOT / path).exists()}


@pytest.mark.skipif(not shutil.which("git"), reason="git says what belongs to the tree")
def test_the_sdist_is_the_tree_and_nothing_else(unpacked, tmp_path):
    files = {path for path in unpacked.rglob("*") if path.is_file()}
    there = {path.relative_to(unpacked).as_posix() for path in files}
    assert there == not_ignored(tmp_path) | {"PKG-INFO"}
    assert {"Makefile", "constraints-oldest.txt", "docs/plugins.md"} <= there
    for path in there - {"PKG-INFO"}:
        assert (unpacked / path).read_bytes() == (ROOT / path).read_bytes(), path


def test_from_the_sdist_alone_tests_run_that_read_the_tree(unpacked):
    # Those of the README, the docs, the template of plugins and the pinned versions;
    # all others are read at least.
    where = [sys.executable, "-c", "import skmeta; print(skmeta.__file__)"]
    assert str(unpacked) in run(where, cwd=unpacked)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    chosen = "readme or docs or new_plugin or dependencies or architecture"
    text = run([*words, "-m", "not slow", "-k", chosen], cwd=unpacked)
    [passed] = re.findall(r"^(\d+) passed", text, flags=re.MULTILINE)
    assert int(passed) > 20, text


def test_the_wheel_from_the_sdist_has_every_module(dist):
    _, wheel = dist(ROOT)
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    modules = (ROOT / "skmeta").rglob("*.py")
    assert {path.relative_to(ROOT).as_posix() for path in modules} <= names
    assert "skmeta/py.typed" in names
    template = ROOT / "plugins" / "skmeta-template"
    for path in [*template.rglob("*.py"), template / "pyproject.toml"]:
        own = path.relative_to(template).as_posix()
        assert f"skmeta/commands/_template/{own}" in names
    first = {name.split("/")[0] for name in names}
    assert {re.sub(r"-.*\.", "-*.", each) for each in first} == {
        "skmeta",
        "skmeta-*.dist-info",
    }


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_an_index_would_take_what_is_built(dist, folder):
    text = run([sys.executable, "-m", "twine", "check", "--strict", *dist(folder)])
    assert len(re.findall("PASSED", text)) == 2, text
