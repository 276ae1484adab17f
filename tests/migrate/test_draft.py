"""Groups and cookies of another library as settings of this one: what is carried over, and what a human is told of."""

from __future__ import annotations

import tomllib
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from consent.errors import ConfigurationError
from consent.migrate.draft import Draft, make_draft
from consent.migrate.installed import Group, Installed, OldCookie
from consent.migrate.write import FORMATS
from consent.policy.settings import Settings, read_settings

KEY = "a key for the settings of this test"


def cookies(*names: str, **more: Any) -> tuple[OldCookie, ...]:
    return tuple(OldCookie(name, **more) for name in names)


def drafted(*groups: Group, purposes: dict[str, str] | None = None, **options: Any) -> Draft:
    hosts = options.pop("hosts", ("www.shop.example",))
    return make_draft(Installed("1.0.0", groups, hosts=hosts, **options), purposes or {})


def read(draft: Draft) -> Settings:
    """The settings as the printed text says them, which is the same in both of its forms."""
    toml = tomllib.loads(FORMATS["toml"](draft))
    python: dict[str, Any] = {}
    exec(FORMATS["python"](draft), python)
    assert toml == python["CONSENT"] == draft.settings
    return read_settings(toml, keys=[KEY])


def looks(draft: Draft, *path: str) -> str:
    return "\n".join(note for note in draft.notes.get(path, ()) if note.startswith("LOOK"))


@pytest.mark.parametrize(
    ("varname", "purpose"),
    [
        ("analytics", "analytics"),
        ("Statistics", "analytics"),
        ("google_analytics", "analytics"),
        ("social-media", "marketing"),
        ("ADS", "marketing"),
        ("functional", "preferences"),
        ("Reading_Study", "reading-study"),
    ],
)
def test_a_groups_name_says_which_purpose_it_is(varname: str, purpose: str) -> None:
    settings = read(drafted(Group(varname, "Name", "For this.", cookies=cookies("a_b"))))
    assert settings.policy.optional == (purpose,)
    assert [service.purposes for service in settings.policy.services] == [(purpose,)]


def test_a_purpose_of_the_sites_own_has_the_groups_words_in_a_line() -> None:
    draft = drafted(Group("study", "  The \x1b[31mstudy\n", 'Which articles\nare "read".', cookies=cookies("_rs")))
    purpose = read(draft).policy.purpose("study")
    assert (purpose.title, purpose.text) == ("The [31mstudy", 'Which articles are "read".')
    assert looks(draft, "purposes", "study") == ""


def test_where_a_group_does_not_say_what_for_a_human_is_asked_to() -> None:
    draft = drafted(Group("optional", cookies=cookies("lang")))
    assert read(draft).policy.purpose("optional").text == "optional"
    assert "no description" in looks(draft, "purposes", "optional")
    assert "Split it?" in looks(draft, "purposes", "optional")


def test_cookies_that_the_catalogue_knows_become_its_services_by_name() -> None:
    draft = drafted(Group("analytics", cookies=cookies("_ga", "_ga_X1", "_gid", "_pk_id.1.abc")))
    assert draft.settings["services"] == {"google-analytics": {}, "matomo": {}}
    assert draft.notes["services", "google-analytics"] == ["Sets _ga", "Sets _ga_X1", "Sets _gid"]
    assert {service.name: service.purposes for service in read(draft).policy.services} == {
        "google-analytics": ("analytics",),
        "matomo": ("analytics",),
    }


def test_a_group_decides_what_a_known_service_is_for_and_of_several_all_are_needed() -> None:
    one = drafted(Group("marketing", cookies=cookies("_ga")))
    assert one.settings["services"]["google-analytics"] == {"purposes": ["marketing"]}
    assert "usual purpose is analytics" in looks(one, "services", "google-analytics")
    both = drafted(Group("marketing", cookies=cookies("_ga")), Group("statistics", cookies=cookies("_gid")))
    assert both.settings["services"]["google-analytics"] == {"purposes": ["marketing", "analytics"]}
    assert "all of these" in looks(both, "services", "google-analytics")


def test_a_tracker_in_a_required_group_does_not_become_necessary() -> None:
    draft = drafted(Group("required", required=True, cookies=cookies("sessionid", "_ga")))
    services = {service.name: service.purposes for service in read(draft).policy.services}
    assert services == {"required": ("necessary",), "google-analytics": ("analytics",)}
    assert "needs consent" in looks(draft, "services", "google-analytics")


def test_nor_does_a_cookie_of_which_only_the_kind_of_service_is_known() -> None:
    draft = drafted(Group("required", required=True, cookies=cookies("IDE", domain=".doubleclick.net")))
    assert "services" not in draft.settings
    assert "google-ad-manager, google-ads" in looks(draft)


def test_a_group_called_like_a_known_service_is_that_service_with_its_other_cookies_too() -> None:
    draft = drafted(Group("hotjar", "Heat maps", "Where people click.", cookies=cookies("_hjid", "our_hj")))
    entry = draft.settings["services"]["hotjar"]
    assert entry == {"cookies": [{"name": "our_hj"}], "purposes": ["hotjar"]}
    [service] = read(draft).policy.services
    assert "our_hj" in {cookie.name for cookie in service.cookies}
    assert service.title == "Hotjar"


def test_other_cookies_are_declared_as_one_service_of_the_sites_own_and_their_domain_and_path_are_said() -> None:
    draft = drafted(
        Group("study", "Study", "For this.", cookies=(
            OldCookie("lang", path="/shop", description="Which\nlanguage"),
            OldCookie("seen", ".shop.example"),
            OldCookie("visitor", ".partner.example"),
        )),
    )  # fmt: skip
    assert draft.settings["services"]["study"] == {
        "title": "Study",
        "purposes": ["study"],
        "cookies": [{"name": "lang"}, {"name": "seen"}, {"name": "visitor", "third_party": True}],
    }
    notes = draft.notes["services", "study"]
    assert notes[0] == "lang, path /shop: Which language"
    assert "seen at .shop.example" in notes
    assert 'add hosts = ["partner.example"]' in looks(draft, "services", "study")
    assert "lang, path /shop: when it is refused, cookies end at / and not there" in looks(draft, "services", "study")
    assert "Name the provider" in looks(draft, "services", "study")
    read(draft)


def test_every_cookie_of_a_domain_is_held_by_its_host_or_is_a_known_services() -> None:
    draft = drafted(
        Group("social", cookies=(OldCookie("*", ".tracker.example"), OldCookie("*", ".hotjar.com"))), hosts=()
    )
    assert draft.settings["services"]["social"]["hosts"] == ["tracker.example", "*.tracker.example"]
    assert draft.settings["services"]["hotjar"] == {"purposes": ["marketing"]}
    assert "is held from now on" in looks(draft, "services", "social")
    read(draft)


def test_a_cookie_that_several_services_set_is_declared_and_said() -> None:
    draft = drafted(Group("ads", cookies=cookies("IDE", domain=".doubleclick.net")))
    assert draft.settings["services"]["ads"]["cookies"] == [{"name": "IDE", "third_party": True}]
    assert "google-ad-manager, google-ads" in looks(draft, "services", "ads")
    assert "criteo" not in read(drafted(Group("ads", cookies=cookies("uid", domain=".partner.example")))).policy.names


def test_what_cannot_be_declared_is_said_and_nothing_is_lost() -> None:
    draft = drafted(Group("study", "Study", "For this.", cookies=cookies("a b", "*")))
    assert "services" not in draft.settings
    assert "a b: no cookie can be declared" in looks(draft)
    assert "*: no cookie can be declared" in looks(draft)
    assert read(draft).policy.optional == ("study",)


def test_an_opt_out_site_stays_one_and_is_told_where_it_may_not() -> None:
    draft = drafted(Group("ads", cookies=cookies("a")), opt_out=True, conditional=True, domain=".shop.example")
    settings = read(draft)
    assert settings.regime is not None
    assert settings.regime.model == "opt-out"
    assert "the EU" in looks(draft, "regime")
    assert "COOKIE_CONSENT_ENABLED" in looks(draft)
    assert ".shop.example" in looks(draft)


def test_visitors_old_cookie_is_read_by_the_names_that_its_groups_had() -> None:
    groups = (
        Group("Statistics", cookies=cookies("a")),
        Group("marketing", cookies=cookies("b")),
        Group("must", required=True),
    )
    moved = read(drafted(*groups, cookie="choices")).moved_from
    assert moved is not None
    assert (moved.library, moved.cookie) == ("django-cookie-consent", "choices")
    assert moved.groups["Statistics"] == ("analytics",)
    assert moved.groups["marketing"] == ("marketing",)
    assert "must" not in moved.groups
    plain = drafted(Group("analytics", cookies=cookies("a")))
    assert plain.settings["moved_from"] == {"library": "django-cookie-consent"}


# Names that cannot be carried over


@pytest.mark.parametrize("varname", ["___", "42", "", "a" * 33, "ünlü-" * 20, "necessary"])
def test_a_group_that_no_purpose_can_be_called_like_is_one_clear_error(varname: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no purpose can be called like this group.*--purpose GROUP=PURPOSE"):
        drafted(Group(varname, cookies=cookies("a")))


def test_and_is_carried_over_where_its_owner_says_which_it_is() -> None:
    draft = drafted(Group("42", "Answers", "For this.", cookies=cookies("a")), purposes={"42": "answers"})
    settings = read(draft)
    assert settings.policy.optional == ("answers",)
    assert [service.name for service in settings.policy.services] == ["group-42"]
    assert settings.moved_from is not None
    assert settings.moved_from.groups["42"] == ("answers",)


def test_two_groups_that_would_be_one_purpose_by_accident_are_an_error_and_may_be_one_by_will() -> None:
    groups = Group("Our_Study", cookies=cookies("a")), Group("our-study", cookies=cookies("b"))
    with pytest.raises(ConfigurationError, match="'Our_Study' and 'our-study' would be one purpose, 'our-study'"):
        drafted(*groups)
    draft = drafted(*groups, purposes={"Our_Study": "our-study"})
    assert read(draft).policy.optional == ("our-study",)
    assert draft.settings["services"]["our-study"]["cookies"] == [{"name": "a"}, {"name": "b"}]
    assert "has this purpose too" in looks(draft, "purposes", "our-study")


@pytest.mark.parametrize(
    ("purposes", "error"),
    [
        ({"analitics": "marketing"}, "did you mean 'analytics'"),
        ({"analytics": "Big Data"}, "lower-case letters"),
        ({"analytics": "necessary"}, "can be refused today, and that has to stay so"),
        ({"required": "analytics"}, "cannot be refused today"),
    ],
)
def test_a_wrong_purpose_is_one_clear_error(purposes: dict[str, str], error: str) -> None:
    with pytest.raises(ConfigurationError, match=error):
        drafted(Group("analytics"), Group("required", required=True), purposes=purposes)


_COOKIES = st.builds(
    OldCookie,
    name=st.text(max_size=70) | st.sampled_from(["*", "_ga", "_fbp", "IDE", "sessionid", "**"]),
    domain=st.sampled_from(["", ".shop.example", ".tracker.example", ".facebook.com", "ünlü.example", "a b"])
    | st.text(max_size=9),
    path=st.sampled_from(["/", "", "/shop"]) | st.text(max_size=9),
    description=st.text(max_size=30),
)
_GROUPS = st.builds(
    Group,
    varname=st.text(max_size=32)
    | st.from_regex(r"[-_a-zA-Z0-9]{1,32}", fullmatch=True)
    | st.sampled_from(["ads", "hotjar"]),
    name=st.text(max_size=130),
    description=st.text(max_size=1010),
    required=st.booleans(),
    cookies=st.lists(_COOKIES, max_size=4).map(tuple),
)


@hypothesis.given(groups=st.lists(_GROUPS, max_size=4, unique_by=lambda group: group.varname), opt_out=st.booleans())
@hypothesis.settings(deadline=None, max_examples=60, phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate])
def test_whatever_is_in_the_tables_becomes_settings_that_start_or_one_clear_error(
    groups: list[Group], opt_out: bool
) -> None:
    try:
        draft = drafted(*groups, opt_out=opt_out)
    except ConfigurationError:
        return
    policy = read(draft).policy
    optional = {group.varname for group in groups if not group.required}
    assert bool(policy.optional) or not optional
    # Nothing that could be refused has become necessary, and no cookie of a known service either.
    for service in policy.services:
        if "necessary" in service.purposes:
            assert not {cookie.name for cookie in service.cookies if not cookie.third_party} & {"_ga", "_fbp"}


def test_a_group_without_cookies_is_asked_about_all_the_same() -> None:
    draft = drafted(Group("ads"), Group("study", "Study", "For this."))
    assert draft.settings["purposes"]["marketing"] == {}
    assert read(draft).policy.optional == ("marketing", "study")


def test_a_site_without_groups_is_carried_over_to_one_that_asks_for_nothing() -> None:
    assert read(drafted()).policy.optional == ()
