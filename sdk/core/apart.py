"""A part of the work on a service that must not harm the others: when it fails, nothing of it has happened."""

from types import TracebackType
from typing import TYPE_CHECKING

from sdk.core.troubles import Part

if TYPE_CHECKING:
    from sdk.core.frame import Frame


class Apart:
    """Around the work: a defect in there, or in what a plugin wants, ends here.

    The service is left alone for a while; what failed is well again when the same part succeeds.
    """

    __slots__ = ("_frame", "_mark", "_part", "_service")

    def __init__(self, frame: "Frame", service: str, part: Part) -> None:
        self._frame = frame
        self._service = service
        self._part = part

    def __enter__(self) -> None:
        self._mark = self._frame.mark()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        frame, service, part = self._frame, self._service, self._part
        if error is None:
            if frame.troubles.faults:
                frame.troubles.well(service, part)
            return False
        if not isinstance(error, Exception):
            return False
        frame.go_back(self._mark)
        frame.fault(service, part, f"{part} fails with an internal error: {type(error).__name__}: {error}", error)
        return True
