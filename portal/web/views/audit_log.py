"""The audit log: who did what, when, and which mail was refused."""

from collections.abc import Iterable, Sequence
from typing import Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from portal.domain.ids import TenantId
from portal.domain.people.roles import Permission
from portal.storage import audit_log
from portal.storage.audit_log import AuditRow
from portal.storage.users import Membership, UserRow
from portal.web.access import needs_permission
from portal.web.audit_labels import ACTIONS, ACTORS, audit_sentence
from portal.web.database import db
from portal.web.numbers import a_number

blueprint = Blueprint("audit_log", __name__, url_prefix="/t/<slug>/audit-log")

_ON_A_PAGE: Final = 50


@blueprint.get("")
@needs_permission(Permission.SEE_AUDIT_LOG)
def show(here: Membership) -> ResponseReturnValue:
    """Newest first; ``event`` filters by an event's name, ``before`` turns the page."""
    event = request.args.get("event", "").replace("\0", "") or None  # PostgreSQL takes no NUL
    before = request.args.get("before", type=a_number)
    found = audit_log.page(db.session(), TenantId(here.tenant.id), action=event, before=before, most=_ON_A_PAGE + 1)
    rows: Sequence[AuditRow] = found[:_ON_A_PAGE]
    return render_template(
        "audit_log/page.html",
        here=here,
        rows=rows,
        event=event,
        before=before,
        older=rows[-1].id if len(found) > _ON_A_PAGE else None,
        actions=ACTIONS,
        actors=_names_of({row.actor for row in rows}),
        sentence=audit_sentence,
    )


def _names_of(actors: Iterable[str]) -> dict[str, str]:
    people = db.session().scalars(select(UserRow).where(UserRow.id.in_(set(actors) - ACTORS.keys())))
    return ACTORS | {user.id: user.name or user.email for user in people}
