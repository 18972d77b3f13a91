"""*Yes, I received it*: where the link in a test message leads. Nobody needs to sign in, for mail is read anywhere."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.services import probe_receipts
from portal.web.access import anyone
from portal.web.database import waypost

blueprint = Blueprint("probe_receipts", __name__, url_prefix="/received")


@blueprint.get("/<token>")
@anyone
def show(token: str) -> ResponseReturnValue:
    """Ask for the press of a button. To open the page changes nothing: mail scanners open every link."""
    receipt = probe_receipts.find(waypost().database, token)
    page = render_template("probe_receipts/page.html", receipt=receipt, token=token)
    return page, 200 if receipt else 404


@blueprint.post("/<token>")
@anyone
def confirm(token: str) -> ResponseReturnValue:
    installation = waypost()
    probe_receipts.confirm(installation.database, installation.clock, token, network=request.remote_addr)
    return redirect(url_for(".show", token=token), 303)
