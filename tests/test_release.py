"""What `make release-check` looks at before it builds."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def check():
    spec = spec_from_file_location("release_check", ROOT / "tools" / "release_check.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path):
    """Return a tree whose files agree that it is of version 1.2.3."""
    (tmp_path / "skmeta").mkdir()
    (tmp_path / "skmeta" / "_version.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("## [Unreleased]\n\n## [1.2.3] - x\n")
    (tmp_path / "CITATION.cff").write_text("title: skmeta\nversion: 1.2.3\n")
    return tmp_path


def test_files_that_agree_are_fine(check, tree):
    assert check.version_faults(tree) == []
    assert check.version_faults(ROOT) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("CHANGELOG.md", "[1.2.3]", "[1.2.2]", "no section [1.2.3]"),
        ("CHANGELOG.md", "## [Unreleased]\n", "", "does not begin with [Unreleased]"),
        ("CITATION.cff", "1.2.3", "1.2.2", "not of version 1.2.3"),
    ],
)
def test_files_that_disagree_are_named(check, tree, file, old, new, fault):
    path = tree / file
    path.write_text(path.read_text().replace(old, new))
    [found] = check.version_faults(tree)
    assert fault in found


def test_between_releases_the_changelog_needs_no_section(check, tree):
    (tree / "skmeta" / "_version.py").write_text('__version__ = "1.3.0.dev0"\n')
    assert check.version_faults(tree) == []


def test_what_comes_after_a_release_is_called_later(check, tree):
    (tree / "skmeta" / "_version.py").write_text('__version__ = "1.2.3.dev0"\n')
    [found] = check.version_faults(tree)
    assert "has 1.2.3, the version is 1.2.3.dev0" in found


def test_this_python_is_tried_and_none_that_is_too_old(check):
    found = check.find_pythons(check.lowest())
    assert sys.executable in found
    assert check.find_pythons((3, 99)) == []


def test_what_is_tried_is_what_the_readme_shows(check):
    code = check.readme_code()
    compile(code, "README.md", "exec")
    assert re.search(r"^from skmeta import", code, flags=re.MULTILINE)


def test_a_command_that_fails_is_a_fault_among_the_others(check):
    faults = ["CHANGELOG.md has no section [1.2.3]"]
    with check.noting(faults, "site"):
        check.run([sys.executable, "-c", "raise SystemExit(1)"])
    assert len(faults) == 2
    assert faults[1].startswith(f"site: {sys.executable}")
