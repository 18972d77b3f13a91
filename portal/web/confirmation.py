"""Who changes credentials, the switch or roles proves once more who they are: at most 10 minutes ago (THREATS 20).

A view says so below its access decorator::

    @blueprint.post("/disable")
    @needs_permission(Permission.SWITCH_ROUTE)
    @confirmed(to="turn your own mail server off")
    def disable(here: Membership) -> ResponseReturnValue: ...

Who has proven it lately notices nothing. Everybody else gets a page that carries what they have sent, so that typing
the password there completes what they were doing. What is secret must not stand in a page: a view whose form holds
something secret shows that form again instead (``on_stale``), with ``confirmation/field.html`` in it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from flask import Flask, g, make_response, render_template, request
from flask.typing import ResponseReturnValue

from portal.domain.people import sign_in_rules
from portal.services.sign_in import WrongPasswordError
from portal.services.sign_in_limits import TooManyTriesError
from portal.web import login
from portal.web.database import waypost
from portal.web.htmx import is_htmx
from portal.web.waits import try_again

View = Callable[..., ResponseReturnValue]

FIELD: Final = "confirm_password"

_MARK: Final = "portal_confirmed"
_NOT_CARRIED: Final = frozenset({FIELD, "csrf_token"})  # asked for, and made anew, by the page


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(confirmation_is_fresh=is_fresh, confirmation_problem=problem)


def confirmed(*, to: str, on_stale: View | None = None) -> Callable[[View], View]:
    """The view is called only for somebody who has proven who they are in the last 10 minutes, or does so now.

    Args:
        to: What the person is about to do, in words that follow "To".
        on_stale: Answers in the view's place, with its arguments, when the proof is too old, absent or wrong;
            ``problem()`` says which. None for the page that carries on what was sent.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
            if is_fresh() or _confirms():
                return view(*args, **kwargs)
            return on_stale(*args, **kwargs) if on_stale else _page(to)

        setattr(guarded, _MARK, True)
        return guarded

    return decorate


def is_confirmed(view: Any) -> bool:
    """Whether a view demands it; access decorators above leave the mark visible."""
    return getattr(view, _MARK, False) is True


def is_fresh() -> bool:
    """Whether the signed-in person has proven who they are in the last 10 minutes."""
    return sign_in_rules.is_fresh(login.person().account.confirmed_at, waypost().clock())


def problem() -> str | None:
    """Why what was sent in this request does not prove it; None where nothing was asked."""
    found: str | None = g.get("confirmation_problem")
    return found


def _confirms() -> bool:
    """Look at the password in the form, if there is one."""
    password = request.form.get(FIELD, "")
    if not password:
        g.confirmation_problem = "Enter the password you sign in to Waypost with."
        return False
    try:
        at = waypost().sign_in.confirm(login.person().account, password, login.visitor())
    except WrongPasswordError:
        g.confirmation_problem = "This is not the password you sign in to Waypost with."
        return False
    except TooManyTriesError as refused:
        g.confirmation_problem = f"Too many wrong passwords. {try_again(refused.wait)}"
        return False
    login.confirmed(at)
    return True


def _page(to: str) -> ResponseReturnValue:
    page = render_template(
        "confirmation/page.html",
        to=to,
        carried=[(name, value) for name, value in request.form.items(multi=True) if _may_be_carried(name)],
        was_typed=bool(request.form.get(FIELD)),
        back=login.page_before(),
    )
    response = make_response(page, 403)
    if is_htmx():  # a part of the page asked; the question takes the whole page
        response.headers.update({"HX-Retarget": "body", "HX-Reswap": "innerHTML"})
    return response


def _may_be_carried(name: str) -> bool:
    # A form with a password of its own has its own on_stale; if one forgets, it is asked for again, not shown.
    return name not in _NOT_CARRIED and "password" not in name
