"""Item models: cells, tables and trees that change row by row."""
