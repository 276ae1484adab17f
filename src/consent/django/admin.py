"""The log in Django's admin, to read: who may see decisions finds them, sees how each is proved, and exports them.

Nobody may add, change or delete here: records are written by the log, and content is removed by ``manage.py consent
log erase``, which puts a tombstone in its place. The admin's own queries choose records; what they say is read and
checked by the log's engine.
"""

# ruff: noqa: ARG002 - Django calls them by these names

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..log.checkpoint import format_proof
from ..log.command.text import content_fields, time_of
from ..log.export import TEXT_FORMATS
from ..log.proof import prove
from ..log.store import Stored
from . import dashboard, reading
from .apps import the_site
from .filters import FILTERS, KINDS
from .models import Leaf, Pending, Record
from .store import is_ours

__all__ = ["DecisionAdmin"]

#: Decisions that are counted, and through which one can page.
_MOST = 10_000
_FORMATS = {"jsonl": "application/x-ndjson", "csv": "text/csv"}


class _Bounded(Paginator):  # type: ignore[type-arg]
    """Counts no further than is paged through: a log may be long."""

    @cached_property
    def count(self) -> int:
        records: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return records.order_by()[:_MOST].count()


class _Decisions(ChangeList):
    """The list, each of whose decisions knows what it says and whether it is sealed."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        shown = [*self.result_list]
        ids = [record.rid for record in shown]
        alias = reading.log_alias()
        said = reading.stored(ids)
        sealed = {*Leaf.objects.using(alias).filter(rid__in=ids).values_list("rid", flat=True)}
        aside = {*Pending.objects.using(alias).filter(rid__in=ids).exclude(bad=None).values_list("rid", flat=True)}
        for record in shown:
            # What somebody put in place of an id finds nothing, and must show up.
            record.said = said.get(record.rid) or Stored(record.rid, 0, None, "", "", None, "its id is no id")
            record.state = "set aside" if record.rid in aside else "sealed" if record.rid in sealed else "waits"
        self.result_list = shown


@admin.register(Record)
class DecisionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Decisions, the latest first."""

    list_display = ("when", "decision", "granted", "refused", "language", "regime", "state")
    list_filter = FILTERS
    list_per_page = 50
    list_max_show_all = 200
    ordering = ("-ts", "-rid")
    sortable_by = ("when",)
    search_fields = ("rid",)
    search_help_text = "A receipt, or the record's id or how it begins, or the hash of its leaf."
    show_full_result_count = False
    show_facets: ClassVar[Any] = (
        getattr(admin, "ShowFacets", None) and admin.ShowFacets.NEVER
    )  # each counts the whole log
    paginator = _Bounded
    actions = None

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["consent/admin.css"]}

    # Who may what

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Record | None = None) -> bool:
        return is_ours(the_site().settings.log) and super().has_view_permission(request, obj)

    # What is read

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).using(reading.log_alias()).only("rid", "ts")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _Decisions

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        return reading.find_receipts(search_term, queryset), False

    # The list's columns

    @admin.display(description="time (UTC)", ordering="ts")
    def when(self, record: Any) -> str:
        return time_of(record.said.ts)[:19]

    @admin.display(description="decision")
    def decision(self, record: Any) -> SafeString:
        name, text = _decision(record.said)
        return format_html('<span class="consent-kind consent-{}">{}</span>', name, text)

    @admin.display(description="granted", empty_value="–")
    def granted(self, record: Any) -> str | None:
        return ", ".join(record.said.record.granted) or None if record.said.record else None

    @admin.display(description="refused", empty_value="–")
    def refused(self, record: Any) -> str | None:
        return ", ".join(record.said.record.refused) or None if record.said.record else None

    @admin.display(description="language", empty_value="–")
    def language(self, record: Any) -> str | None:
        return record.said.record.lang if record.said.record else None

    @admin.display(description="regime", empty_value="–")
    def regime(self, record: Any) -> str | None:
        return record.said.record.regime if record.said.record else None

    @admin.display(description="proof")
    def state(self, record: Any) -> SafeString:
        name = "wrong" if record.said.problem else record.state.replace(" ", "-")
        text = "does not check" if record.said.problem else record.state
        return format_html('<span class="consent-state consent-{}">{}</span>', name, text)

    # Pages beside the list

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("dashboard/", view(self.dashboard_view), name="consent_record_dashboard"),
            path("export/<str:form>/", view(self.export_view), name="consent_record_export"),
            path("<str:record_id>/proof/", view(self.proof_view), name="consent_record_proof"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        given = {"exported": request.GET.urlencode(), "title": "Decisions"}
        return super().changelist_view(request, {**given, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One decision: what it says, what the visitor was shown, and how it is proved."""
        record = self._found(request, object_id)
        if record is None:
            messages.warning(request, f"There is no decision {object_id[:64]!r}.")
            return redirect(reverse("admin:consent_record_changelist", current_app=self.admin_site.name))
        kind, text = _decision(record)
        proven = reading.proven(record)
        parts, words, missing = reading.shown(record) if record.record else (None, "", "")
        context = {
            "title": text[0].upper() + text[1:],
            "subtitle": f"{time_of(record.ts)[:19]} UTC",
            "stored": record,
            "kind": kind,
            "fields": [
                (name, _LABELS.get(name, name.capitalize()), value)
                for name, value in content_fields(record.record or record.tombstone)
            ],
            "removed": record.tombstone.removed[:100] if record.tombstone else (),
            "proven": proven,
            "sealed": time_of(proven.sealed * 1000)[:19],
            "shown": parts,
            "words": words,
            "missing": missing,
            **(extra_context or {}),
        }
        return self._page(request, "decision", context)

    def dashboard_view(self, request: HttpRequest) -> HttpResponse:
        """What was chosen over time."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("span", "day")
        length, number, _ = dashboard.SPANS.get(asked, dashboard.SPANS["day"])
        shown = dashboard.periods(length, number, datetime.now(UTC).date())
        counted = dashboard.count(self.get_queryset(request), shown, reading.titles())
        bars, top = dashboard.draw(counted.periods)
        together = dashboard.total(counted.periods)
        context = {
            "title": "Choices over time",
            "spans": [(name, text, name == asked) for name, (_, _, text) in dashboard.SPANS.items()],
            "by": "Week from" if length > 1 else "Day",
            "periods": counted.periods,
            "latest": counted.periods[::-1],
            "purposes": counted.purposes,
            "total": together,
            "shares": [(name, getattr(together, name), together.share(name)) for name in _CHOSEN],
            "bars": bars,
            "width": number * 10,
            "lines": [(f"{100 - quarter * 25}", top * quarter // 4) for quarter in range(5)],
        }
        return self._page(request, "dashboard", context)

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """The decisions that the list shows, oldest first, as ``consent log export`` writes them."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if form not in _FORMATS:
            raise Http404
        try:
            chosen = self.get_changelist_instance(request).get_queryset(request).order_by("ts", "rid")
        except IncorrectLookupParameters as error:
            raise Http404 from error
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
        text = TextIOWrapper(file, "utf-8", errors="surrogateescape", newline="")
        TEXT_FORMATS[form](reading.stored_in_order(chosen), text)
        text.detach()
        file.seek(0)
        name = f"decisions-{datetime.now(UTC):%Y-%m-%d}.{form}"
        return FileResponse(file, as_attachment=True, filename=name, content_type=f"{_FORMATS[form]}; charset=utf-8")

    def proof_view(self, request: HttpRequest, record_id: str) -> HttpResponse:
        """The proof of a sealed decision, as ``consent log prove`` writes it."""
        record = self._found(request, record_id)
        if record is None:
            raise Http404
        try:
            proof = prove(reading.database(), bytes.fromhex(record.id))
        except ValueError:
            proof = None
        if proof is None:
            messages.warning(request, "The log has no proof of this decision yet.")
            return redirect(reverse("admin:consent_record_change", args=[record.id], current_app=self.admin_site.name))
        return HttpResponse(
            format_proof(proof),
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{record.id}.tlog-proof"'},
        )

    def _found(self, request: HttpRequest, record_id: str) -> Stored | None:
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        exact = len(record_id) == 32 and set(record_id) <= set("0123456789abcdef")
        return reading.stored([record_id]).get(record_id) if exact else None

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        request.current_app = self.admin_site.name
        given = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **context}
        return TemplateResponse(request, f"admin/consent/record/{template}.html", given)


#: What is called something else in a record than by people.
_LABELS = {
    "app": "consent version",
    "gpc": "GPC signal",
    "lang": "Language",
    "prev": "Replaces",
    "removed": "Removed content of",
    "ua": "Browser",
}
_CHOSEN = ("accepted", "part", "refused", "withdrawn")


def _decision(stored: Stored) -> tuple[str, str]:
    """What was done, and how it is said."""
    content = stored.record or stored.tombstone
    if content is None:
        return "removed", "content removed" if stored.problem is None else "cannot be read"
    return content.kind, KINDS[content.kind]
