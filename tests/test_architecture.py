"""Pages for developers are true: what they name is there, and nothing is left out."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
INDEX = ROOT / "docs" / "decisions" / "README.md"
PAGES = [
    ROOT / "docs" / "architecture.md",
    ROOT / "docs" / "release.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    INDEX,
    *DECISIONS,
]
LINKING = sorted({*PAGES, ROOT / "README.md", *(ROOT / "docs").glob("*.md")})
FILE = re.compile(r"[\w./-]+/[\w.-]*|[\w.-]+\.(?:py|md|toml|cff|txt|ya?ml)")
PARTS = ["Context", "Decision", "Consequence", "When to think again"]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def prose(page):
    """Return a page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def in_backticks(page):
    return re.findall(r"`([^`\n]+)`", prose(page))


def find(path):
    """Return the file that a page means: of the library, or from the root on."""
    for start in (ROOT / "skmeta", ROOT):
        if (start / path).exists():
            return start / path
    return None


def names_in(tree, prefix=""):
    """Yield what a module or a class defines, with dots."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from names_in(node, f"{prefix}{node.name}.")
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (
                prefix + target.id for target in targets if isinstance(target, ast.Name)
            )


def drawing():
    """Return the rooms of every floor as drawn, from the top: {number: names}."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    [chart] = re.findall(r"```mermaid\n(.*?)```", text, flags=re.DOTALL)
    floors = re.findall(r"subgraph f(\d+)\[(.*?)\]\n(.*?)\n    end", chart, re.DOTALL)
    assert all(title == f'"floor {number}"' for number, title, _ in floors)
    return {int(n): re.findall(r'\["(\w+)"\]', inside) for n, _, inside in floors}


def contract():
    """Return the rooms of every floor as import-linter holds them, from the top."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    [layers] = [
        each["layers"]
        for each in settings["tool"]["importlinter"]["contracts"]
        if each["type"] == "layers"
    ]
    rooms = [[name.strip() for name in layer.split("|")] for layer in layers]
    return dict(zip(range(len(rooms), 0, -1), rooms, strict=True))


@each_page
def test_files_in_backticks_are_there(page):
    paths = [text.partition("::")[0] for text in in_backticks(page)]
    # A path with a placeholder, such as <module>, is a pattern.
    missing = [path for path in paths if FILE.fullmatch(path) and not find(path)]
    assert not missing


@each_page
def test_names_in_backticks_are_defined_where_the_page_says(page):
    named = [text for text in in_backticks(page) if "::" in text and "<" not in text]
    missing = []
    for text in named:
        path, name = text.split("::")
        file = find(path)
        if not file or name not in names_in(ast.parse(file.read_text())):
            missing.append(text)
    assert not missing


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:|mailto:|auto_examples/", target):  # the site makes these
            continue
        path, _, heading = target.partition("#")
        file = page.parent / path if path else page
        found = file.exists()
        if found and heading:
            titles = re.findall(r"^#+ (.*)$", file.read_text(), flags=re.MULTILINE)
            found = heading in {
                re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
                for title in titles
            }
        if not found:
            broken.append(target)
    assert not broken


def test_floors_are_drawn_as_they_are_held():
    drawn, held = drawing(), contract()
    assert list(drawn) == list(held)
    assert {n: sorted(rooms) for n, rooms in drawn.items()} == {
        n: sorted(rooms) for n, rooms in held.items()
    }


def test_arrows_lead_down_from_floor_to_floor():
    text = (ROOT / "docs" / "architecture.md").read_text()
    chain = " --> ".join(f"f{number}" for number in contract())
    assert chain in text


def test_every_room_is_drawn_and_told_of():
    library = ROOT / "skmeta"
    rooms = {path.parent.name for path in library.glob("*/__init__.py")}
    rooms |= {path.stem for path in library.glob("*.py")} - {"__init__"}
    assert rooms == {name for names in drawing().values() for name in names}
    # The second column of the table of floors.
    table = re.findall(r"^\| (?:\d+ )?\| (.*?) \|", prose(PAGES[0]), re.MULTILINE)
    assert rooms == {name for cell in table for name in re.findall(r"`(\w+)`", cell)}


def test_every_decision_stands_in_the_index_in_its_order():
    listed = re.findall(r"\]\((\d+-[\w-]+\.md)\)", INDEX.read_text())
    assert listed == [page.name for page in DECISIONS]
    numbers = [int(page.name.partition("-")[0]) for page in DECISIONS]
    assert numbers == [*range(1, len(numbers) + 1)]


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_why_what_follows_and_when_to_think_again(page):
    text = page.read_text()
    assert re.findall(r"^\*\*(.*?)\.\*\* \S", text, flags=re.MULTILINE) == PARTS
    title = re.match(r"# (\d+)\. (.+)\n", text)
    assert int(title[1]) == int(page.name.partition("-")[0])
    assert f"[{title[2]}]({page.name})" in INDEX.read_text()
    assert len(text.splitlines()) <= 25


# Tests of a wing that are named for a claim, for they span its modules.
CLAIMS = {
    "algorithms/test_prior.py",
    "datasets/test_omniglot_learning.py",
    "episodes/test_stratified.py",
    "estimators/few_shot/test_explained.py",
    "estimators/test_partial_fit.py",
    "estimators/test_prior.py",
    "estimators/test_scores.py",
    "plugins/test_broken_plugins.py",
}


def test_the_tests_of_a_wing_are_named_for_its_modules():
    tests, skmeta = ROOT / "tests", ROOT / "skmeta"
    for path in tests.glob("*/**/test_*.py"):
        own = path.relative_to(tests)
        name = path.name.removeprefix("test_")
        modules = [skmeta / own.parent / each for each in (name, f"_{name}")]
        is_there = any(module.exists() for module in modules)
        assert is_there != (own.as_posix() in CLAIMS), own
