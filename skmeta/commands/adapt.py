"""``python -m skmeta adapt``: learn tasks by the million from Parquet files."""

import argparse
from typing import Any

from skmeta.commands._bulk import run_stages

__all__ = ["add_parser"]

_DESCRIPTION = """\
Adapt a saved meta-learner to all tasks of a Parquet file, or of a folder of them, in
memory that does not grow with the tasks. They go to a folder, for predict. Stopped or
killed, the same command goes on where it was.
"""

_EPILOG = """\
Example: python -m skmeta adapt model.skmeta support.parquet --groups store --out tasks/
Exit codes: 0 done, 1 the files or options do not allow it, 2 wrong usage, 130 stopped.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    parser = commands.add_parser(
        "adapt",
        help="learn tasks by the million from Parquet files",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        help="file of save, or a Pipeline's: .skops, or .joblib, which runs its code",
    )
    parser.add_argument("support", nargs="+", help="Parquet files, or a folder of them")
    parser.add_argument(
        "--groups", required=True, help="column that says which task a row is of"
    )
    parser.add_argument(
        "--target",
        nargs="+",
        metavar="COLUMN",
        help="column to learn (default: the one that is neither groups nor a feature)",
    )
    parser.add_argument(
        "--columns",
        nargs="+",
        metavar="COLUMN",
        help="columns to learn from (default: those that the model was fitted to)",
    )
    parser.add_argument(
        "--out", required=True, metavar="FOLDER", help="where the tasks go"
    )
    parser.add_argument(
        "--rows-per-shard",
        type=int,
        metavar="N",
        help="rows that are learnt at once (default: by the number of columns)",
    )
    parser.add_argument(
        "--restart", action="store_true", help="drop what is in the folder"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    return run_stages("adapt", lambda: _adapt(options))


def _adapt(options: argparse.Namespace) -> str:
    from skmeta.bulk import adapt_parquet

    tasks = adapt_parquet(
        options.model,
        options.support,
        options.out,
        groups=options.groups,
        target=options.target,
        columns=options.columns,
        rows_per_shard=options.rows_per_shard,
        restart=options.restart,
        verbose=True,
    )
    return f"{tasks.n_tasks:,} tasks of {tasks.n_rows:,} rows in {options.out}"
