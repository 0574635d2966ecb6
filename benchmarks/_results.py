"""Where benchmark results go, with the machine and the versions behind them."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("skmeta", "torch", "skorch", "scikit-learn", "numpy")


def save(name, results):
    """Write results as JSON and return the path of a picture to put beside them."""
    FOLDER.mkdir(exist_ok=True)
    record = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            # Processes that wanted a core in the last minute; not all are ours.
            "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        },
        "versions": {name: version(name) for name in _PACKAGES},
        "results": results,
    }
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(f"Results: {FOLDER.name}/{path.name}")
    return path.with_suffix(".png")


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()
