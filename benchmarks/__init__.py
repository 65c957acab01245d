"""Measured claims: each module answers one question, on this machine, with the peer in the same run.

`make bench` runs all; `python -m benchmarks lenet5-train/b64 --json out.json` runs one and keeps its figures.
A ratio above 1 means that Pellucid is faster or smaller.
"""
