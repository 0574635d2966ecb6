"""The version, for those below the face who write it down."""

__version__ = "0.2.0.dev0"
