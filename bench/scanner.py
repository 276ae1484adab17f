"""How long ``consent scan`` takes for one page in all six phases: the planted site of the tests, behind the gate.

    python bench/scanner.py

Prints the seconds of each visit, and of all, the browser's start included, and how busy the machine was.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from consent.scan.run import Plan, scan  # noqa: E402
from consent.scan.visit import Manner  # noqa: E402
from consent.wsgi import ConsentMiddleware  # noqa: E402
from find import browser  # noqa: E402
from scan import planted as sites  # noqa: E402
from scan.test_scan import KEY, SETTINGS  # noqa: E402


def main() -> None:
    with sites.serving(ConsentMiddleware(sites.planted, SETTINGS, secret_key=KEY)) as port:
        plan = Plan(
            [f"https://{sites.SITE}/"],
            limit=1,
            program=browser(),
            manner=Manner(ignore_https_errors=True),
            hosts=dict.fromkeys(sites.HOSTS, f"127.0.0.1:{port}"),
        )
        began = time.monotonic()
        seen = asyncio.run(scan(plan))
        took = time.monotonic() - began
    for visit in seen.visits:
        print(f"{visit.phase:10} {visit.seconds:5.1f} s  {'; '.join(visit.problems)}")
    print(f"all        {took:5.1f} s, {os.cpu_count()} cores, a load of {os.getloadavg()[0]:.0f}; {seen.browser}")


if __name__ == "__main__":
    main()
