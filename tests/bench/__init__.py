"""Measure the speed promises of the design: `python -m tests.bench`."""
