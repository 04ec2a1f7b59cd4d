"""The host process: protocol, handlers, client, accounts, TLS."""

import os

# What gRPC says of handshakes that fail is told as our errors; on a terminal it is noise.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
