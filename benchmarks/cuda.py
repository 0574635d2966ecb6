"""What does a GPU give: meta-steps, mixed precision, compiled steps, ten million tasks?

The meta-steps of *big*, *conv* and *images* (`meta_step.py` says what they are) on a
card beside those on the CPU of the same machine, beside `torch.func.vmap` and JAX on
the same card; what bfloat16 does to losses; what `compile=True` saves; how many tasks
are adapted and answered in a second; and whether every algorithm answers on the card as
it does on the CPU. With ``--parts`` some of it is measured again.

Each part runs in a process of its own and notes what it measures at once: a part that
breaks, or takes too long, costs itself. All of it takes eight minutes at most.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from _results import FOLDER, record

_LEAST = 10  # seconds for which no part is begun
# Parts, and their seconds at most: together more than there are, for most end sooner.
PARTS = {
    "machine": 40,
    "steps": 100,
    "agree": 150,
    "tasks": 160,
    "jax": 210,
    "compiled": 60,
    "precision": 60,
}


def run_apart(name, seconds, options, lines):
    """Run a part in another process; return how it ended."""
    command = [sys.executable, __file__, "--part", name, "--lines", str(lines)]
    command += ["--device", options.device, "--seconds", str(seconds)]
    command += ["--small"] * options.small
    process = subprocess.Popen(command, start_new_session=True)
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # what it has started as well
        process.wait()
        return f"stopped after {seconds:.0f} s"
    return "done" if code == 0 else f"ended with code {code}"


def run_part(options):
    """Run one part, as another process asked for it."""
    from _cuda_parts import PARTS as KNOWN
    from _cuda_parts import Part

    with open(options.lines, "a") as file:

        def note(key, value):
            print(json.dumps([key, value], default=float), file=file, flush=True)

        part = Part(options, note)
        part.try_to("all of it", lambda: KNOWN[options.part](part))


def measure(options):
    """Run parts, and write down after each what is known.

    Those that are not asked for stay as an earlier run has left them.
    """
    deadline = perf_counter() + 60 * options.minutes
    results = {}
    if options.out.exists() and set(options.parts) != set(PARTS):
        results = json.loads(options.out.read_text())["results"]
    with tempfile.TemporaryDirectory() as folder:
        for name in options.parts:
            start, lines = perf_counter(), Path(folder) / f"{name}.jsonl"
            lines.touch()
            left = deadline - start
            print(f"{name}: at most {min(left, PARTS[name]):.0f} s", flush=True)
            ended = "no time left"
            if left > _LEAST:
                ended = run_apart(name, min(left, PARTS[name]), options, lines)
            found = [json.loads(line) for line in lines.read_text().splitlines()]
            took = perf_counter() - start
            results[name] = {
                "when": datetime.now(UTC).isoformat(timespec="seconds"),
                "ended": ended,
                "seconds": took,
                **dict(found),
            }
            print(f"{name}: {ended}, {took:.0f} s", flush=True)
            options.out.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(record(results, ("jax", "jaxlib")), indent=2)
            options.out.write_text(text + "\n")
    return results


def report(results):
    """Print what matters, in a few lines."""
    print("\nmilliseconds per meta-step")
    for part in ("steps", "jax", "compiled"):
        for key, value in results.get(part, {}).items():
            if isinstance(value, dict) and "loss" not in key and "error" not in value:
                for name, took in value.items():
                    print(f"  {key + ', ' + name:46} {took:10.2f}")
            elif isinstance(value, float) and "fit" in key:
                print(f"  {key:46} {value:10.2f}")
    print("\ntasks per second")
    for key, value in results.get("tasks", {}).items():
        if isinstance(value, dict) and "tasks" in value:
            rate, n_tasks = value["tasks per second"], value["tasks"]
            print(f"  {key:30} {rate:12,.0f}  of {n_tasks:,}")
    print("\nwhat went wrong")
    for part, found in results.items():
        if found["ended"] != "done":
            print(f"  {part}: {found['ended']}")
        for key, value in found.items():
            if isinstance(value, dict) and "error" in value:
                print(f"  {part}, {key}: {value['error'][:300]}")
    print("\nanswers on the card that differ by more than 0.01 from those of the CPU")
    for key, value in results.get("agree", {}).items():
        if isinstance(value, dict) and value.get("largest", 0) > 0.01:
            print(f"  {key}: {value}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--small", action="store_true", help="to try the script")
    parser.add_argument("--out", type=Path, default=FOLDER / "cuda.json")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--lines", help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        run_part(options)
        return
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        print("There is no CUDA device here, and nothing to measure.")
        return
    report(measure(options))
    print(f"Results: {options.out}")


if __name__ == "__main__":
    main()
