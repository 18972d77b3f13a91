"""Messages: send a sample, and see what became of a message."""

from datetime import timedelta
from typing import Final

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.domain.ids import MessageId
from portal.domain.people.roles import Permission
from portal.services.message_report import message_report
from portal.storage.messages import MessageRow, MessageState
from portal.storage.users import Membership
from portal.web.access import needs_permission
from portal.web.database import db, waypost
from portal.web.htmx import is_htmx
from portal.web.login import person

blueprint = Blueprint("messages", __name__, url_prefix="/t/<slug>/messages")

_WORKER_TAKES: Final = timedelta(seconds=10)
"""A due message that nobody has taken for longer is a sign that no worker runs."""
_SAMPLE: Final = """\
This is a sample notification of {tenant}.

It went the way every notification of {tenant} goes at this moment. The message's page
in {platform} shows which way that was, and why.
"""


@blueprint.post("/samples")
@needs_permission(Permission.SEND_SAMPLE)
def send_sample(here: Membership) -> ResponseReturnValue:
    """Send a notification to the signed-in person, and to nobody else (THREATS 25)."""
    words = {"tenant": here.tenant.name, "platform": waypost().platform.name}
    message_id = waypost().sender.send(
        here.tenant.id,
        kind="notification",
        to=person().account.email,
        subject=f"Sample notification of {here.tenant.name}",
        text=_SAMPLE.format_map(words),
    )
    return redirect(url_for(".show", slug=here.tenant.slug, message_id=message_id), 303)


@blueprint.get("/<message_id>")
@needs_permission(Permission.SEE_AUDIT_LOG)
def show(here: Membership, message_id: str) -> ResponseReturnValue:
    """What the audit log tells of one message, with every attempt."""
    row = db.session().get(MessageRow, message_id)
    if row is None or row.tenant_id != here.tenant.id:
        abort(404)
    waits_for_worker = row.state == MessageState.QUEUED and waypost().clock() - row.send_at > _WORKER_TAKES
    return render_template(
        "messages/report.html" if is_htmx() else "messages/message.html",
        here=here,
        report=message_report(db.session(), MessageId(message_id)),
        created_at=row.created_at,
        is_final=MessageState(row.state).is_final,
        waits_for_worker=waits_for_worker,
    )
