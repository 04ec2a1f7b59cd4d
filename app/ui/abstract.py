"""Abstract classes among those of Qt: one that lacks a method cannot be made."""

from __future__ import annotations

from functools import cache
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abc import ABC
else:
    # The classes of Qt have a metaclass of their own, which another one beside it breaks.
    ABC = object


class Abstract(ABC):
    """Named before a class of Qt by one that has methods which are `abc.abstractmethod`.

    Raises:
        TypeError: an object of a class is made that lacks some of them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        lacking = _lacking(type(self))
        if lacking:
            raise TypeError(f"{type(self).__name__} lacks {', '.join(lacking)}")
        super().__init__(*args, **kwargs)


@cache
def _lacking(kind: type) -> list[str]:
    """The methods of a class that are only promised, by name."""
    # Not of `dir`: only to look at what is Qt's makes it parse its signatures, which takes long.
    promised = {
        name
        for above in kind.__mro__
        for name, value in vars(above).items()
        if isinstance(value, FunctionType) and getattr(value, "__isabstractmethod__", False)
    }
    return sorted(name for name in promised if getattr(getattr(kind, name), "__isabstractmethod__", False))
