"""The message catalogue: code, text, module, reason, action."""
