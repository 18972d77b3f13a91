"""Messages: the log of them all, what became of one, and a sample to oneself."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.domain.ids import MessageId, TenantId
from portal.domain.people.roles import Permission
from portal.domain.routing.smtp_route import Via
from portal.services.message_report import message_report
from portal.services.samples import TooManySamplesError
from portal.storage import attempts, message_log, traffic
from portal.storage.messages import MessageRow, MessageState
from portal.storage.users import Membership
from portal.web import activity_query
from portal.web.access import needs_permission
from portal.web.activity_query import ActivityQuery
from portal.web.activity_rows import activity_rows, look_of
from portal.web.database import db, waypost
from portal.web.htmx import is_htmx
from portal.web.login import person
from portal.web.message_advice import advice_for
from portal.web.message_labels import KINDS, NOT_TAKEN, WAYS

blueprint = Blueprint("messages", __name__, url_prefix="/t/<slug>/messages")

_WORKER_TAKES: Final = timedelta(seconds=10)
"""A due message that nobody has taken for longer is a sign that no worker runs."""
_SOON: Final = timedelta(seconds=30)
"""A try that is due sooner, or was due just now, is worth a look at every second."""


@blueprint.get("")
@needs_permission(Permission.SEE_MESSAGES)
def log(here: Membership) -> ResponseReturnValue:
    """Activity: newest first; filters and page stand in the address."""
    query = ActivityQuery.of(request.args)
    tenant_id, now = TenantId(here.tenant.id), waypost().clock()
    if query.message_id and _message(here, query.message_id):
        return redirect(url_for(".show", slug=here.tenant.slug, message_id=query.message_id))
    found = message_log.page(db.session(), tenant_id, query.search(now), before=query.before or None)
    return render_template(
        "messages/log.html",
        here=here,
        query=query,
        found=found,
        rows=activity_rows(db.session(), found.rows, now=now),
        has_mail=bool(found.rows) or traffic.has_any(db.session(), tenant_id),
        looked_at=message_log.MOST_LOOKED_AT,
        kept_days=waypost().settings.retention_days,
        choices={"outcome": activity_query.OUTCOMES, "way": {"": "Any way", **WAYS}, "span": activity_query.SPANS},
        kinds=KINDS,
    )


@blueprint.post("/samples")
@needs_permission(Permission.SEND_SAMPLE)
def send_sample(here: Membership) -> ResponseReturnValue:
    """Send a notification to the signed-in person, and to nobody else (THREATS 25)."""
    try:
        message_id = waypost().samples.send(here.tenant, to=person().account.email, actor=person().actor)
    except TooManySamplesError as refused:
        flash(str(refused))
        return redirect(url_for(".log", slug=here.tenant.slug), 303)
    return redirect(url_for(".show", slug=here.tenant.slug, message_id=message_id), 303)


@blueprint.get("/<message_id>")
@needs_permission(Permission.SEE_MESSAGES)
def show(here: Membership, message_id: str) -> ResponseReturnValue:
    """One message: its attempts, the server's words, why this way, and what to do."""
    row = _message(here, message_id)
    if row is None:
        abort(404)
    now = waypost().clock()
    tried = attempts.of_message(db.session(), MessageId(message_id))
    return render_template(
        "messages/report.html" if is_htmx() else "messages/message.html",
        here=here,
        filters=ActivityQuery.of(request.args).filters,
        report=message_report(db.session(), MessageId(message_id)),
        row=row,
        look=look_of(row, now=now),
        kind=KINDS.get(row.kind, row.kind),
        not_taken=NOT_TAKEN,
        advice=advice_for(row, tried[-1] if tried else None, _last_on_own(tried)),
        is_final=MessageState(row.state).is_final,
        is_later=row.send_at > now,
        seconds_to_next_look=_seconds_to_next_look(row, now),
        waits_for_worker=row.state == MessageState.QUEUED and now - row.send_at > _WORKER_TAKES,
    )


def _seconds_to_next_look(row: MessageRow, now: datetime) -> int:
    if row.state in (MessageState.QUEUED, MessageState.SENDING):
        return 1
    return 1 if row.due_at is not None and abs(row.due_at - now) < _SOON else 10


def _message(here: Membership, message_id: str) -> MessageRow | None:
    if "\0" in message_id:  # PostgreSQL takes none
        return None
    row = db.session().get(MessageRow, message_id)
    return row if row is not None and row.tenant_id == here.tenant.id else None


def _last_on_own(tried: Sequence[attempts.AttemptRow]) -> attempts.AttemptRow | None:
    return next((attempt for attempt in reversed(tried) if attempt.via == Via.TENANT), None)
