"""The host process: protocol, handlers, client, accounts, TLS."""
