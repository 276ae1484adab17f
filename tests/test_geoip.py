"""A visitor's country from a database of addresses: what is found, what is not, and what is told at start."""

from __future__ import annotations

import functools
import ipaddress
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import maxminddb
import pytest
from doors import DOORS, SETTINGS, Request, Served
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from consent.errors import ConfigurationError
from consent.geoip import Geography
from consent.policy.settings import read_settings
from consent.site import Site

PLACES: dict[str, dict[str, Any]] = {
    "81.2.69.0/24": {"country": {"iso_code": "GB"}, "subdivisions": [{"iso_code": "ENG"}]},
    "2.125.160.0/24": {"country": {"iso_code": "FR"}},
    "216.160.83.0/24": {"country": {"iso_code": "US"}, "subdivisions": [{"iso_code": "CA"}]},
    "50.114.0.0/24": {"country": {"iso_code": "US"}},
    "67.43.156.0/24": {"registered_country": {"iso_code": "BT"}},
    "89.160.20.0/24": {"country": "SE"},
    "149.101.100.0/24": {"country": {"iso_code": "US"}, "subdivisions": []},
    "2a02:d300::/28": {"country": {"iso_code": "UA"}},
}


def written(
    path: Path, places: dict[str, dict[str, Any]] = PLACES, *, kind: str = "GeoLite2-City", ip: int = 6
) -> Path:
    """A real database, put in place as geoipupdate does it."""
    writer = MMDBWriter(ip, kind, ipv4_compatible=ip == 6)
    for network, found in places.items():
        if ip == 6 or ":" not in network:
            writer.insert_network(IPSet([network]), found)
    new = path.with_suffix(".new")
    writer.to_db_file(str(new))
    new.replace(path)
    return path


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return written(tmp_path / "GeoLite2-City.mmdb")


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("81.2.69.160", "GB-ENG"), ("2.125.160.216", "FR"), ("216.160.83.56", "US-CA"), ("50.114.0.1", "US"),
        ("149.101.100.1", "US"), (" 2.125.160.216 ", "FR"), ("::ffff:2.125.160.216", "FR"), ("2a02:d300::1", "UA"),
        # Where it is registered is not where the visitor is; a country is no bare text.
        ("67.43.156.1", None), ("89.160.20.112", None),
        # In no database, of no public network, or no address.
        ("8.8.8.8", None), ("127.0.0.1", None), ("10.0.0.1", None), ("192.168.1.1", None), ("fe80::1%eth0", None),
        ("::1", None), ("unix:", None), ("", None), (None, None), ("81.2.69.160, 10.0.0.1", None), ("1" * 5000, None),
    ],
)  # fmt: skip
def test_an_address_has_the_country_that_the_database_knows(city: Path, address: str | None, code: str | None) -> None:
    assert Geography(str(city)).find(address) == code


def test_a_database_of_ipv4_alone_knows_nothing_of_the_rest(tmp_path: Path) -> None:
    geography = Geography(str(written(tmp_path / "GeoLite2-Country.mmdb", kind="GeoLite2-Country", ip=4)))
    assert geography.find("2.125.160.216") == "FR"
    assert geography.find("2a02:d300::1") is None


# At start


def opening(region: str) -> Callable[[], Site]:
    settings = {"services": ["youtube"], "region": region, "log": "sqlite:///:memory:", "spool": "off"}
    return lambda: Site.open(settings, keys=["f3qH-0tXz9vLm2Ws8Kd1"])


def test_a_missing_file_is_told_at_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"region: the database of addresses cannot be read: .*No such file"):
        opening(f"geoip:{tmp_path}/none.mmdb")()


def test_a_file_that_is_none_is_told_at_start(tmp_path: Path) -> None:
    other = tmp_path / "other.mmdb"
    for content in (b"", b"no database" * 100):
        other.write_bytes(content)
        with pytest.raises(ConfigurationError, match="region: the database of addresses cannot be read"):
            opening(f"geoip:{other}")()


#: Damages of what a database says of itself, which readers find one at once, one when they are asked, in their own ways.
DAMAGED = [(b"GeoLite2-City", b"GeoLite2-Cit\xff"), (b"Jnode_count", b"Jnode_counx")]


@pytest.fixture(params=["native", "python"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both readers of maxminddb: where its extension was not built, there is the other one."""
    if request.param == "python":
        pure = functools.partial(maxminddb.open_database, mode=maxminddb.MODE_MMAP)
        monkeypatch.setattr(maxminddb, "open_database", pure)


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(("whole", "damaged"), DAMAGED)
def test_a_damaged_file_is_told_at_start_and_never_in_a_request(city: Path, whole: bytes, damaged: bytes) -> None:
    clock = Clock()
    geography = Geography(str(city), clock=clock)
    new = city.with_suffix(".new")
    new.write_bytes(city.read_bytes().replace(whole, damaged))
    new.replace(city)
    clock.now += 61
    assert geography.find("2.125.160.216") == "FR", "the old one counts"
    with pytest.raises(ConfigurationError, match="region: the database of addresses cannot be read"):
        Geography(str(city))


def test_a_database_without_countries_is_told_at_start(tmp_path: Path) -> None:
    other = written(tmp_path / "asn.mmdb", {"81.2.69.0/24": {"autonomous_system_number": 1}}, kind="GeoLite2-ASN")
    with pytest.raises(ConfigurationError, match="type 'GeoLite2-ASN' does not know countries"):
        opening(f"geoip:{other}")()


def test_a_reader_that_is_not_installed_is_told_at_start_with_what_to_install(
    city: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(ConfigurationError, match=r"region: .* needs maxminddb: pip install 'cookie-consent\[geoip\]'"):
        opening(f"geoip:{city}")()


@pytest.mark.parametrize("region", ["geoip:", "geoip:GeoLite2.mmdb", "geoip", "geoip:/a\nb", "geo:/a"])
def test_a_path_is_from_the_root(region: str) -> None:
    with pytest.raises(ConfigurationError, match='region: must be "header:NAME", "geoip:/PATH" from the root'):
        read_settings({"region": region}, keys="f3qH-0tXz9vLm2Ws8Kd1")


def test_nothing_is_read_before_a_site_is_opened(tmp_path: Path) -> None:
    settings = read_settings({"region": f"geoip:{tmp_path}/none.mmdb"}, keys="f3qH-0tXz9vLm2Ws8Kd1")
    assert settings.regime is None


# While it runs


def test_a_file_that_was_replaced_is_read_again_within_a_minute(city: Path) -> None:
    clock = Clock()
    geography = Geography(str(city), clock=clock)
    written(city, {"2.125.160.0/24": {"country": {"iso_code": "CH"}}})
    clock.now += 59
    assert geography.find("2.125.160.216") == "FR"
    clock.now += 2
    assert geography.find("2.125.160.216") == "CH"
    assert geography.find("81.2.69.160") is None


def test_while_the_new_file_cannot_be_read_the_old_one_counts(city: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    geography = Geography(str(city), clock=clock)
    broken = city.with_suffix(".broken")
    broken.write_bytes(b"half a file")
    broken.replace(city)
    for _ in range(3):
        clock.now += 61
        assert geography.find("2.125.160.216") == "FR"
    assert len(caplog.records) == 1, "told once for each file"
    assert "the old one is" in caplog.text
    city.unlink()
    clock.now += 61
    assert geography.find("2.125.160.216") == "FR"
    written(city, {"2.125.160.0/24": {"country": {"iso_code": "CH"}}})
    clock.now += 61
    with caplog.at_level(logging.INFO, "consent"):
        assert geography.find("2.125.160.216") == "CH"


def test_a_file_that_stays_is_not_read_again(city: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    geography = Geography(str(city), clock=clock)
    os.utime(city.parent)
    clock.now += 3600
    with caplog.at_level(logging.INFO, "consent"):
        assert geography.find("2.125.160.216") == "FR"
    assert caplog.records == []


# Through every door

PAGE = b"<!doctype html><body><iframe src='https://www.youtube.com/embed/x'></iframe>"
#: Of an address: the regime that the settings page's state tells by its model and its signal.
SEEN = [
    ("2.125.160.216", "opt-in"),
    ("216.160.83.56", "opt-out"),
    ("50.114.0.1", "opt-out"),  # a state that is not known may be California
    ("8.8.8.8", "opt-in"),
    ("10.1.2.3", "opt-in"),
]


@pytest.mark.parametrize("name", sorted(DOORS))
def test_the_law_is_that_of_the_address_in_the_header_that_the_proxy_sets(name: str, city: Path) -> None:
    geographic = {**SETTINGS, "region": f"geoip:{city}", "address": "header:X-Forwarded-For"}
    door = DOORS[name]({"/": Served(PAGE)}, geographic)
    for address, model in SEEN:
        # What a visitor adds in front counts for nothing: the proxy's own word is the last.
        answer = door.ask(Request("/_consent/state", headers={"X-Forwarded-For": f"81.2.69.160, {address}"}))
        assert f'"model":"{model}"' in answer.text, address
    # Without the header the connection's own address is not asked: it is the proxy's.
    assert '"model":"opt-in"' in door.ask(Request("/_consent/state")).text


def test_addresses_of_tests_are_public() -> None:
    assert all(ipaddress.ip_network(network).is_global for network in PLACES)
