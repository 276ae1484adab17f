"""Which banners are measured, and where on the page their parts are. How each is set up stands in its file of ``peers/``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers"
MODULES = HERE / "node_modules"
#: Divides what of a peer's file goes into the head from what goes to the body's end.
_END_OF_BODY = "<!-- end of body -->\n"


@dataclass(frozen=True, slots=True)
class Peer:
    """A banner. Its parts are CSS selectors, one inside the other where it lives in shadow trees.

    ``settings`` opens the second layer, ``second`` is that layer; empty for a banner that has none.
    """

    name: str
    title: str
    package: str = ""
    banner: str = ""
    refuse: str = ""
    accept: str = ""
    settings: str = ""
    second: str = ""
    #: What an esbuild bundle of it is made from.
    bundle: str = ""

    @property
    def fragments(self) -> tuple[str, str]:
        """What a site writes into its page: into the head, and at the body's end; without the first comment, which is ours."""
        text = (PEERS / f"{self.name}.html").read_text("utf-8")
        head, _, end = text.partition("-->\n")[2].partition(_END_OF_BODY)
        return head, end

    @property
    def version(self) -> str:
        """Its version, as installed."""
        if self.package.startswith("cookie-consent"):
            return version(self.package)
        if not self.package:
            return ""
        found: str = json.loads((MODULES / self.package / "package.json").read_text("utf-8"))["version"]
        return found


#: The page without any: what the others are compared with.
NONE = Peer("none", "no banner")
OURS = Peer(
    "consent", "consent", "cookie-consent", banner="#yc", refuse="#yc [value=refuse]", accept="#yc [value=accept]",
    settings="#yc [data-consent-open]", second="#yc-d",
)  # fmt: skip
OTHERS = (
    Peer(
        "cookies-eu-banner", "cookies-eu-banner", "cookies-eu-banner", banner="#cookies-eu-banner",
        refuse="#cookies-eu-reject", accept="#cookies-eu-accept",
    ),
    Peer(
        "osano", "Osano cookieconsent", "cookieconsent", banner=".cc-window", refuse=".cc-window .cc-deny",
        accept=".cc-window .cc-allow",
    ),
    Peer(
        "orejime", "Orejime", "orejime", banner=".orejime-Banner", refuse=".orejime-Banner-declineButton",
        accept=".orejime-Banner-saveButton", settings=".orejime-Banner-learnMoreButton", second=".orejime-Modal",
    ),
    Peer(
        "vanilla-cookieconsent", "vanilla-cookieconsent", "vanilla-cookieconsent", banner="#cc-main .cm",
        refuse="#cc-main .cm [data-role=necessary]", accept="#cc-main .cm [data-role=all]",
        settings="#cc-main .cm [data-role=show]", second="#cc-main .pm", bundle="vanilla-cookieconsent.js",
    ),
    Peer(
        "probo", "Probo cookie-banner", "@probo/cookie-banner", banner="probo-cookie-banner probo-banner > *",
        refuse="probo-cookie-banner probo-banner probo-reject-button button",
        accept="probo-cookie-banner probo-banner probo-accept-button button",
        settings="probo-cookie-banner probo-banner probo-customize-button button",
        second="probo-cookie-banner probo-preference-panel > *",
    ),
    Peer(
        "tarteaucitron", "tarteaucitron", "tarteaucitronjs", banner="#tarteaucitronAlertBig",
        refuse="#tarteaucitronAllDenied2", accept="#tarteaucitronPersonalize2", settings="#tarteaucitronCloseAlert",
        second="#tarteaucitron",
    ),
    Peer(
        "klaro", "Klaro", "klaro", banner=".klaro .cookie-notice", refuse=".klaro .cookie-notice .cn-decline",
        accept=".klaro .cookie-notice .cm-btn-success", settings=".klaro .cookie-notice .cn-learn-more",
        second=".klaro .cookie-modal .cm-modal",
    ),
    Peer(
        "cookieyes", "CookieYes for React", "@cookieyes/react", banner=".cy-banner", refuse=".cy-banner [data-cy-part=reject-all]",
        accept=".cy-banner [data-cy-part=accept-all]", settings=".cy-banner [data-cy-part=customise]", second=".cy-dialog",
        bundle="cookieyes.jsx",
    ),
    Peer(
        "c15t", "c15t for React", "@c15t/react", banner="[data-testid=consent-banner-card]",
        refuse="[data-testid=consent-banner-reject-button]", accept="[data-testid=consent-banner-accept-button]",
        settings="[data-testid=consent-banner-customize-button]", second="[data-testid=consent-dialog-card]",
        bundle="c15t.jsx",
    ),
)  # fmt: skip
