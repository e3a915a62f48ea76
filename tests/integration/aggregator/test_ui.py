"""The pages in a real browser: complete without JavaScript, better with it, fit for everyone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.chromium import Page, a_page, executable
from tests.support.flavour_upstream import FlavourUpstream
from tests.support.kubernetes_estates import Estate
from tests.support.needs import lack
from tests.support.processes import ServiceProcess, free_port

NODES, PODS = 3, 80
WIDTHS = (400, 1280)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages of an aggregator, one of whose upstreams is gone."""
    executable()
    folder = tmp_path_factory.mktemp("ui")
    series = Estate(7, nodes=NODES, pods=PODS).series("kubernetes")
    with FlavourUpstream("kubernetes", series) as upstream:
        told = [
            {"name": "north", "url": upstream.url},
            {"name": "lost", "url": f"http://127.0.0.1:{free_port()}"},
        ]
        file = folder / "upstreams.yaml"
        file.write_text(yaml.safe_dump({"upstreams": told}), encoding="utf-8")
        aggregator = ServiceProcess("aggregator", folder, upstreams_file=file, fresh_seconds=600)
        with aggregator.start().wait_until_ready():
            yield f"{aggregator.url}/ui"


@pytest.fixture(scope="module")
def pages(url: str) -> dict[str, str]:
    """One of each kind."""
    return {
        "clusters": url,
        "cluster": f"{url}/cluster?key=cluster-0",
        "node": f"{url}/node?cluster=cluster-0&name=node-0",
    }


def shown(
    folder: Path, look: Callable[[Page], Coroutine[Any, Any, None]], *, scripts: bool = True
) -> None:
    async def run() -> None:
        async with asyncio.timeout(120), a_page(folder / "profile", scripts=scripts) as page:
            await look(page)
            assert page.console == []

    asyncio.run(run())


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core."""
    file = Path(os.environ.get("COSTWIRE_TEST_AXE", ""))
    if not file.is_file():
        lack("axe", "COSTWIRE_TEST_AXE names no axe.min.js (npm install axe-core)")
    return file.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_pages_have_no_barriers(
    pages: dict[str, str], axe: str, width: int, scheme: str, tmp_path: Path
) -> None:
    async def look(page: Page) -> None:
        await page.width(width)
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        await page.send("Emulation.setEmulatedMedia", features=media)
        for name, address in pages.items():
            await page.open(address)
            await page.evaluate(axe)
            violations = await page.evaluate(
                "axe.run().then(told => told.violations.map("
                "one => [one.id, one.nodes.map(node => node.html).slice(0, 3)]))"
            )
            assert violations == [], name

    shown(tmp_path, look)


@pytest.mark.parametrize("width", WIDTHS)
def test_pages_are_as_wide_as_the_window(pages: dict[str, str], width: int, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.width(width)
        for name, address in pages.items():
            await page.open(address)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, name
            if folder := os.environ.get("COSTWIRE_TEST_SCREENSHOTS"):
                await page.screenshot(Path(folder) / f"{name}-{width}.png")

    shown(tmp_path, look)


def test_pages_are_complete_without_javascript(url: str, tmp_path: Path) -> None:
    async def text(page: Page) -> str:
        document = await page.send("DOM.getDocument", depth=0)
        told = await page.send("DOM.getOuterHTML", nodeId=document["root"]["nodeId"])
        return str(told["outerHTML"])

    async def look(page: Page) -> None:
        await page.open(url)
        clusters = await text(page)
        assert "cluster-0" in clusters
        assert "unreachable" in clusters
        await page.open(f"{url}/cluster?key=cluster-0&page=2")
        assert f"{NODES * PODS} pods, page 2 of 2" in await text(page)

    shown(tmp_path, look, scripts=False)


def test_tables_are_sorted_by_a_click_on_their_heads(url: str, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.open(f"{url}/cluster?key=cluster-0")
        pods = "document.querySelectorAll('table.sortable')[1]"
        read = f"[...{pods}.tBodies[0].rows].map(row => row.cells[1].textContent.trim())"
        click = f"{pods}.tHead.rows[0].cells[1].firstChild.click()"
        names = await page.evaluate(read)
        await page.evaluate(click)
        ascending = await page.evaluate(read)
        await page.evaluate(click)
        assert await page.evaluate(read) == ascending[::-1]
        assert sorted(names) == sorted(ascending)
        assert ascending[0] != ascending[-1]

    shown(tmp_path, look)


def test_bill_that_is_coming_is_looked_for_once_at_a_time(url: str, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.open(url)
        await page.evaluate(
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<p class=coming></p>')"
        )
        await page.evaluate(
            "waiting = new Set(); number = 0;"
            "window.setTimeout = () => (waiting.add(++number), number);"
            "window.clearTimeout = (which) => waiting.delete(which);"
        )
        for _ in range(3):
            await page.evaluate("enhance()")
        assert await page.evaluate("waiting.size") == 1

    shown(tmp_path, look)


def test_page_is_walked_by_keyboard(url: str, tmp_path: Path) -> None:
    async def look(page: Page) -> None:
        await page.open(url)
        focused = "document.activeElement.textContent.trim()"
        await page.press("Tab")
        assert await page.evaluate(focused) == "Skip to the content"
        seen = []
        for _ in range(6):
            await page.press("Tab")
            seen.append(await page.evaluate(focused))
        assert "cluster-0" in seen

    shown(tmp_path, look)
