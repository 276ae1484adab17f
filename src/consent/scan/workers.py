"""Listens to shared workers, which Playwright does not, and asks of all workers which script asked for what.

Chromium's protocol tells of a worker's requests to who is attached to it; but a worker does not wait for that. So its
script is given :data:`_DELAY` to lie idle before it begins: where it comes from the network, that is, by a request of
the page's that the probe has told of.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, CDPSession, Page

__all__ = ["Workers"]

#: Milliseconds, in which a browser that is busy attaches.
_DELAY = 300
_IDLE = f"for(const until=Date.now()+{_DELAY};Date.now()<until;);".encode()
#: What counts only where nothing stands before it.
_STRICT = re.compile(rb"""\s*(?:"use strict"|'use strict');?""")
#: Headers that were true of a script as it was sent.
_OF_BYTES = frozenset({"content-encoding", "content-length"})


class Workers:
    """The workers of a profile.

    :param begun: the addresses of the workers that pages have begun, added as they begin them.
    :param told: is called with each event of Chromium's that tells of a request or a web socket, and with whether
        nobody else tells of it.
    """

    def __init__(self, begun: set[str], told: Callable[[dict[str, Any], bool], None]) -> None:
        self._begun = begun
        self._told = told
        self._shared: dict[str, bool] = {}

    async def attach(self, browser: Browser, context: BrowserContext, page: Page) -> None:
        """Begin to listen, before the page is opened."""
        of_page = await context.new_cdp_session(page)
        profile = (await of_page.send("Target.getTargetInfo"))["targetInfo"]["browserContextId"]
        of_page.on("Fetch.requestPaused", lambda event: self._delay(of_page, event))
        # Scripts of workers are of no kind of their own.
        script = {"urlPattern": "*", "resourceType": "Other", "requestStage": "Response"}
        await of_page.send("Fetch.enable", {"patterns": [script]})
        of_browser = await browser.new_browser_cdp_session()
        of_browser.on("Target.targetCreated", lambda event: self._created(of_browser, profile, event))
        of_browser.on("Target.receivedMessageFromTarget", self._heard)
        wanted = [{"type": "shared_worker"}, {"type": "worker"}, {"exclude": True}]
        await of_browser.send("Target.setDiscoverTargets", {"discover": True, "filter": wanted})
        context.on("close", lambda _: _leave(of_browser))

    async def _delay(self, session: CDPSession, event: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"requestId": event["requestId"]}
        with suppress(Exception):  # the page is gone
            if event["request"]["url"] not in self._begun or event.get("responseStatusCode") != 200:
                await session.send("Fetch.continueRequest", answer)
                return
            came = await session.send("Fetch.getResponseBody", answer)
            script = b64decode(came["body"]) if came["base64Encoded"] else came["body"].encode()
            headers = [each for each in event["responseHeaders"] if each["name"].lower() not in _OF_BYTES]
            strict = _STRICT.match(script)
            body = b64encode((strict[0] + b";" if strict else b"") + _IDLE + script).decode()
            await session.send(
                "Fetch.fulfillRequest", {**answer, "responseCode": 200, "responseHeaders": headers, "body": body}
            )

    async def _created(self, session: CDPSession, profile: str, event: dict[str, Any]) -> None:
        target = event["targetInfo"]
        if target.get("browserContextId") != profile:
            return
        with suppress(Exception):  # the worker has ended
            # Not "flatten", since Playwright knows no session that it has not begun.
            attached = await session.send("Target.attachToTarget", {"targetId": target["targetId"], "flatten": False})
            number = attached["sessionId"]
            self._shared[number] = target["type"] == "shared_worker"
            asked = json.dumps({"id": 1, "method": "Network.enable", "params": {}})
            await session.send("Target.sendMessageToTarget", {"sessionId": number, "message": asked})

    def _heard(self, event: dict[str, Any]) -> None:
        said = json.loads(event["message"])
        shared = self._shared.get(event["sessionId"], False)
        if said.get("method") in {"Network.requestWillBeSent", "Network.webSocketCreated"}:
            self._told(said["params"], shared)
        elif said.get("method") == "Network.webTransportCreated":
            self._told({**said["params"], "type": "webtransport"}, True)


async def _leave(session: CDPSession) -> None:
    with suppress(Exception):  # the browser is gone
        await session.detach()
