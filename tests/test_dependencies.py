"""What pyproject.toml promises is what is tried, and what is tried is pinned."""

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECTS = [ROOT, *sorted(p.parent for p in ROOT.glob("plugins/*/pyproject.toml"))]
PINS = ["constraints.txt", "constraints-oldest.txt"]

# They read the code and do not run it, so their oldest versions are nobody's concern.
LINTERS = {"import-linter", "mypy", "ruff"}


def project(folder=ROOT):
    return tomllib.loads((folder / "pyproject.toml").read_text())["project"]


def pins(name):
    """Return the versions in a file of constraints, as text, by canonical name."""
    lines = (ROOT / name).read_text().splitlines()
    named = [line.split("==") for line in lines if line and not line.startswith("#")]
    pinned = {canonicalize_name(name): version for name, version in named}
    assert len(pinned) == len(named), "a package is there twice"
    return pinned


def requirements(folder=ROOT, extras=()):
    """Yield what a project requires, its own extras opened."""
    own = project(folder)
    lines = list(own["dependencies"])
    for extra in extras:
        lines += own["optional-dependencies"][extra]
    for requirement in map(Requirement, lines):
        if requirement.name == own["name"]:
            yield from requirements(folder, requirement.extras)
        elif not requirement.name.startswith("skmeta"):
            yield requirement


def lower_bound(requirement):
    [bound] = [each for each in requirement.specifier if each.operator == ">="]
    return Version(bound.version)


def test_make_oldest_tries_the_oldest_version_of_everything():
    tried = pins("constraints-oldest.txt")
    for requirement in requirements(extras=["demo", "test"]):
        name = canonicalize_name(requirement.name)
        if name == "torch":  # the file says why
            assert Version(tried[name]) >= lower_bound(requirement)
        elif name not in LINTERS:
            assert Version(tried[name]) == lower_bound(requirement), name


def test_what_we_run_with_is_within_what_we_promise():
    pinned = pins("constraints.txt")
    for folder in PROJECTS:
        for requirement in requirements(
            folder, project(folder)["optional-dependencies"]
        ):
            name = canonicalize_name(requirement.name)
            assert requirement.specifier.contains(pinned[name]), (folder.name, name)


@pytest.mark.parametrize("name", PINS)
def test_what_a_pinned_package_needs_is_pinned_too(name):
    pinned = pins(name)
    for package in pinned:
        for requirement in needed_by(package, pinned[package]):
            needed = canonicalize_name(requirement.name)
            assert needed in pinned, f"{needed}, which {package} needs"
            assert requirement.specifier.contains(pinned[needed]), (package, needed)


def needed_by(package, version):
    """Return what a package needs, if it is here in this version."""
    try:
        here = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return []
    if here.version != version:  # such as 2.13.0+cpu, another build of torch
        return []
    needed = map(Requirement, here.requires or [])
    return [
        each
        for each in needed
        if not each.marker or each.marker.evaluate({"extra": ""})
    ]


def test_all_packages_ask_for_the_same_python_and_the_same_versions():
    own = {each.name: each for each in requirements(extras=["demo", "test"])}
    for folder in PROJECTS:
        assert project(folder)["requires-python"] == project()["requires-python"]
        for each in requirements(folder, project(folder)["optional-dependencies"]):
            if each.name in own:
                assert each.specifier == own[each.name].specifier, (folder.name, each)


def test_the_site_installs_what_the_examples_import():
    imported = set()
    for path in ROOT.glob("examples/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    modules = {name.partition(".")[0] for name in imported} - {"skmeta"}
    named = {"sklearn": "scikit-learn"}
    installed = {each.name for each in requirements(extras=["docs"])}
    needed = {named.get(name, name) for name in modules - sys.stdlib_module_names}
    assert needed <= installed


def test_ruff_reads_the_code_as_the_oldest_python_does():
    text = (ROOT / "pyproject.toml").read_text()
    [target] = re.findall(r'^target-version = "py3(\d+)"', text, flags=re.MULTILINE)
    assert project()["requires-python"] == f">=3.{target}"
