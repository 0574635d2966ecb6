"""The version, for those below the face who write it down."""

__version__ = "0.1.0.dev0"
