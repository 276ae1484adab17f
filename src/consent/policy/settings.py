"""One mapping, three spellings (Flask config, Django setting, TOML), one parser: settings in, frozen values out.

Every mistake is one :class:`~consent.errors.ConfigurationError` at start, with the setting's path, the bad value, the
known ones and the nearest spelling.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias, cast

from ..errors import ConfigurationError
from .declared import read_policy
from .exemption import EXEMPTIONS
from .gpp import Gpp, read_gpp
from .moved import MovedFrom, read_moved_from
from .policy import Policy
from .reader import TOKEN, Table
from .regime import MODELS, PRESETS, STRICT, Model, Regime

__all__ = ["AccountSource", "AddressSource", "ConsentMode", "RegionSource", "Settings", "read_settings", "read_toml"]

Wording = Literal["auto", "ask", "assume"]
Placement = Literal["auto", "manual"]
Layout = Literal["box", "bar", "modal"]
Theme = Literal["quiet", "bold"]
Wall = Literal["off", "guard", "csp", "csp-report"]
SpoolHolds = Literal["all", "refusals"]
Cache = Literal["private", "shared"]

_PREFIX = re.compile(r"/(?:[A-Za-z0-9._~-]+/)+\Z")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")
#: Keys made of nothing but these words, whatever stands between them; and the keys in Flask's documentation.
_GUESSED = re.compile(
    r"(?:a|app|change|changeme|default|dev|development|django|example|flask|insecure|is|key|me|my|not|password|secret"
    r"|super|test|the|this|to|very|your)+\Z"
)
_PUBLISHED = frozenset({b'_5#y2L"F4Q8z\n\xec]/', b"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"})

#: A site's own: given a reader of request headers, an ISO 3166 code, or None where it is not known.
RegionFunction: TypeAlias = Callable[[Callable[[str], str | None]], str | None]


@dataclass(frozen=True, slots=True)
class RegionSource:
    """Where a visitor's region comes from: a request header, a fixed code, the site's own function, or a database.

    ``database``: the path of one that knows in which country an address is.
    """

    header: str | None = None
    fixed: str | None = None
    function: RegionFunction | None = None
    database: str | None = None

    def find(self, header: Callable[[str], str | None], locate: Callable[[], str | None] = lambda: None) -> str | None:
        """The region of a request, an ISO 3166 code, given its headers by lower-case name.

        ``locate``: asks the database for its address.
        """
        if self.database is not None:
            return locate()
        if self.function is not None:
            found: object = self.function(header)
            return found if isinstance(found, str) else None
        return header(self.header.lower()) if self.header is not None else self.fixed


#: A site's own: given a reader of request headers, the id of the account that is signed in, or None for nobody.
AccountFunction: TypeAlias = Callable[[Callable[[str], str | None]], object]


@dataclass(frozen=True, slots=True)
class AccountSource:
    """Where the account of who is signed in comes from: a request header that a proxy sets, or the site's function."""

    header: str | None = None
    function: AccountFunction | None = None

    def find(self, header: Callable[[str], str | None]) -> object:
        """The account's id, given the request's headers by lower-case name; None for nobody."""
        return self.function(header) if self.function is not None else header((self.header or "").lower())


@dataclass(frozen=True, slots=True)
class AddressSource:
    """Where a visitor's address comes from: the connection, or a request header that the site's own proxies set.

    ``hops``: which of the addresses in that header counts, from its end; each proxy adds one.
    """

    header: str | None = None
    hops: int = 1

    def find(self, peer: str | None, header: Callable[[str], str | None]) -> str | None:
        """The address of a request, given its connection's and its headers by lower-case name."""
        if self.header is None:
            return peer
        named = (header(self.header.lower()) or "").split(",")
        return named[-self.hops].strip() if len(named) >= self.hops else None


@dataclass(frozen=True, slots=True)
class ConsentMode:
    """How Google's tags are told of a choice.

    ``advanced``: their scripts run before it, told that everything is denied; else they are held until it is given.
    ``wait_for_update``: milliseconds for which they hold back what they would send; 0 is not at all.
    """

    advanced: bool = False
    wait_for_update: int = 500
    ads_data_redaction: bool = False
    url_passthrough: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a site's owner can decide, checked and frozen. ``docs/settings.md`` has a heading for each.

    ``regime`` is None where the visitor's region decides. ``keys``: the first signs, all verify. ``keys`` and ``log``,
    which may hold a password, are left out of the representation.
    """

    policy: Policy
    keys: tuple[bytes, ...] = field(repr=False)
    regime: Regime | None = STRICT
    region: RegionSource | None = None
    wording: Wording = "auto"
    privacy_url: str = ""
    prefix: str = "/_consent/"
    log: str = field(default="sqlite:///consent.db", repr=False)
    spool: str = "auto"
    spool_holds: SpoolHolds = "all"
    receipts: str = ""
    decisions_per_minute: int = 60
    address: AddressSource = field(default_factory=AddressSource)
    placement: Placement = "auto"
    layout: Layout = "box"
    theme: Theme = "quiet"
    close_button: bool = False
    wall: Wall = "off"
    cache: Cache = "private"
    language: str = "auto"
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)
    cookie_name: str = "consent"
    cookie_domain: str = ""
    account: AccountSource | None = None
    account_seconds: int = 5
    consent_mode: ConsentMode = field(default_factory=ConsentMode)
    gpp: Gpp | None = None
    moved_from: MovedFrom | None = None


def read_toml(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """The settings mapping in a TOML file.

    :raises ConfigurationError: if it cannot be read, with the place in the file.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - the path may be any path-like
            return tomllib.load(file)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the settings in {os.fspath(path)} cannot be read: {error}") from error


def read_settings(
    mapping: Mapping[str, Any],
    *,
    keys: Iterable[str | bytes] | str | bytes | None = None,
    where: str = "CONSENT",
    necessary_cookies: Iterable[str] = (),
) -> Settings:
    """Read and check a settings mapping.

    :param keys: the framework's secret keys; ``secret_key`` in the mapping is taken instead of them.
    :param where: what errors call the mapping.
    :param necessary_cookies: names of the framework's own: its session's, its protection's against forgery.
    :raises ConfigurationError: for the first mistake that is found.
    """
    table = Table(mapping, (where,))
    policy = read_policy(table, necessary_cookies)
    regime, region = _regime(table)
    settings = Settings(
        policy=policy,
        keys=_keys(table, keys),
        regime=regime,
        region=region,
        wording=_wording(table, regime),
        privacy_url=_privacy_url(table),
        prefix=_prefix(table),
        log=_log(table),
        spool=_spool(table),
        decisions_per_minute=table.whole("decisions_per_minute", 60, least=0, most=1_000_000),
        address=_address_source(table),
        receipts=_receipts(table),
        spool_holds=cast("SpoolHolds", table.choice("spool_holds", ("all", "refusals"), "all")),
        placement=cast("Placement", table.choice("placement", ("auto", "manual"), "auto")),
        layout=cast("Layout", table.choice("layout", ("box", "bar", "modal"), "box")),
        theme=cast("Theme", table.choice("theme", ("quiet", "bold"), "quiet")),
        close_button=table.flag("close_button"),
        wall=cast("Wall", table.choice("wall", ("off", "guard", "csp", "csp-report"), "off")),
        cache=_cache(table),
        language=_language(table),
        texts=_texts(table),
        cookie_name=_cookie_name(table),
        cookie_domain=_cookie_domain(table),
        account=_account(table),
        account_seconds=table.whole("account_seconds", 5, least=0, most=60),
        consent_mode=_consent_mode(table),
        gpp=read_gpp(table, policy, regime, privacy_url=_privacy_url(table)),
        moved_from=read_moved_from(table, policy),
    )
    table.finish()
    return settings


# The law


def _regime(table: Table) -> tuple[Regime | None, RegionSource | None]:
    region = _region(table)
    value = table.raw("regime", "auto")
    if value == "auto":
        return (None if region is not None else STRICT), region
    if region is not None:
        table.fail("regime", "is fixed, and so is not found by region; leave one of the two out", value)
    if isinstance(value, str):
        if value not in PRESETS:
            table.fail("regime", "unknown regime", value, ("auto", *PRESETS))
        return PRESETS[value], None
    if not isinstance(value, Mapping):
        table.fail("regime", "must be the name of a regime, or a table", value, ("auto", *PRESETS))
    entry = Table(value, (*table.path, "regime"))
    model = entry.choice("model", MODELS, "opt-in")
    months = entry.whole("months", 6, least=1, most=24)
    signals = entry.texts("signals")
    for signal in signals:
        if signal != "gpc":
            entry.fail("signals", "unknown signal", signal, ("gpc",))
    regime = Regime(
        entry.text("name", "own", longest=32),
        cast("Model", model),
        months,
        frozenset(signals),
        entry.flag("privacy_choices"),
        frozenset(entry.texts("exemptions")),
    )
    for name in regime.exemptions:
        if name not in EXEMPTIONS:
            entry.fail("exemptions", "unknown exemption", name, EXEMPTIONS)
    entry.finish()
    return regime, None


def _region(table: Table) -> RegionSource | None:
    value = table.raw("region")
    if value is None:
        return None
    if callable(value):
        return RegionSource(function=cast("RegionFunction", value))
    kind, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind == "header" and TOKEN.match(rest):
        return RegionSource(header=rest)
    if kind == "geoip" and rest.startswith("/") and rest.isprintable():
        return RegionSource(database=rest)
    if kind == "fixed" and re.fullmatch(r"[A-Za-z]{2}(?:[-_][A-Za-z0-9]{1,3})?", rest):
        return RegionSource(fixed=rest.upper().replace("_", "-"))
    message = (
        'must be "header:NAME", "geoip:/PATH" from the root, "fixed:CODE" with an ISO 3166 code such as FR or US-CA, '
        "or a function"
    )
    raise ConfigurationError(message, path=(*table.path, "region"), value=value)


def _wording(table: Table, regime: Regime | None) -> Wording:
    wording = table.choice("wording", ("auto", "ask", "assume"), "auto")
    if wording == "assume" and (regime is None or regime.model == "opt-in"):
        who = f"the regime {regime.name!r} asks" if regime is not None else "a visitor's region may ask"
        table.fail(
            "wording",
            f"consent cannot be assumed where {who} for it first: it is an act of the visitor (GDPR art. 4(11), "
            'CJEU C-673/17); use "auto", which assumes only where the law allows it',
            wording,
            ("auto", "ask"),
        )
    return cast("Wording", wording)


# The rest


def _keys(table: Table, keys: Iterable[str | bytes] | str | bytes | None) -> tuple[bytes, ...]:
    given = table.raw("secret_key", keys)
    where = (*table.path, "secret_key")
    if isinstance(given, (str, bytes)):
        given = (given,)
    if isinstance(given, Mapping) or not isinstance(given, (Iterable, type(None))):
        raise ConfigurationError("must be a key, or a list of keys", path=where)
    listed = list(given or ())
    if not listed:
        raise ConfigurationError(
            "there is no key to sign with: set the framework's SECRET_KEY or CONSENT_SECRET_KEY", path=where
        )
    checked: list[bytes] = []
    for key in listed:
        if not isinstance(key, (str, bytes)):
            raise ConfigurationError("a key must be a text or bytes", path=where)
        raw = key.encode(errors="surrogatepass") if isinstance(key, str) else key
        if len(raw) < 16:
            raise ConfigurationError("a key must have at least 16 bytes, better 32 random ones", path=where)
        if _guessable(raw):
            raise ConfigurationError("this key can be guessed; make a random one", path=where)
        checked.append(raw)
    return tuple(dict.fromkeys(checked))


def _guessable(key: bytes) -> bool:
    words = re.sub(rb"[^a-z]", b"", key.lower()).decode()
    counted = key in b"0123456789" * 8 or key in b"abcdefghijklmnopqrstuvwxyz" * 3
    spoken = len(words) * 2 >= len(key) and _GUESSED.match(words) is not None
    return len(set(key)) < 5 or counted or key in _PUBLISHED or spoken


def _log(table: Table) -> str:
    """Not shown if it is wrong: it may hold a password. ``django:alias`` is a database of a Django site's own."""
    value = table.raw("log", "sqlite:///consent.db")
    framework = isinstance(value, str) and (value == "django" or value.startswith("django:"))
    if not isinstance(value, str) or not value.isprintable() or not ("://" in value or framework):
        table.fail("log", "must be an address such as sqlite:///consent.db or postgresql://host/database")
    return value


def _spool(table: Table) -> str:
    value = table.text("spool", "auto")
    if value not in {"auto", "off"} and not value.startswith("/"):
        table.fail("spool", "must be the path of a file, from the root, on a disk of this host", value, ("auto", "off"))
    return value


def _receipts(table: Table) -> str:
    value = table.text("receipts")
    if value and not value.startswith("/"):
        table.fail("receipts", "must be the path of a file, from the root", value)
    return value


def _address_source(table: Table) -> AddressSource:
    value = table.text("address", "connection")
    kind, _, rest = value.partition(":")
    name, _, hops = rest.partition(":")
    if value == "connection":
        return AddressSource()
    if kind != "header" or not TOKEN.match(name) or not re.fullmatch(r"[1-9]?", hops):
        table.fail("address", 'must be "connection", "header:NAME", or "header:NAME:2" behind two proxies', value)
    return AddressSource(name, int(hops or 1))


def _privacy_url(table: Table) -> str:
    return table.address("privacy_url")


def _prefix(table: Table) -> str:
    value = table.text("prefix", "/_consent/", longest=200)
    prefix = value if value.endswith("/") else f"{value}/"
    if not _PREFIX.match(prefix) or "/../" in prefix or "/./" in prefix:
        table.fail("prefix", "must be a path such as /_consent/", value)
    return prefix


def _cache(table: Table) -> Cache:
    cache = table.choice("cache", ("private", "shared"), "private")
    if cache == "shared" and str(table.raw("wall", "off")).startswith("csp"):
        table.fail("cache", "a policy in a page that is the same for everybody cannot let in what one agreed to", cache)
    return cast("Cache", cache)


def _language(table: Table) -> str:
    value = table.text("language", "auto", longest=35)
    if value != "auto" and not _LANGUAGE.match(value):
        table.fail("language", 'must be "auto" or a language tag such as "fr"', value)
    return value


def _cookie_name(table: Table) -> str:
    value = table.text("cookie_name", "consent", longest=64)
    if not TOKEN.match(value) or value.lower().startswith(("__host-", "__secure-")):
        table.fail("cookie_name", "must be a plain cookie name; the __Host- prefix is added on HTTPS", value)
    return value


def _cookie_domain(table: Table) -> str:
    value = table.text("cookie_domain", longest=253)
    if value and (not _DOMAIN.match(value) or value.replace(".", "").isdigit()):
        table.fail("cookie_domain", "must be a domain such as example.org: lower case, no dot first", value)
    return value


def _account(table: Table) -> AccountSource | None:
    value = table.raw("account")
    if value is None:
        return None
    if callable(value):
        return AccountSource(function=cast("AccountFunction", value))
    kind, _, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    if kind != "header" or not TOKEN.match(rest):
        table.fail("account", 'must be a function, or "header:NAME" where a proxy says who is signed in', value)
    return AccountSource(header=rest)


def _consent_mode(table: Table) -> ConsentMode:
    entry = Table(table.raw("consent_mode", {}), (*table.path, "consent_mode"))
    mode = ConsentMode(
        advanced=entry.choice("mode", ("basic", "advanced"), "basic") == "advanced",
        wait_for_update=entry.whole("wait_for_update", 500, least=0, most=10_000),
        ads_data_redaction=entry.flag("ads_data_redaction"),
        url_passthrough=entry.flag("url_passthrough"),
    )
    entry.finish()
    return mode


def _texts(table: Table) -> Mapping[str, Mapping[str, str]]:
    texts: dict[str, Mapping[str, str]] = {}
    for language, entry in table.tables("texts"):
        if language != "*" and not _LANGUAGE.match(language):
            raise ConfigurationError(
                'must be a language tag such as "fr", or "*"', path=(*table.path, "texts"), value=language
            )
        texts[language] = MappingProxyType({key: entry.text(key) for key in entry})
    return MappingProxyType(texts)
