"""Makes `app/agent/generated` of `agent.proto`. A development tool: needs grpcio-tools."""

from __future__ import annotations

import ast
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
GENERATED = os.path.join(os.path.dirname(_HERE), "generated")


def generate(directory: str = GENERATED) -> int:
    """Write the modules to `directory`; returns protoc's exit code."""
    from grpc_tools import protoc

    code: int = protoc.main(
        [
            "protoc",
            f"-I{_HERE}",
            f"--python_out={directory}",
            f"--pyi_out={directory}",
            f"--grpc_python_out={directory}",
            os.path.join(_HERE, "agent.proto"),
        ]
    )
    service = os.path.join(directory, "agent_pb2_grpc.py")
    with open(service, encoding="utf-8") as file:
        text = file.read()
    # protoc writes a top-level import; the modules live in a package.
    text = text.replace("import agent_pb2 as", "from app.agent.generated import agent_pb2 as")
    text = _without_unused(text)
    with open(service, "w", encoding="utf-8") as file:
        file.write(text)
    return code


def _without_unused(text: str) -> str:
    """Only what calls and what registers: handlers need no base here, nothing calls without a stub."""
    lines = text.splitlines(keepends=True)
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.ClassDef) and not node.name.endswith("Stub"):
            start = node.lineno - 1
            while start and (not lines[start - 1].strip() or lines[start - 1].lstrip().startswith("#")):
                start -= 1
            del lines[start : node.end_lineno]
    return "".join(lines)


if __name__ == "__main__":
    sys.exit(generate())
