"""Who is told of what, what became of each message, and what is protected until when."""
