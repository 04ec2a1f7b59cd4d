"""The wire protocol's source, and how the generated modules are made of it."""
