"""Arcxo: continuous replication, and backup of the replica."""

__version__ = "0.1.0"
