"""Benchmarks beside the peers, in one run on the same data: `packaging/test --bench`."""
