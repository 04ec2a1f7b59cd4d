"""Benchmarks beside the peers, in one run on the same data: `python -m tests.benchmarks`."""
