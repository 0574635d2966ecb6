"""Where benchmark results go, with the machine and the versions behind them."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("skmeta", "torch", "skorch", "scikit-learn", "numpy")


def save(name, results, levels=None):
    """Write results as JSON and return the path of a picture to put beside them.

    What is in more than ``levels`` dicts stands on one line.
    """
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(_text(record(results), levels) + "\n")
    print(f"Results: {FOLDER.name}/{path.name}")
    return path.with_suffix(".png")


def record(results, packages=()):
    """Put results beside the machine and the versions."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            # Processes that wanted a core in the last minute; not all are ours.
            "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        },
        "versions": {name: _version(name) for name in (*_PACKAGES, *packages)},
        "results": results,
    }


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:  # or it runs from a folder
        return None


def _text(value, levels, indent="\n"):
    if levels is None:
        return json.dumps(value, indent=2)
    if levels == 0 or not isinstance(value, dict) or not value:
        return json.dumps(value)
    deeper = indent + "  "
    lines = [
        f"{deeper}{json.dumps(key)}: {_text(own, levels - 1, deeper)}"
        for key, own in value.items()
    ]
    return "{" + ",".join(lines) + indent + "}"


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()
