"""Where one arrives."""

from typing import Final

from flask import Blueprint, Response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from portal.storage.users import Membership
from portal.web.access import membership, memberships, signed_in

blueprint = Blueprint("front_door", __name__)

_LAST_TENANT: Final = "last_tenant"


@blueprint.get("/")
@signed_in
def show() -> ResponseReturnValue:
    """On to the overview of the tenant that was looked at last; who is in no tenant is told what to do."""
    here = last_membership()
    if here is not None:
        return redirect(url_for("overview.show", slug=here.tenant.slug))
    return render_template("front_door/no_tenant.html")


@blueprint.app_template_global()
def last_membership() -> Membership | None:
    """In the tenant that was looked at last, else in the first; what a page of no tenant leads back to."""
    found = memberships()
    last = session.get(_LAST_TENANT)
    return next((here for here in found if here.tenant.slug == last), found[0] if found else None)


@blueprint.after_app_request
def _remember_tenant(response: Response) -> Response:
    """The slug goes into the person's own cookie; it is worth nothing to somebody who is no member."""
    here = membership()
    if here is not None and session.get(_LAST_TENANT) != here.tenant.slug:
        session[_LAST_TENANT] = here.tenant.slug
    return response
