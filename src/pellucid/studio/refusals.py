"""Why a request is refused, and the status that says so."""

from __future__ import annotations

from pellucid.errors import DataError, FormatError, PellucidError, UnknownNameError, UnsupportedLayer

BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 400, 401, 403, 404
TOO_LARGE, WRONG_KIND, UNUSABLE = 413, 415, 422


class RefusedError(PellucidError):
    """A request that is not answered as asked; `status` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def status_of(error: PellucidError) -> int:
    """HTTP's status for an error of the library."""
    if isinstance(error, RefusedError):
        return error.status
    if isinstance(error, UnknownNameError):
        return NOT_FOUND
    if isinstance(error, FormatError | UnsupportedLayer | DataError | ValueError):
        return UNUSABLE
    return BAD_REQUEST
