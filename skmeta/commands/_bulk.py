"""What the commands share that go on where they were stopped."""

import sys
from collections.abc import Callable

__all__ = ["run_stages"]


def run_stages(name: str, call: Callable[[], str]) -> int:
    """Run a command, and say how it ended.

    Parameters
    ----------
    name : str
        Of the command.
    call : callable
        Returns what is said at the end.

    Returns
    -------
    int
        Exit code.
    """
    try:
        said = call()
    except KeyboardInterrupt:
        print(
            "\nStopped. The same command goes on with what is not done yet.",
            file=sys.stderr,
        )
        return 130
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"python -m skmeta {name}: {error}", file=sys.stderr)
        return 1
    print(said)
    return 0
