"""``python -m skmeta predict``: answer rows of many tasks from Parquet to Parquet."""

import argparse
from typing import Any

from skmeta.commands._bulk import run_stages

__all__ = ["add_parser"]

_DESCRIPTION = """\
Answer the rows of a Parquet file, or of a folder of them, by the tasks that adapt has
left in a folder; answers are in the order of the rows. Stopped or killed, the same
command goes on where it was.
"""

_EPILOG = """\
Example: python -m skmeta predict model.skmeta tasks/ rows.parquet --out answers.parquet
Exit codes: 0 done, 1 the files or options do not allow it, 2 wrong usage, 130 stopped.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    parser = commands.add_parser(
        "predict",
        help="answer rows of many tasks from Parquet to Parquet",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", help="the file that adapt was given")
    parser.add_argument("tasks", help="the folder that adapt has made")
    parser.add_argument("rows", nargs="+", help="Parquet files, or a folder of them")
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="Parquet file of the answers"
    )
    parser.add_argument(
        "--groups",
        metavar="COLUMN",
        help="column that says which task a row is of (default: as in adapt)",
    )
    parser.add_argument(
        "--proba", action="store_true", help="add the probability of each label"
    )
    parser.add_argument(
        "--interval",
        type=float,
        metavar="COVERAGE",
        help="add intervals of this coverage, such as 0.9, by a calibrated model",
    )
    parser.add_argument(
        "--keep",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns of the rows to put beside the answers",
    )
    parser.add_argument(
        "--unknown-task",
        choices=["error", "prior"],
        help="what becomes of rows of unknown tasks (default: as the model says)",
    )
    parser.add_argument("--restart", action="store_true", help="begin anew")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    return run_stages("predict", lambda: _predict(options))


def _predict(options: argparse.Namespace) -> str:
    from skmeta.bulk import predict_parquet

    path = predict_parquet(
        options.model,
        options.tasks,
        options.rows,
        options.out,
        groups=options.groups,
        proba=options.proba,
        interval=options.interval,
        keep=options.keep,
        unknown_task=options.unknown_task,
        restart=options.restart,
        verbose=True,
    )
    return f"answers in {path}"
