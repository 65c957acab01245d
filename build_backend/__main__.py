"""The page for the Makefile: `python -m build_backend requirements`, `... page` or `... npm run lint`.

`requirements` prints what pip must install first, if anything; `page` builds the page if it is old; `npm`
runs npm in the folder of the page.
"""

from __future__ import annotations

import sys

from build_backend import node, page


def main(command: str, *arguments: str) -> None:
    """Do what the command says."""
    if command == "requirements":
        if node.machine_npm() is None:
            print(node.REQUIREMENT)
    elif command == "page":
        page.build()
    elif command == "npm":
        page.install_tools(page.SOURCES)
        node.run_npm(*arguments, folder=page.SOURCES)
    else:
        raise node.NodeError(f"expects requirements, page or npm, received {command!r}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except node.NodeError as error:
        raise SystemExit(f"error: {error}") from None
