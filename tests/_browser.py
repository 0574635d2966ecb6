"""A headless Chromium that says what a page does, over its debugging pipe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from itertools import count
from select import select
from time import monotonic

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_PATIENCE = 60.0  # seconds for one answer


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """One page: what it loads, what it complains of, what it shows."""

    def __init__(self, reader: int, writer: int):
        self._reader, self._writer = reader, writer
        self._numbers, self._buffer, self._session = count(1), b"", None
        self.events: list[dict] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send(
            "Target.attachToTarget", targetId=target, flatten=True
        )["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def open(self, url: str) -> Page:
        self.send("Page.navigate", url=url)
        while not self._seen("Page.loadEventFired"):
            self.events.append(self._receive())
        self.run("new Promise(done => setTimeout(done, 200))")  # late complaints
        return self

    def run(self, script: str):
        answer = self.send(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        return answer["result"].get("value")

    def set_colour_scheme(self, scheme: str) -> None:
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", features=[feature])

    @property
    def requests(self) -> list[str]:
        return [
            event["params"]["request"]["url"]
            for event in self._seen("Network.requestWillBeSent")
        ]

    @property
    def complaints(self) -> list[dict]:
        return [
            event["params"]
            for name in (
                "Runtime.consoleAPICalled",
                "Runtime.exceptionThrown",
                "Log.entryAdded",
            )
            for event in self._seen(name)
        ]

    def send(self, method: str, **params) -> dict:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _seen(self, method: str) -> list[dict]:
        return [event for event in self.events if event.get("method") == method]

    def _receive(self) -> dict:
        end = monotonic() + _PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select([self._reader], [], [], max(0, end - monotonic()))
            assert ready, "Chromium does not answer"
            part = os.read(self._reader, 1 << 16)
            assert part, "Chromium has gone"
            self._buffer += part
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)


@contextmanager
def open_page(chromium: str, profile: str):
    """Start Chromium with a profile of its own, and end it again."""
    their_reader, our_writer = os.pipe()
    our_reader, their_writer = os.pipe()

    def connect():  # Chromium listens on 3 and answers on 4
        reader, writer = os.dup(their_reader), os.dup(their_writer)
        os.dup2(reader, 3)
        os.dup2(writer, 4)

    browser = subprocess.Popen(
        [
            chromium,
            "--headless=new",
            "--no-sandbox",  # root in a container has none
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--window-size=1000,1400",
            "about:blank",
        ],
        close_fds=False,
        preexec_fn=connect,  # noqa: PLW1509 (the child does nothing else)
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_reader)
    os.close(their_writer)
    try:
        yield Page(our_reader, our_writer)
    finally:
        browser.kill()
        browser.wait()
        os.close(our_reader)
        os.close(our_writer)
