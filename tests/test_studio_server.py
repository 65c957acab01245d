"""The server as it runs: on the loopback interface, with its thread pools, for as long as somebody looks."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import uvicorn
from studio_cases import TOKEN, Page, client_of, embedded, small_network, studio_of
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from pellucid.studio.app import application
from pellucid.studio.jobs import SLOW_THREADS, AbandonedError, Attention, Jobs
from pellucid.studio.limits import Limits
from pellucid.studio.studio import Studio


class Running:
    """A Studio under uvicorn, in a thread."""

    def __init__(self, studio: Studio) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        app = application(studio, token=TOKEN, port=self.port)
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.listener.close()

    def client(self) -> httpx2.Client:
        """A browser."""
        return httpx2.Client(base_url=f"http://127.0.0.1:{self.port}", headers={"x-token": TOKEN}, timeout=60)


@pytest.fixture
def studio() -> Studio:
    return studio_of(small_network())


def test_a_real_server_answers_and_refuses(studio: Studio) -> None:
    with Running(studio) as running, running.client() as client:
        page = Page(client)
        assert page.overview()[0]["classes"]
        assert client.get("/api/state", headers={"host": "evil.example"}).status_code == 403
        assert client.get("/api/state", headers={"x-token": "no"}).status_code == 401
        assert client.post("/api/overview", content=bytes(2 << 20)).status_code in (413, 415)
        assert page.overview()[0]["classes"]


def test_a_slow_question_blocks_no_other(studio: Studio) -> None:
    release, begun = threading.Event(), threading.Semaphore(0)

    def slow() -> None:
        begun.release()
        release.wait()

    with Running(studio) as running, running.client() as client:
        waiting = [studio.jobs._slow.submit(slow) for _ in range(5 * SLOW_THREADS)]
        for _ in range(SLOW_THREADS):
            begun.acquire()
        page = Page(client)
        assert page.overview()[0]["classes"]
        assert not any(future.done() for future in waiting)
        release.set()


def test_work_of_a_client_that_has_gone_is_not_begun(studio: Studio) -> None:
    release, begun = threading.Event(), threading.Semaphore(0)
    asked: list[str] = []

    def slow() -> None:
        begun.release()
        release.wait()

    original = studio.workspace.model

    def noted(identity: str) -> Any:
        asked.append(identity)
        return original(identity)

    studio.workspace.model = noted
    with Running(studio) as running:
        held = [studio.jobs._slow.submit(slow) for _ in range(SLOW_THREADS)]
        for _ in range(SLOW_THREADS):
            begun.acquire()
        with running.client() as impatient, pytest.raises(httpx2.TimeoutException):
            impatient.post("/api/health", json={"model": "gone"}, timeout=0.2)
        with running.client() as client:
            assert client.get("/api/state").status_code == 200
            release.set()
            for future in held:
                future.result()
            model = client.get("/api/state").json()["models"][0]["id"]
            assert client.post("/api/health", json={"model": model}).status_code == 200
    assert asked == [model]


def test_work_in_parts_stops_between_two_of_them() -> None:
    attention = Attention()
    attention.check()
    attention.end()
    with pytest.raises(AbandonedError):
        attention.check()


def test_nothing_begins_after_the_end() -> None:
    jobs = Jobs()
    jobs.close()
    with pytest.raises(RuntimeError):
        jobs._quick.submit(print)


def test_what_is_kept_is_bounded_however_many_images_come() -> None:
    studio = studio_of(embedded("tiny-vgg"), limits=Limits(images=8, traces=4))
    with client_of(studio) as client:
        page = Page(client)
        content = client.get(f"/api/models/{page.model['id']}/images/{page.images[0]['id']}").content
        path = f"/api/models/{page.model['id']}/images"
        for _ in range(40):
            page.images[0] = client.post(path, content=content).json()
            page.overview()
            page.overview(what="gradient")
    (model,) = studio.workspace.models
    assert len(model.uploaded) == 8
    assert len(model.pictures) == 8 + 6
    assert len(studio.passes._held) == 4


def test_the_bytes_of_passes_are_bounded_too() -> None:
    studio = studio_of(embedded("tiny-vgg"), limits=Limits(trace_bytes=1_000_000))
    with client_of(studio) as client:
        page = Page(client)
        for image in range(5):
            page.overview(image, what="gradient")
    held = sum(passed.nbytes for passed in studio.passes._held.values())
    assert 0 < held <= 1_000_000


def test_a_pass_that_has_left_the_memory_is_made_again() -> None:
    studio = studio_of(small_network(), limits=Limits(traces=1))
    with client_of(studio) as client:
        page = Page(client)
        first = page.trace(0)
        before = page.json("arithmetic", trace=first, node="conv1", at=[0, 0, 0])
        page.trace(1)
        assert list(studio.passes._held) != [first]
        assert page.json("arithmetic", trace=first, node="conv1", at=[0, 0, 0]) == before


def test_closing_a_model_lets_its_passes_go() -> None:
    studio = studio_of(small_network())
    with client_of(studio) as client:
        page = Page(client)
        trace = page.trace()
        assert client.delete(f"/api/models/{page.model['id']}").status_code == 200
        assert not studio.passes._held
        assert page.refused("values", trace=trace, node="conv1")[0] == 404


def test_the_command_serves_until_ctrl_c() -> None:
    command = [sys.executable, "-m", "pellucid", "studio", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", process.stdout.readline())
            assert url is not None
            state = httpx2.get(
                f"http://127.0.0.1:{url[1]}/api/state", headers={"x-token": url[2]}, timeout=60
            )
            assert [model["name"] for model in state.json()["models"]] == ["tiny-vgg", "lenet5"]
            with pytest.raises(OSError, match="refused"), socket.socket() as outside:
                outside.connect(("127.0.0.2", int(url[1])))  # only the one address listens
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) in (0, 130)
        finally:
            process.kill()


ENDLESS = """
import threading
from functools import partial
from pellucid.cli.studio import run_studio
from pellucid.studio.opening import open_embedded
from pellucid.studio.studio import Studio

def endless(studio):
    print("asked", flush=True)
    threading.Event().wait()

Studio.state = endless
run_studio([partial(open_embedded, "lenet5")], port=0, browser=False)
"""
"""A Studio that never answers one question."""


def test_ctrl_c_waits_for_no_answer() -> None:
    command = [sys.executable, "-c", ENDLESS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            url = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", process.stdout.readline())
            assert url is not None
            with socket.create_connection(("127.0.0.1", int(url[1]))) as line:
                asking = f"GET /api/state HTTP/1.1\r\nhost: 127.0.0.1:{url[1]}\r\nx-token: {url[2]}\r\n\r\n"
                line.sendall(asking.encode())
                assert "asked" in (process.stdout.readline(), process.stdout.readline())[1]
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=60) == 130
            assert "pellucid: interrupted" in process.stderr.read()
        finally:
            process.kill()


def test_training_goes_over_a_real_websocket() -> None:
    with Running(studio_of(embedded("lenet5"))) as running, running.client() as client:
        page = Page(client)
        host = f"127.0.0.1:{running.port}"
        url = f"ws://{host}/api/training?token={quote(TOKEN)}"
        with pytest.raises(InvalidStatus, match="403"), connect(url, origin=Origin("http://evil.example")):
            pass
        with connect(url, origin=Origin(f"http://{host}")) as line:
            line.send(
                json.dumps({"action": "open", "model": page.model["id"], "data": "digits", "epochs": 1})
            )
            line.send(json.dumps({"action": "run"}))
            states = (json.loads(text) for text in line)
            finished = next(state for state in states if state["status"] in ("finished", "failed"))
    assert (finished["step"], finished["problem"]) == (23, None)
