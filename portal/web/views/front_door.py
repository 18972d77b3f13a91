"""Where one arrives."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.web.access import memberships, signed_in

blueprint = Blueprint("front_door", __name__)


@blueprint.get("/")
@signed_in
def show() -> ResponseReturnValue:
    """On to the first tenant's settings; who is in no tenant is told what to do."""
    tenants = memberships()
    if tenants:
        return redirect(url_for("email_settings.show", slug=tenants[0].tenant.slug))
    return render_template("front_door/no_tenant.html")
