"""The console. Qt only here."""
