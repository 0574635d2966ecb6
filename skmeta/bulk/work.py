"""Work in a folder that is done once, whatever ends a process in the middle of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skmeta.utils.files import FolderLock, replace_file, sync_folder

__all__ = ["Work", "digest", "is_same_model", "read_plan"]

_PLAN = "manifest.json"
FORMAT = 1

# Only what is called just so is ours to remove: users have part-00000.parquet as well.
_FILE = r"(manifest\.json|shard-\d{6,}\.safetensors|part-\d{6,}\.arrows)"
_WHOLE = re.compile(_FILE)
_BEGUN = re.compile(rf"\.{_FILE}\.([0-9a-f]{{8}}|part)")
_BUCKETS = ("rows", "order")  # folders
_BUCKET = re.compile(r"\d{6,}\.arrows")


class Work:
    """A folder with a plan, and the files that the plan asks for.

    The plan says what the work is of, so that no other work goes on from it. A file
    that is there is whole: it was written under another name first.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    asked : dict
        JSON that says what the work is of: the model, the rows, the options.
    restart : bool
        Drop what other work has left.
    what : str
        What the folder holds, for errors.
    weaker : dict, default=None
        What may have been asked in place of what is asked now, by key.

    Attributes
    ----------
    plan : dict
        What is asked, and what was found out on the way.

    Raises
    ------
    ValueError
        If the folder holds other work or other files, or if another process is at it.
    """

    def __init__(
        self,
        folder: Path,
        asked: dict[str, Any],
        restart: bool,
        what: str,
        weaker: dict[str, Any] | None = None,
    ):
        self.folder = folder
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{str(folder)!r} is a file; {what} need a folder.")
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FolderLock(folder)
        if not self._lock.acquire():
            raise ValueError(f"Another process is at work in {str(folder)!r}.")
        try:
            self.plan = self._begin(asked, restart, what, weaker or {})
        except BaseException:
            self._lock.release()
            raise

    def _begin(
        self, asked: dict[str, Any], restart: bool, what: str, weaker: dict[str, Any]
    ) -> dict[str, Any]:
        there = [*self.folder.iterdir()]
        plan = read_plan(self.folder)
        if plan is None:
            others = sorted(path.name for path in there if not _is_ours(path))
            if others:
                raise ValueError(
                    f"{str(self.folder)!r} is not empty and holds no {what}, but "
                    f"{others[:5]}. Name another folder."
                )
            self.clear()
        elif restart:
            self.clear()
        else:
            before = plan["asked"]
            for key, value in weaker.items():
                if before.get(key) == value:
                    before[key] = asked[key]
            differ = _differences(before, asked)
            if differ:
                raise ValueError(
                    f"{str(self.folder)!r} holds {what} of other work: it differs in "
                    f"{', '.join(differ)}. Name another place, or begin anew with "
                    "restart=True, on the command line --restart."
                )
            for path in there:
                if _BEGUN.fullmatch(path.name):  # half a file of a killed process
                    path.unlink()
            return self._save(plan)
        fresh = {"format": FORMAT, "asked": asked}
        return self._save(fresh)

    def clear(self) -> None:
        """Remove all of the work, the plan first."""
        (self.folder / _PLAN).unlink(missing_ok=True)
        for path in [*self.folder.iterdir()]:
            if _is_ours(path):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def note(self, **found: Any) -> None:
        """Add to the plan what was found out."""
        self.plan = self._save({**self.plan, **found})

    def _save(self, plan: dict[str, Any]) -> dict[str, Any]:
        text = json.dumps(plan, indent=1, allow_nan=False)
        replace_file(self.folder / _PLAN, text.encode())
        return plan

    def __enter__(self) -> Work:
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """Give a name to write a file by, which gets its own name when it is whole."""
        temporary = path.with_name(f".{path.name}.part")
        try:
            yield temporary
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)


def read_plan(folder: Path) -> dict[str, Any] | None:
    """Return the plan of a folder, None if it has none.

    Raises
    ------
    ValueError
        If it is of a later version.
    """
    path = folder / _PLAN
    if not path.is_file():
        return None
    try:
        plan = json.loads(path.read_bytes())
        is_ours = isinstance(plan["asked"], dict) and isinstance(plan["format"], int)
    except (ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise ValueError(
            f"{str(path)!r} was not written by skmeta, or is damaged. Name another "
            "folder, or remove the file to begin anew."
        )
    if plan["format"] > FORMAT:
        raise ValueError(f"{str(path)!r} is of a later version of skmeta: upgrade it.")
    return plan


def _is_ours(path: Path) -> bool:
    if path.is_dir():
        return path.name in _BUCKETS and all(
            _BUCKET.fullmatch(each.name) for each in path.iterdir()
        )
    return any(pattern.fullmatch(path.name) for pattern in (_WHOLE, _BEGUN))


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Name what differs; a model is the same if one of its checksums is."""
    names = []
    for name in {**one, **other}:
        before, now = one.get(name), other.get(name)
        if name == "model" and before and now:
            if is_same_model(before, now):
                continue
        elif before == now:
            continue
        names.append(name.replace("_", " "))
    return names


def is_same_model(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Tell whether two models have a checksum in common."""
    return any(one[key] == other[key] and one[key] is not None for key in one)


def digest(asked: dict[str, Any]) -> str:
    """Return a checksum of what is asked."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
