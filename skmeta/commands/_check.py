"""``python -m skmeta plugins --check``: a report, law by law."""

import contextlib
import difflib
import json
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from skmeta.plugins import Row, same_distribution

__all__ = ["run"]


def run(name: str, rows: Sequence[Row], *, as_json: bool = False) -> int:
    """Check what has a name, or all that a distribution offers; print a report.

    Parameters
    ----------
    name : str
        A registered name, ``"distribution:name"`` or a distribution.
    rows : sequence of Row
        All that is registered, and what failed.
    as_json : bool, default=False
        Print JSON.

    Returns
    -------
    int
        0 if every law is kept, else 1.
    """
    chosen = _choose(name, rows)
    if not chosen:
        print(_unknown(name, rows), file=sys.stderr)
        return 1
    reports = []
    for row in chosen:
        report = _report(row)
        reports.append(report)
        if not as_json:
            print("\n".join(_lines(report)))
    if as_json:
        print(json.dumps(reports, indent=2))
    return int(any(_is_broken(report) for report in reports))


def _choose(name: str, rows: Sequence[Row]) -> list[Row]:
    """Find what a name stands for: first as a look-up does, then more freely."""
    for fits in (
        lambda row: name in (row.use, row.full_name),
        lambda row: name == row.name,
        lambda row: same_distribution(name, row.distribution),
    ):
        if chosen := [row for row in rows if fits(row)]:
            return chosen
    return []


def _unknown(name: str, rows: Sequence[Row]) -> str:
    names = {row.name for row in rows} | {row.distribution for row in rows}
    names |= {row.full_name for row in rows if ":" in name}
    close = difflib.get_close_matches(name, sorted(names))
    message = f"Nothing is registered as {name!r}."
    if close:
        message += f" Did you mean {' or '.join(map(repr, close))}?"
    return f"{message} All names: python -m skmeta plugins"


def _report(row: Row) -> dict[str, Any]:
    report: dict[str, Any] = {
        "kind": row.kind,
        "name": row.name,
        "distribution": row.distribution,
        "version": row.version,
        "error": None,
        "results": [],
    }
    if row.use is None:
        report["error"] = f"{row.state}: {row.reason}"
        return report
    from skmeta.testing import check  # slow to import, and a listing needs none of it

    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            results = check(row.kind, row.use, on_fail=None)
    except Exception as error:
        report["error"] = f"{type(error).__name__}: {error}"
        return report
    report["results"] = [
        {
            "law": result.law,
            "case": result.case,
            "status": result.status,
            "message": str(result.exception or ""),
            "smallest_case": getattr(result.exception, "smallest_case", ""),
        }
        for result in results
    ]
    return report


def _is_broken(report: dict[str, Any]) -> bool:
    return bool(report["error"] or _count(report, "failed"))


def _count(report: dict[str, Any], status: str) -> int:
    return sum(result["status"] == status for result in report["results"])


def _lines(report: dict[str, Any]) -> list[str]:
    title = "{kind} {name!r} of {distribution} {version}".format(**report).rstrip()
    if report["error"]:
        return [title, f"  {report['error']}", "Not checked."]
    lines = [title]
    for result in report["results"]:
        case = f" ({result['case']})" if result["case"] else ""
        lines.append(f"  {result['status']:7} {result['law']}{case}")
        lines += [" " * 10 + line for line in result["message"].splitlines()]
    kept, broken, silent = (
        _count(report, status) for status in ("passed", "failed", "skipped")
    )
    summary = f"{kept} passed, {broken} failed"
    return [*lines, summary + (f", {silent} do not apply." if silent else ".")]
