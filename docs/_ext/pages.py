"""The pages of docs/ as they are read on GitHub, made into pages of a site.

Links to files outside docs/ lead to the repository; the drawing of the floors becomes
a picture; pages that no list names stand at the end of the user guide.
"""

import re
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
REPOSITORY = "https://github.com/skmeta/skmeta/blob/main/"

# Files of the root that are pages here, by the page that stands for them.
WHOLE = {
    "changes": "CHANGELOG.md",
    "contributing": "CONTRIBUTING.md",
    "security": "SECURITY.md",
}
LISTS = ("index", "guide", "project")  # pages whose lists name the others
_BLOCK = re.compile(r"(^```.*?^```$)", flags=re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s#]+)(#[^()\s]*)?\)")
_ALL_DECISIONS = "\n\n```{toctree}\n:hidden:\n:glob:\n\n[0-9]*\n```\n"


def rewrite(app, docname, source):
    """Change a page of Markdown as it is read."""
    if not (DOCS / f"{docname}.md").exists():
        return
    text, folder = source[0], join("docs", dirname(docname))
    if docname in WHOLE:
        text, folder = (ROOT / WHOLE[docname]).read_text(), ""
    text = re.sub(r"^```mermaid\n(.*?)^```", _floors, text, flags=re.S | re.M)
    parts = [
        part if part.startswith("```") else _lead(part, folder, docname)
        for part in _BLOCK.split(text)
    ]
    text = "".join(parts).replace("{further pages}", "\n".join(unlisted()))
    source[0] = text + _ALL_DECISIONS * (docname == "decisions/README")


def unlisted():
    """Return the pages that no list names."""
    lines = [(DOCS / f"{name}.md").read_text().splitlines() for name in LISTS]
    entries = (line.partition("<")[2] or line for each in lines for line in each)
    listed = {entry.strip(" >") for entry in entries} | {*LISTS}
    return sorted({path.stem for path in DOCS.glob("*.md")} - listed)


def _lead(prose, folder, docname):
    """Let links of a page of a folder lead where the site has what they mean."""

    def change(match):
        mark, words, path, heading = match.groups(default="")
        if re.match(r"https?:|mailto:", path):
            return match[0]
        target = normpath(join(folder, path))
        return f"{mark}[{words}]({_address(target, docname, bool(mark))}{heading})"

    return _LINK.sub(change, prose)


def _address(target, docname, is_picture):
    up = "../" * docname.count("/")
    pages = {file: page for page, file in WHOLE.items()} | {"README.md": "index"}
    example = re.fullmatch(r"examples/(\d\d_\w+)\.py", target)
    if target in pages:
        return f"{up}{pages[target]}.md"
    if is_picture and not target.startswith("docs/"):
        return f"{up}../{target}"
    if example:
        return f"{up}auto_examples/{example[1]}.rst"
    if target == "examples":
        return f"{up}auto_examples/index.rst"
    if target.startswith("docs/"):
        return up + target.removeprefix("docs/")
    return REPOSITORY + target


def _floors(match):
    """Draw the floors as boxes of HTML, which fit a phone and either colour scheme."""
    rows = []
    for title, inside in re.findall(
        r'\["(floor \d+)"\]\n(.*?)\n    end', match[1], re.S
    ):
        rooms = re.findall(r'\["(\w+)"\]', inside)
        boxes = "".join(f"<li><code>{escape(room)}</code></li>" for room in rooms)
        rows.append(f"<li><span>{title}</span><ul>{boxes}</ul></li>")
    return (
        '```{raw} html\n<figure class="floors" aria-label="The floors, from the top">'
        f"<ol>{''.join(rows)}</ol><figcaption>Imports go down only.</figcaption>"
        "</figure>\n```"
    )


def setup(app):
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
