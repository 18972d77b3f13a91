"""Where one arrives."""

from typing import Final

from flask import Blueprint, Response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from portal.web.access import membership, memberships, signed_in

blueprint = Blueprint("front_door", __name__)

_LAST_TENANT: Final = "last_tenant"


@blueprint.get("/")
@signed_in
def show() -> ResponseReturnValue:
    """On to the overview of the tenant that was looked at last; who is in no tenant is told what to do."""
    slugs = [tenant.slug for tenant, _ in memberships()]
    if slugs:
        last = session.get(_LAST_TENANT)
        return redirect(url_for("overview.show", slug=last if last in slugs else slugs[0]))
    return render_template("front_door/no_tenant.html")


@blueprint.after_app_request
def _remember_tenant(response: Response) -> Response:
    """The slug goes into the person's own cookie; it is worth nothing to somebody who is no member."""
    here = membership()
    if here is not None and session.get(_LAST_TENANT) != here.tenant.slug:
        session[_LAST_TENANT] = here.tenant.slug
    return response
