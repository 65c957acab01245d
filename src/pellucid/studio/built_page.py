"""The built page: where it lies, and what to do where it does not."""

from __future__ import annotations

from pathlib import Path

from pellucid.errors import DataError

PAGE = Path(__file__).parent / "page"
"""Where the package carries it; the package's build puts it there, in a clone too."""


def index_of(page: Path) -> Path:
    """The file that a browser opens first.

    Raises:
        DataError: the package was installed without the page.
    """
    index = page / "index.html"
    if not index.is_file():
        raise DataError(
            "the Studio's page is not installed: install pellucid again without PELLUCID_WITHOUT_PAGE"
        )
    return index
