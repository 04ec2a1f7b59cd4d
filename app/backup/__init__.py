"""Archiver (snapshot to session), restorer (session to files), restore plan."""
