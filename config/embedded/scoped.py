"""One `with` block for every server: it runs inside and is stopped on the way out."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self


class Scoped(ABC):
    """A server that starts on entering a `with` block and stops however the block ends."""

    @abstractmethod
    def start(self) -> Any:
        """Return once the server takes connections."""

    @abstractmethod
    def stop(self) -> None:
        """End it; harmless if it does not run."""

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
