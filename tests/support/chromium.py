"""A headless Chromium, asked over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.needs import lack

_SECONDS = 30
_LISTENING = re.compile(r"DevTools listening on (ws://\S+)")
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def executable() -> str:
    """Where it is; skips the test where there is none."""
    found = os.environ.get("COSTWIRE_TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, _NAMES)), None
    )
    if found is None:
        lack("chromium", "no chromium on the PATH; name one with COSTWIRE_TEST_CHROMIUM")
    return str(found)


class Page:
    """One page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket = socket
        self._session = session
        self._numbers = itertools.count(1)
        self.console: list[str] = []
        """What went wrong, as the browser says it."""

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol, and what it gives."""
        number = next(self._numbers)
        await self._socket.send_json(
            {"id": number, "method": method, "params": parameters, "sessionId": self._session}
        )
        while True:
            told = await self._told()
            if told.get("id") == number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result

    async def open(self, url: str) -> None:
        """Show an address, and wait until it is there."""
        await self.send("Page.navigate", url=url)
        while (await self._told()).get("method") != "Page.loadEventFired":
            pass

    async def evaluate(self, expression: str) -> Any:
        """The value of a piece of JavaScript, awaited where it is a promise."""
        told = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def width(self, pixels: int) -> None:
        """Have the window this wide."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=pixels,
            height=1200,
            deviceScaleFactor=1,
            mobile=False,
        )

    async def screenshot(self, file: Path) -> None:
        """A picture of the whole page."""
        told = await self.send("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(told["data"]))

    async def press(self, key: str) -> None:
        """A key, down and up."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"Enter": "\r"}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, text=text
            )

    async def _told(self) -> dict[str, Any]:
        told: dict[str, Any] = await self._socket.receive_json(timeout=_SECONDS)
        if told.get("method") == "Log.entryAdded":
            self.console.append(told["params"]["entry"]["text"])
        elif told.get("method") == "Runtime.exceptionThrown":
            self.console.append(str(told["params"]["exceptionDetails"]))
        return told


@asynccontextmanager
async def a_page(folder: Path, *, scripts: bool = True) -> AsyncIterator[Page]:
    """A new page of a new browser, whose profile is in the folder."""
    command = [
        executable(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        url = await asyncio.wait_for(asyncio.to_thread(_address, process), _SECONDS)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, max_msg_size=0) as socket,
        ):
            yield await _page(socket, scripts)
    finally:
        process.kill()
        process.wait(_SECONDS)
        assert process.stderr is not None
        process.stderr.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := _LISTENING.search(line):
            return found[1]
    raise AssertionError("chromium ended")


async def _page(socket: aiohttp.ClientWebSocketResponse, scripts: bool) -> Page:
    await socket.send_json(
        {"id": 0, "method": "Target.createTarget", "params": {"url": "about:blank"}}
    )
    target = (await _answer(socket))["targetId"]
    attach = {"targetId": target, "flatten": True}
    await socket.send_json({"id": 0, "method": "Target.attachToTarget", "params": attach})
    page = Page(socket, (await _answer(socket))["sessionId"])
    for domain in ("Page", "Runtime", "Log"):
        await page.send(f"{domain}.enable")
    if not scripts:
        await page.send("Emulation.setScriptExecutionDisabled", value=True)
    return page


async def _answer(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    while True:
        told: dict[str, Any] = await socket.receive_json(timeout=_SECONDS)
        if told.get("id") == 0:
            result: dict[str, Any] = told["result"]
            return result
