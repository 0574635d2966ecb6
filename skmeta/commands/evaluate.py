"""``python -m skmeta evaluate``: tell whether meta-learning helps with a table."""

import argparse
import shlex
import sys
from importlib.util import find_spec
from typing import Any

__all__ = ["add_parser"]

_NEEDS = {"pandas": "pandas", "matplotlib": "matplotlib", "jinja2": "jinja2"}

_DESCRIPTION = """\
Learn from some of the tasks in a table, judge on others: meta-learners and plain ways
side by side, as a table here and as a report in one HTML file; the recommended model
is saved.
"""

_EPILOG = """\
Example: python -m skmeta evaluate sales.csv --target sold_out --groups store
Exit codes: 0 done, 1 the table or the options do not allow it, 2 wrong usage,
130 stopped by Ctrl-C, what is judged by then being written.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    parser = commands.add_parser(
        "evaluate",
        help="does meta-learning help with a table of yours?",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_question(parser)
    _add_reading(parser)
    _add_work(parser)
    parser.set_defaults(run=_run)


def _add_question(parser: argparse.ArgumentParser) -> None:
    """What is asked: of which table, and of whom."""
    parser.add_argument("table", help="CSV or Parquet file")
    parser.add_argument(
        "--target",
        required=True,
        nargs="+",
        action="extend",
        metavar="COLUMN",
        help="column to predict; or several, which are learnt together",
    )
    parser.add_argument(
        "--groups", required=True, help="column that says which task a row is from"
    )
    parser.add_argument(
        "--shots",
        nargs="+",
        type=_whole_number,
        default=[1, 5, 10],
        metavar="N",
        help="labelled rows seen of a new task (default: 1 5 10)",
    )
    parser.add_argument(
        "--algorithms",
        nargs="+",
        metavar="NAME",
        help="as python -m skmeta plugins lists them (default: a few that suit)",
    )
    parser.add_argument(
        "--plain",
        nargs="+",
        metavar="NAME",
        help='plain ways to set them against, such as "mixed linear" (default: all '
        "that suit and are installed)",
    )
    parser.add_argument(
        "--task",
        choices=["classification", "regression"],
        help="kind of target (default: found out from the column)",
    )
    parser.add_argument(
        "--metric",
        help="name of a scikit-learn scorer (default: accuracy, or "
        "neg_mean_absolute_error)",
    )


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """How the table is read, and which of its rows are known."""
    parser.add_argument(
        "--drop",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns not to learn from, such as ids or what gives the target away",
    )
    parser.add_argument(
        "--keep",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns to learn from although they seem to number or name the rows",
    )
    parser.add_argument(
        "--sep",
        metavar="CHARACTER",
        help="what stands between columns of a CSV file (default: found out)",
    )
    parser.add_argument(
        "--decimal",
        choices=[".", ","],
        help="what stands before decimals there (default: found out)",
    )
    parser.add_argument(
        "--encoding",
        help="of the CSV file, such as cp1250 (default: found out)",
    )
    parser.add_argument(
        "--time",
        metavar="COLUMN",
        help="dates or numbers to sort rows by: the first rows of a task are known, "
        "later ones asked",
    )
    parser.add_argument(
        "--support",
        choices=["random", "first"],
        help="which rows of a task are known (default: the first with --time, else "
        "random ones)",
    )
    parser.add_argument(
        "--in-support",
        metavar="COLUMN",
        help="column that is true for the rows to be known, false for those to ask",
    )


def _add_work(parser: argparse.ArgumentParser) -> None:
    """How long it takes, and where it goes."""
    parser.add_argument(
        "--out",
        default="report",
        metavar="FOLDER",
        help="where report.html and the model go (default: report/)",
    )
    parser.add_argument(
        "--max-epochs",
        type=_positive_number,
        metavar="N",
        help="most epochs of meta-training (default: what each algorithm recommends)",
    )
    parser.add_argument(
        "--random-state",
        type=_whole_number,
        default=0,
        metavar="N",
        help="seed of all that is drawn (default: 0)",
    )
    parser.add_argument(
        "--jobs",
        type=_positive_number,
        metavar="N",
        help="processes that judge side by side (default: 1)",
    )


def _whole_number(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def _positive_number(text: str) -> int:
    value = _whole_number(text)
    if not value:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


_whole_number.__name__ = _positive_number.__name__ = "whole number"  # for messages


def _run(options: argparse.Namespace) -> int:
    missing = [name for module, name in _NEEDS.items() if find_spec(module) is None]
    if missing:
        needs = " and ".join(missing)
        return _fail(f'needs {needs}: pip install "skmeta[evaluate]"')
    from skmeta.evaluation import InputError, evaluate

    try:
        evaluate(
            options.table,
            target=options.target,
            groups=options.groups,
            shots=options.shots,
            algorithms=options.algorithms,
            plain=options.plain,
            task=options.task,
            metric=options.metric,
            drop=options.drop,
            keep=options.keep,
            sep=options.sep,
            decimal=options.decimal,
            encoding=options.encoding,
            out=options.out,
            max_epochs=options.max_epochs,
            random_state=options.random_state,
            n_jobs=options.jobs,
            time=options.time,
            support=options.support,
            in_support=options.in_support,
            command=_command(options),
        )
    except InputError as error:
        return _fail(str(error))
    return 0


def _fail(message: str) -> int:
    print(f"python -m skmeta evaluate: {message}", file=sys.stderr)
    return 1


def _command(options: argparse.Namespace) -> str:
    """Write the command line out in full, to show in the report."""
    words = ["python", "-m", "skmeta", "evaluate", options.table]
    for name in (
        "target",
        "groups",
        "shots",
        "algorithms",
        "plain",
        "task",
        "metric",
        "drop",
        "keep",
        "sep",
        "decimal",
        "encoding",
        "time",
        "support",
        "in_support",
        "out",
        "max_epochs",
        "random_state",
        "jobs",
    ):
        value = getattr(options, name)
        if value is None or value == []:
            continue
        values = value if isinstance(value, list) else [value]
        words += [f"--{name.replace('_', '-')}", *map(str, values)]
    return shlex.join(words)
