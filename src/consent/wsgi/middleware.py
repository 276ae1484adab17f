"""A WSGI application behind the gate: its requests asked about, its responses shaped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConsentError
from ..exchange import Pass, Reply
from ..site import Site
from .response import Exchange, send
from .translate import KEYS, facts_of, read_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ConsentMiddleware"]

#: Where the site is whose gate the response will go through.
_SITE = "consent.site"
#: Where servers put their way to send a 103 before the response.
_HINTS = "wsgi.early_hints"


class ConsentMiddleware:
    """Puts a WSGI application behind the gate and answers its visitors' decisions.

    :param app: the application.
    :param settings: a mapping, the path of a TOML file, or a :class:`~consent.site.Site` that is open already.
    :param secret_key: the key that signs, or several, the one that signs first; else ``CONSENT_SECRET_KEY``.
    :param language: what the framework found a request's language to be.
    :param trusted_hosts: the site's names, ``.example.org`` with all below it; under another, nothing is decided.
    :raises ConfigurationError: for a wrong setting.
    """

    def __init__(
        self,
        app: WSGIApplication,
        settings: Mapping[str, Any] | str | os.PathLike[str] | Site,
        *,
        secret_key: str | bytes | Iterable[str | bytes] | None = None,
        language: Callable[[WSGIEnvironment], str | None] = lambda _environ: None,
        trusted_hosts: Iterable[str] = (),
        debug: bool = False,
    ) -> None:
        self.site = Site.of(settings, secret_key=secret_key, debug=debug)
        self._app = app
        self._language = language
        self._trusted_hosts = (trusted_hosts,) if isinstance(trusted_hosts, str) else tuple(trusted_hosts)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        outer: Site | None = environ.get(_SITE)
        if outer is not None:
            return self._within(outer, environ, start_response)
        environ[_SITE] = self.site
        facts = facts_of(environ, self._language, self._trusted_hosts)
        answer = self.site.answer(facts, lambda limit: read_body(environ, limit + 1))
        if isinstance(answer, Reply):
            return send(answer, facts, start_response)
        for name, value in answer.request.items():
            key = KEYS[name]
            if value is None:
                environ.pop(key, None)
            else:
                environ[key] = value
        environ["consent.page"] = _Later(answer)
        if _HINTS in environ:
            environ[_HINTS] = answer.hinting(environ[_HINTS])
        exchange = Exchange(answer, start_response, head=facts.method == "HEAD")
        return exchange.body(self._app(environ, exchange.start))

    def _within(self, outer: Site, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """An application within another that has a gate: theirs is ours, if it holds the same."""
        if outer.settings.policy != self.site.settings.policy:
            raise ConsentError(
                "a page came to two gates with two policies: give both applications the same settings, or mount them "
                "beside each other, with none of the gates around the other's application"
            )
        return self._app(environ, start_response)


class _Later:
    """A page that is worked out when a view or a template asks it something. Most requests never do."""

    __slots__ = ("_answer",)

    def __init__(self, answer: Pass) -> None:
        self._answer = answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answer.page, name)
