"""Who may open a page. Every view says it with one of three decorators; a view that says nothing opens for nobody."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from flask import Flask, abort, current_app, g, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from portal.domain.ids import TenantId
from portal.domain.people.roles import Permission, may
from portal.storage import organisations, users
from portal.storage.organisations import OrganisationRow, TenantRow
from portal.storage.users import Membership
from portal.web.database import db
from portal.web.login import person

View = Callable[..., ResponseReturnValue]

ANYONE: Final = "anyone"
SIGNED_IN: Final = "signed in"

_RULE: Final = "portal_access_rule"


def init_app(app: Flask) -> None:
    app.before_request(_refuse_views_without_rule)
    app.before_request(_refuse_nul)
    setattr(app.view_functions["static"], _RULE, ANYONE)
    app.jinja_env.globals.update(
        may=may,
        Permission=Permission,
        membership=membership,
        memberships=memberships,
        organisation_of=organisation_of,
    )


def anyone(view: View) -> View:
    """The page asks nobody to sign in."""
    setattr(view, _RULE, ANYONE)
    return view


def signed_in(view: View) -> View:
    """The page is for everybody who is signed in, whatever they are a member of."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> ResponseReturnValue:
        if not current_user.is_authenticated:
            return ask_to_sign_in()
        return view(*args, **kwargs)

    setattr(guarded, _RULE, SIGNED_IN)
    return guarded


def needs_permission(permission: Permission) -> Callable[[View], View]:
    """The page belongs to the tenant in its URL and is for members with this permission.

    The view is called with the person's ``Membership`` in place of the URL's ``slug``. A stranger gets the same 404
    as for a tenant that does not exist; a member without the permission gets 403.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, slug: str, **kwargs: Any) -> ResponseReturnValue:
            if not current_user.is_authenticated:
                return ask_to_sign_in()
            here = _membership_in(slug)
            if here is None:
                abort(404)
            g.membership = here
            if not may(here.role, permission):
                abort(403, f"Your role here is {here.role}, which does not allow to {permission}. Ask an owner.")
            return view(here, *args, **kwargs)

        setattr(guarded, _RULE, permission)
        return guarded

    return decorate


def rule_of(view: Any) -> str | None:
    """``ANYONE``, ``SIGNED_IN`` or a ``Permission``; None for a view that has not said."""
    return getattr(view, _RULE, None)


def memberships() -> list[Membership]:
    """The tenants the signed-in person is a member of, by name."""
    return users.memberships_of(db.session(), person().account.user_id)


def membership() -> Membership | None:
    """The person's membership in the tenant of this page, if it is a tenant's page."""
    here: Membership | None = g.get("membership")
    return here


def organisation_of(tenant: TenantRow) -> str:
    return db.session().get_one(OrganisationRow, tenant.organisation_id).name


def _membership_in(slug: str) -> Membership | None:
    session = db.session()
    tenant = organisations.tenant_by_slug(session, slug)
    if tenant is None:
        return None
    role = users.role_in(session, TenantId(tenant.id), person().account.user_id)
    return Membership(tenant, role) if role else None


def _refuse_views_without_rule() -> None:
    view = current_app.view_functions.get(request.endpoint) if request.endpoint else None
    if view is not None and rule_of(view) is None:
        raise LookupError(f"The view «{request.endpoint}» does not say who may open it (portal.web.access).")


def _refuse_nul() -> None:
    """No slug and no id has one, and PostgreSQL does not even take the question."""
    if "\0" in request.path:
        abort(404)


def ask_to_sign_in() -> ResponseReturnValue:
    answer: ResponseReturnValue = current_app.login_manager.unauthorized()  # type: ignore[attr-defined]  # Flask-Login puts it there
    return answer
