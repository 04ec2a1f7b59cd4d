"""Help in the console: which page belongs to a widget, F1 in every window, and the help window."""
