"""From which network does a request come? Enough to tell a flood from visitors, too little to tell a visitor."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

__all__ = ["network_of", "public_address"]


def public_address(address: str | None) -> IPv4Address | IPv6Address | None:
    """An address on the internet, an IPv4 one as such however it is written; None for whatever is none."""
    try:
        found = ip_address((address or "").strip())
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found if found.is_global else None


def network_of(address: str | None) -> str | None:
    """The network of an address: the 256 addresses around it (IPv4), or the site that it belongs to (IPv6, /48).

    None for what is no address on the internet: a proxy of the site's own, behind which all visitors are alike.

    >>> [network_of(address) for address in ("198.51.100.7", "8.8.4.4", "2a00:1450:4001:82f::200e", "::ffff:8.8.4.4")]
    [None, '8.8.4.0/24', '2a00:1450:4001::/48', '8.8.4.0/24']
    >>> [network_of(address) for address in ("127.0.0.1", "10.1.2.3", "fe80::1%eth0", "unix:", "", None)]
    [None, None, None, None, None, None]
    """
    found = public_address(address)
    if found is None:
        return None
    return str(ip_network((found, 24 if found.version == 4 else 48), strict=False))
