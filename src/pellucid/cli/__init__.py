"""The command line: how people without Python reach Pellucid."""

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT."""
