"""Made of `app/agent/proto/agent.proto` by `python -m app.agent.proto.generate`; never edited."""
