"""``consent demo``: a news site to try the banner, the gate and the log on."""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from .sealing import Sealing

__all__ = ["add_command", "settings"]


def add_command(commands: Any) -> None:
    """Add ``demo``."""
    demo = commands.add_parser(
        "demo",
        help="a news site to try it on",
        description="Serve a news site, with stand-ins for the third parties that such sites embed.",
    )
    demo.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    demo.add_argument("--port", type=int, default=None, help="port; else PORT, else 8000; 0 for any free one")
    demo.add_argument("--regime", help="the law for everybody: strict, eu, opt-out, us-ca, notice, …")
    demo.add_argument("--region", metavar="CODE", help="where visitors are, as ISO 3166: FR, US-CA, …")
    demo.add_argument("--wording", help="ask, assume, or auto: assume only where the law allows it (default)")
    demo.add_argument(
        "--language", help="the banner's language, such as fr, ar or pt-BR (default: English, the page's)"
    )
    demo.add_argument("--layout", help="where the banner asks: box, bar or modal (default: box)")
    demo.add_argument("--theme", help="how it is drawn: quiet or bold (default: quiet)")
    demo.add_argument("--log", metavar="URL", help="where decisions are kept (default: a file made for this run)")
    demo.set_defaults(run=_run)


def settings(hosts: dict[str, str], options: argparse.Namespace, log: str) -> dict[str, Any]:
    """The demo's settings, as a site would write them. Its third parties are services of the site's own."""
    names = ("regime", "wording", "language", "layout", "theme")
    given = {name: getattr(options, name) for name in names if getattr(options, name)}
    if options.region:
        given["region"] = f"fixed:{options.region}"
    return {
        "policy": "2026-11",
        "privacy_url": "/privacy",
        "texts": {"en": {"refuse": "Opt out"}},
        "log": log,
        "services": {
            "footfall": {
                "title": "Footfall Analytics",
                "provider": "Footfall Ltd",
                "purposes": ["analytics"],
                "hosts": [hosts["footfall"]],
                "snippets": ["ffq.push"],
                "cookies": [
                    {"name": "_ff_id", "days": 730},
                    {"name": "_ga", "days": 730},
                    {"name": "_ga_*", "days": 730},
                ],
                "storage": ["ff_*"],
            },
            "kino": {
                "title": "Kino video",
                "provider": "Kino A/S",
                "purposes": ["preferences"],
                "hosts": [f"{hosts['kino']}/embed/"],
                "kind": "video",
                "cookies": [{"name": "kino_uid", "days": 365, "third_party": True}],
            },
            "chart-maps": {
                "title": "Chart Maps",
                "provider": "Kino A/S",
                "purposes": ["preferences"],
                "hosts": [f"{hosts['kino']}/map/"],
                "kind": "map",
            },
            "lantern": {
                "title": "Lantern Ads",
                "provider": "Lantern GmbH",
                "purposes": ["marketing"],
                "hosts": [hosts["lantern"]],
                "cookies": [{"name": "lantern_uid", "days": 365, "third_party": True}],
            },
            "chirp": {
                "title": "Chirp button",
                "provider": "Chirp Inc.",
                "purposes": ["marketing"],
                "hosts": [hosts["chirp"]],
                "kind": "social",
                "cookies": [{"name": "chirp_uid", "days": 365, "third_party": True}],
            },
        },
        **given,
    }


def _run(options: argparse.Namespace) -> int:
    from ..wsgi import ConsentMiddleware
    from .gallery import Gallery
    from .neighbours import Collector, Neighbours, Quiet
    from .newspaper import Newspaper

    collector = Collector()
    neighbours = Neighbours(collector)
    folder = Path(tempfile.mkdtemp(prefix="consent-demo-"))
    log = options.log or f"sqlite:///{folder}/consent.db"
    key = os.environ.get("CONSENT_SECRET_KEY") or secrets.token_urlsafe(32)
    mapping = settings(neighbours.host, options, log)
    app = ConsentMiddleware(Newspaper(neighbours.host, collector), mapping, secret_key=key)
    gallery = Gallery(app, {name: mapping[name] for name in ("policy", "services")}, app.site.store, key)
    server = _server(options.host, _port(options.port), gallery, Quiet)
    neighbours.start()
    sealing = None if options.log else _sealing(log, folder, key)
    verify = f"  Verify them with         consent log verify --log {log} --trust {sealing.trust}\n" if sealing else ""
    print(
        f"\n  The Harbour Post is at   http://{options.host}:{server.server_port}\n"
        f"  All that it can show at  http://{options.host}:{server.server_port}/gallery\n"
        f"  Its decisions are in     {log}\n"
        f"  Read them with           consent log list --log {log}\n{verify}\n"
        "  Ctrl-C stops it.\n",
        flush=True,
    )
    try:
        server.serve_forever()
    finally:
        if sealing:
            sealing.stop()
        neighbours.stop()
        server.server_close()
        app.site.close()
    return 0


def _port(given: int | None) -> int:
    if given is not None:
        return given
    text = os.environ.get("PORT") or "8000"
    if not text.isdigit() or int(text) > 65_535:
        raise ConfigurationError("must be a port", path=("PORT",), value=text)
    return int(text)


def _server(host: str, port: int, app: Any, request_handler: Any) -> Any:
    import contextlib
    import io

    from werkzeug.serving import make_server

    try:
        # Werkzeug explains a taken port on standard error and exits; we say it in our own words.
        with contextlib.redirect_stderr(io.StringIO()):
            return make_server(host, port, app, threaded=True, request_handler=request_handler)
    except (OSError, SystemExit) as error:
        raise ConfigurationError(
            f"port {port} of {host} cannot be had; choose another: PORT={port + 80} make demo, or --port {port + 80}"
        ) from error


def _sealing(log: str, folder: Path, key: str) -> Sealing | None:
    """What seals the log, at work; None without what it signs with."""
    from .sealing import Sealing

    try:
        sealing = Sealing(log, folder, key)
    except ImportError:
        return None
    sealing.start()
    return sealing
