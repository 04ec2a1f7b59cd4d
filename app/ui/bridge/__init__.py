"""Work off the GUI thread, polling and throttling: how service calls reach panes."""
