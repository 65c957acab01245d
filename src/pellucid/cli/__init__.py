"""The command line: how people without Python reach Pellucid."""
