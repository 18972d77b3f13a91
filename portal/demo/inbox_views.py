"""The pages that show what arrived, as its readers see it, and the plug of Acme's mail server."""

from typing import Final

from flask import Blueprint, abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal.demo import switch
from portal.demo.folder import DemoFolder
from portal.demo.hosts import ACME
from portal.demo.inbox import Inbox
from portal.web.access import anyone

_SHOWN: Final = 100

blueprint = Blueprint("inbox", __name__, url_prefix="/inbox")
"""For the demo only: it asks nobody to sign in, as a mail client on one's own machine would not."""


@blueprint.get("")
@anyone
def mails() -> ResponseReturnValue:
    folder = DemoFolder.of_this_installation()
    return render_template(
        "inbox/mails.html",
        mails=Inbox(folder.inbox).newest(_SHOWN),
        acme=ACME,
        acme_is_running=switch.is_acme_server_running(folder),
    )


@blueprint.get("/<mail_id>")
@anyone
def mail(mail_id: str) -> ResponseReturnValue:
    """One mail: the headers that tell how it came, its text, its HTML as source. A mail's HTML never runs here."""
    found = Inbox(DemoFolder.of_this_installation().inbox).find(mail_id)
    if found is None:
        abort(404)
    return render_template("inbox/mail.html", mail=found)


@blueprint.post("/acme-server/stop")
@anyone
def stop_acme_server() -> ResponseReturnValue:
    switch.stop_acme_server()
    return redirect(url_for(".mails"))


@blueprint.post("/acme-server/start")
@anyone
def start_acme_server() -> ResponseReturnValue:
    switch.start_acme_server()
    return redirect(url_for(".mails"))
