"""A record that cannot be carried out where it points; the stream goes on without it."""

from __future__ import annotations

from app.model.errors import ArcxoError
from app.model.paths import shown


class PathTrouble(ArcxoError):  # noqa: N818  # no error of the stream: it goes on
    """`path` of `root` must be sent again in full; with `final`, sending it again would not help."""

    def __init__(self, code: str, path: bytes, *, final: bool = False, **params: str) -> None:
        self.path = path
        self.final = final
        super().__init__(code, exit_code=None, path=shown(path), **params)

    def __reduce__(self) -> tuple[object, ...]:
        rest = {key: value for key, value in self.params.items() if key != "path"}
        return _rebuild, (self.code, self.path, self.final, rest)


def _rebuild(code: str, path: bytes, final: bool, params: dict[str, str]) -> PathTrouble:
    return PathTrouble(code, path, final=final, **params)
