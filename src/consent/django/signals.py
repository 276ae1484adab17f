"""What Django is told of decisions.

::

    @receiver(decision_recorded)
    def count(sender, record, choices, **kwargs): ...
"""

from __future__ import annotations

from django.dispatch import Signal

from ..log.record import Record

__all__ = ["decision_recorded"]

#: Sent with each decision that the log has promised to keep, before the visitor is answered. What a receiver raises is
#: logged, and changes nothing: the decision is kept.
#:
#: ``sender``     :class:`~consent.log.record.Record`, the class; ``record`` is the decision itself.
#: ``record_id``  its id, which is in the visitor's receipt. ``kind``: ``accept_all``, ``refuse_all``, ``custom`` or
#:                ``withdraw``.
#: ``choices``    each purpose that was asked for, and whether the visitor agreed.
#: ``language``   in which the visitor was asked.
decision_recorded = Signal()


def send_recorded(record: Record) -> None:
    """Tell everybody who listens."""
    decision_recorded.send_robust(
        sender=Record,
        record=record,
        record_id=record.id,
        kind=record.kind,
        choices={**dict.fromkeys(record.refused, False), **dict.fromkeys(record.granted, True)},
        language=record.lang,
    )
