"""``python -m skmeta new-plugin``: a complete package to begin with."""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

from skmeta import builtin
from skmeta.hookspecs import KINDS

__all__ = ["add_parser", "write"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_SUFFIXES = (".md", ".py", ".toml")

# What the package has, by kind; its own name comes in place of the braces.
_NAMES = {"algorithm": "{}", "backbone": "{}-net", "distance": "{}-distance"}


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    command = commands.add_parser(
        "new-plugin",
        help="write a package with an algorithm, a backbone and a distance",
        description="Write a complete plugin, tests included: the package skmeta-NAME "
        "with the algorithm NAME, the backbone NAME-net and the distance "
        "NAME-distance.",
    )
    command.add_argument("name", metavar="NAME", help="such as acme")
    command.add_argument(
        "--out", metavar="DIR", default=".", help="where its folder goes (default: .)"
    )
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    try:
        folder = write(options.name, Path(options.out))
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"Wrote {folder}. Now:\n\n"
        f"    cd {folder}\n"
        '    pip install -e ".[test]"\n'
        "    pytest\n"
        f"    python -m skmeta plugins --check {folder.name}"
    )
    return 0


def write(name: str, out: Path) -> Path:
    """Write the package.

    Parameters
    ----------
    name : str
        Lower-case words with hyphens between them; "skmeta-" in front is left out.
    out : Path
        Where its folder goes.

    Returns
    -------
    Path
        The new folder, ``skmeta-`` and the name.

    Raises
    ------
    ValueError
        If the name is not of this form or a built-in has it.
    FileExistsError
        If the folder is there already; nothing is changed then.
    """
    name = name.lower().replace("_", "-").removeprefix("skmeta-")
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name of a plugin: take letters, digits and hyphens, "
            "such as acme or my-lab."
        )
    _refuse_built_in(name)
    folder = out / f"skmeta-{name}"
    if folder.exists():
        raise FileExistsError(f"{folder} is there already; nothing was written.")
    for source, text in _template():
        path = folder / _renamed(source.as_posix(), name, name.replace("-", "_"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_renamed(text, name, name), encoding="utf-8")
    return folder


def _refuse_built_in(name: str) -> None:
    for kind, pattern in _NAMES.items():
        own = pattern.format(name)
        if own in getattr(builtin, KINDS[kind])():
            raise ValueError(
                f"skmeta has the {kind} {own!r} itself, and a built-in wins: choose "
                "another name."
            )


def _template() -> list[tuple[Path, str]]:
    """Return the files of the package that all others are written after."""
    shipped = Path(__file__).with_name("_template")
    clone = Path(__file__).parents[2] / "plugins" / "skmeta-template"
    folder = shipped if shipped.is_dir() else clone
    found = []
    for path in sorted(folder.rglob("*")):
        own = path.relative_to(folder)
        hidden = any(part.startswith((".", "__pyc")) for part in own.parts)
        if path.suffix in _SUFFIXES and not hidden:
            found.append((own, path.read_text(encoding="utf-8")))
    return found


def _renamed(text: str, name: str, elsewhere: str) -> str:
    """Put a name in place of "template", as its package, its class or as it is."""
    words = name.split("-")
    for old, new in [
        ("skmeta_template", "skmeta_" + "_".join(words)),
        ("Template", "".join(word.capitalize() for word in words)),
        ("template", elsewhere),
    ]:
        text = text.replace(old, new)
    return text
