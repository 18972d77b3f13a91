"""Every address of the portal, from its URL map, with real objects behind the ids in it.

A view that is new is walked without being named anywhere. What it must bring is an access rule, and an example here
for an argument of its address that no other view has.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flask import Flask
from werkzeug.routing import Rule

from portal.crypto.token_hashing import new_token, token_hash
from portal.domain.ids import TenantId, UserId
from portal.services.clock import new_id
from portal.storage.probes import ProbeRow
from portal.storage.sign_ins import SignInRow
from portal.web.access import rule_of
from portal.web.confirmation import is_confirmed
from tests.support.portal_app import ACME, Portal

Examples = Mapping[str, str]
"""A value for each argument of an address, by its name."""

OF_NO_TENANT: Final = frozenset({"slug", "filename", "token", "sign_in_id"})
"""Arguments that name no object of a tenant."""


class NoExampleError(LookupError):
    """An address has an argument that nothing stands for here: add one to ``examples()``."""


@dataclass(frozen=True)
class Address:
    """One address with one of its methods."""

    rule: Rule
    method: str
    path: str
    needs: str | None
    is_confirmed: bool

    @property
    def endpoint(self) -> str:
        return str(self.rule.endpoint)

    @property
    def is_of_a_tenant(self) -> bool:
        return "slug" in self.rule.arguments

    @property
    def names_an_object(self) -> bool:
        """Whether it names something within its tenant."""
        return self.is_of_a_tenant and bool(self.rule.arguments - OF_NO_TENANT)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def addresses(app: Flask, values: Examples) -> Iterator[Address]:
    """Every rule of the URL map with each method that its view answers.

    Raises:
        NoExampleError: ``values`` lacks an argument.
    """
    urls = app.url_map.bind("127.0.0.1")
    for rule in app.url_map.iter_rules():
        if missing := rule.arguments - values.keys():
            raise NoExampleError(f"{rule.rule} has {', '.join(sorted(missing))}: tests/support/url_map.py has none")
        view = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            path = urls.build(rule.endpoint, {name: values[name] for name in rule.arguments}, method=method)
            yield Address(rule, method, path, rule_of(view), is_confirmed(view))


def examples(portal: Portal, tenant_id: TenantId, user_id: UserId, *, slug: str = ACME) -> dict[str, str]:
    """Objects of a tenant and of a person, put into the database for this.

    Args:
        slug: The tenant that the addresses name, which need not be the one that the objects belong to.
    """
    now = portal.clock()
    waypost = portal.waypost
    probe = ProbeRow(
        id=new_id(now),
        tenant_id=tenant_id,
        to_address="alice@acme.example",
        started_by=user_id,
        started_at=now,
        finished_at=now,
        endpoint="smtp.acme.example:587 (STARTTLS)",
    )
    sign_in = SignInRow(
        id=new_id(now),
        token_hash=token_hash(new_token()),
        user_id=user_id,
        created_at=now,
        seen_at=now,
        confirmed_at=now,
    )
    with waypost.database.transaction() as session:
        session.add_all([probe, sign_in])
    message = waypost.sender.send(tenant_id, kind="notification", to="bob@dest.example", subject="Hi", text="Hi")
    return {
        "slug": slug,
        "probe_id": probe.id,
        "message_id": message,
        "sign_in_id": sign_in.id,
        "token": new_token(),
        "filename": "app.css",
    }
