"""What the page and a notebook's kernel say to each other in place of HTTP and a WebSocket."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Asking(TypedDict):
    """From the page to the kernel.

    "page": the page itself. "ask": a request as the server takes it; its body is `text`, which is JSON, or
    the bytes that come with the message. "leave": nobody waits for that answer any more. "open": a line to a
    training run; "say": a wish on it; "hang-up". `id` names a request or a line, and comes back.
    """

    kind: Literal["page", "ask", "leave", "open", "say", "hang-up"]
    id: str
    method: NotRequired[str]
    path: NotRequired[str]
    text: NotRequired[str]


class Telling(TypedDict):
    """From the kernel to the page.

    "page", "answer": the content is in the bytes that come with the message. `status` is HTTP's, `height` the
    page's in pixels. "said": a state on a line. "closed": the line's end.
    """

    kind: Literal["page", "answer", "said", "closed"]
    id: str
    status: NotRequired[int]
    height: NotRequired[int]
    text: NotRequired[str]


class Epoch(TypedDict):
    """One epoch of a finished run; None where nothing was held out, or targets are no classes."""

    epoch: int
    loss: float
    accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    seconds: float
    images_per_second: float


class Run(TypedDict):
    """A finished run: names of the network and the data set, and the epochs."""

    network: str
    data: str
    epochs: list[Epoch]


class Cell(TypedDict):
    """What a page in a notebook's cell shows: a run, or, where that is None, what the kernel has open."""

    run: Run | None
