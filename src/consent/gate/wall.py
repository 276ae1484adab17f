"""What the head guard is told: whose hosts are held from scripts, as long as which purposes are not allowed.

The list is the same for every visitor. A line for each group of services: its name, its purposes with commas, its host
patterns, all with a blank between. Where name and purposes are empty, no choice lets the hosts go. ``*`` is every host
but the site's own: that of a strict policy.

>>> from consent.policy.policy import Policy, Purpose, Service
>>> stats = Service("stats", purposes=("analytics", "research"), hosts=("stats.example", "*.stats.example"))
>>> other = Service("other", hosts=("x.example",))
>>> print(told(Policy.of([Purpose("analytics"), Purpose("research")], [stats], undeclared=[other])))
stats analytics,research stats.example *.stats.example
  x.example
"""

from __future__ import annotations

from ..policy.policy import NECESSARY, Policy

__all__ = ["told"]


def told(policy: Policy) -> str:
    """The guard's list. Services that always run, or are told first, are in it too: theirs may be the more specific
    pattern.
    """
    lines = [
        " ".join((service.name, NECESSARY if service.told else ",".join(service.purposes), *service.hosts))
        for service in policy.services
        if service.hosts
    ]
    undeclared = [*dict.fromkeys(host for service in policy.undeclared for host in service.hosts)]
    if policy.strict:
        undeclared.append("*")
    if undeclared:
        lines.append(" ".join(("", "", *undeclared)))
    return "\n".join(lines)
