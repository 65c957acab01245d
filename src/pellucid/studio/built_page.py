"""The built page: where it lies, and what to do where it does not."""

from __future__ import annotations

import re
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


def whole_page(page: Path, element: str, data: bytes) -> bytes:
    """The page in one piece, with its scripts, its styles, and data that it finds in an element.

    Args:
        page: folder of the built page.
        element: id of the element.
        data: JSON.

    Raises:
        DataError: the package was installed without the page.
    """
    closed = data.decode().replace("<", "\\u003c")  # or a name could end the element
    carried = f'<script type="application/json" id="{element}">{closed}</script>'
    return _inlined(page).replace("</body>", f"{carried}\n  </body>").encode()


def _inlined(page: Path) -> str:
    """The page's index with its scripts and styles in place of their addresses."""
    index = index_of(page)

    def script(found: re.Match[str]) -> str:
        text = (page / found[1]).read_text(encoding="utf-8").replace("</script", "<\\/script")
        return f'<script type="module">{text}</script>'

    def style(found: re.Match[str]) -> str:
        return f"<style>{(page / found[1]).read_text(encoding='utf-8')}</style>"

    text = index.read_text(encoding="utf-8")
    text = re.sub(r'<script type="module"[^>]* src="\./([\w./-]+)"></script>', script, text)
    return re.sub(r'<link rel="stylesheet"[^>]* href="\./([\w./-]+)">', style, text)
