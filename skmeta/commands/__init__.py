"""The commands of ``python -m skmeta``, one module each.

A command has ``add_parser(commands)``, which adds its words to the command line and
sets what runs it.
"""

from skmeta.commands import adapt, demo, evaluate, new_plugin, plugins, predict

__all__ = ["COMMANDS"]

COMMANDS = [demo, evaluate, adapt, predict, new_plugin, plugins]
