"""Audit events in people's words."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from portal.domain.audit_events import COMMAND_LINE, WORKER, AuditAction
from portal.web.labels import FIELDS, STAGES, VIAS

Facts = Mapping[str, Any]

ACTIONS: Final = {
    AuditAction.EMAIL_SENT: "Message sent",
    AuditAction.EMAIL_SEND_FAILED: "Message refused or not sent",
    AuditAction.ROUTE_UNHEALTHY: "Own server failing",
    AuditAction.ROUTE_RECOVERED: "Own server works again",
    AuditAction.ROUTE_ALERTED: "Admins told about the own server",
    AuditAction.SMTP_SAVED: "Settings saved",
    AuditAction.SMTP_DRAFT_DISCARDED: "Draft discarded",
    AuditAction.SMTP_TESTED: "Connection tested",
    AuditAction.SMTP_ACTIVATED: "Settings activated",
    AuditAction.SMTP_ACTIVATED_UNTESTED: "Settings activated without a test",
    AuditAction.SMTP_ENABLED: "Own server turned on",
    AuditAction.SMTP_DISABLED: "Own server turned off",
    AuditAction.TENANT_CREATED: "Tenant created",
    AuditAction.MEMBERSHIP_CREATED: "Member added",
    AuditAction.MEMBERSHIP_CHANGED: "Role changed",
}
"""Every event a tenant's log can hold."""

_ANSWERED: Final = re.compile(r"[2-5]\d\d\b")  # a reply begins with its code; what is no reply does not
ACTORS: Final = {WORKER.name: "Waypost", COMMAND_LINE.name: "Operator, command line"}


def audit_sentence(action: str, facts: Facts) -> str:
    """What happened, as one or two sentences; an event this version does not know shows its name."""
    made = _SENTENCES.get(action)
    return made(facts) if made else action


def _sent(facts: Facts) -> str:
    return f"Accepted by {_route(facts)}, from {facts.get('from') or 'an unknown sender'}.{_said(facts)}"


def _failed(facts: Facts) -> str:
    if "via" not in facts:
        return f"Not sent: {facts.get('reply') or facts.get('state') or 'no reason was recorded'}"
    stage = STAGES.get(facts.get("stage", ""), facts.get("stage", "an unknown stage"))
    what = "Refused by" if _is_answer(facts) else "Not taken by"
    return f"{what} {_route(facts)} at «{stage}».{_happened(facts)} {facts.get('decision') or ''}".rstrip()


def _is_answer(facts: Facts) -> bool:
    return _ANSWERED.match(str(facts.get("reply", ""))) is not None


def _happened(facts: Facts) -> str:
    return _said(facts) if _is_answer(facts) else f" What happened: {facts.get('reply') or 'unknown'}."


def _route(facts: Facts) -> str:
    via = VIAS.get(facts.get("via", ""), facts.get("via") or "an unknown route")
    version = facts.get("version")
    name = via[:1].lower() + via[1:]
    return f"{name} (version {version})" if version else name


def _said(facts: Facts) -> str:
    return f" Answer: «{facts['reply']}»." if facts.get("reply") else ""


def _unhealthy(facts: Facts) -> str:
    return f"The own server (version {facts.get('version')}) is failing ({facts.get('class')}).{_happened(facts)}"


def _recovered(facts: Facts) -> str:
    shown_by = "a sign-in has worked" if facts.get("shown_by") == "probe" else "it has accepted mail"
    return f"The own server (version {facts.get('version')}) is used again: {shown_by}."


def _alerted(facts: Facts) -> str:
    about = "works again" if facts.get("about") == "recovery" else f"fails ({facts.get('class')})"
    number = facts.get("recipients")
    people = "1 person was" if number == 1 else f"{number} people were"
    return f"{people} told by mail that the own server (version {facts.get('version')}) {about}."


def _saved(facts: Facts) -> str:
    changed = dict(facts.get("changed") or {})
    password = changed.pop("password", None)
    parts = [
        f"{FIELDS.get(name, name)} {_shown(change.get('from'))} → {_shown(change.get('to'))}"
        for name, change in changed.items()
        if isinstance(change, Mapping) and _shown(change.get("from")) != _shown(change.get("to"))
    ]
    if password:
        parts.append(f"{FIELDS['password']} {password}")
    return f"Version {facts.get('version')} saved as a draft: {'; '.join(parts) or 'nothing changed'}."


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    return "(empty)" if value is None or value == "" else f"«{value}»"


def _tested(facts: Facts) -> str:
    version = facts.get("version")
    what = f"version {version}" if version else "the form as typed"
    end = "the test message was accepted" if facts.get("ok") else f"the test failed ({facts.get('class')})"
    return f"Test of {what} at {facts.get('endpoint')}: {end}."


def _activated(facts: Facts) -> str:
    before = facts.get("replaces")
    instead = f", in place of version {before}" if before else ""
    return f"Version {facts.get('version')} ({facts.get('host')}:{facts.get('port')}) sends from now on{instead}."


def _enabled(facts: Facts) -> str:
    return f"Mail goes through the tenant's own server again (version {facts.get('version')})."


def _disabled(_: Facts) -> str:
    return "Mail goes through the platform until the own server is turned on again."


def _tenant_created(facts: Facts) -> str:
    return f"Tenant {_shown(facts.get('name'))} created as {_shown(facts.get('slug'))}."


def _member_added(facts: Facts) -> str:
    return f"A person became {facts.get('role')} here."


_SENTENCES: Final[Mapping[str, Callable[[Facts], str]]] = {
    AuditAction.EMAIL_SENT: _sent,
    AuditAction.EMAIL_SEND_FAILED: _failed,
    AuditAction.ROUTE_UNHEALTHY: _unhealthy,
    AuditAction.ROUTE_RECOVERED: _recovered,
    AuditAction.ROUTE_ALERTED: _alerted,
    AuditAction.SMTP_SAVED: _saved,
    AuditAction.SMTP_TESTED: _tested,
    AuditAction.SMTP_ACTIVATED: _activated,
    AuditAction.SMTP_ACTIVATED_UNTESTED: _activated,
    AuditAction.SMTP_DRAFT_DISCARDED: lambda facts: f"Draft version {facts.get('version')} was discarded.",
    AuditAction.SMTP_ENABLED: _enabled,
    AuditAction.SMTP_DISABLED: _disabled,
    AuditAction.TENANT_CREATED: _tenant_created,
    AuditAction.MEMBERSHIP_CREATED: _member_added,
    AuditAction.MEMBERSHIP_CHANGED: lambda facts: f"A member is {facts.get('role')} now.",
}
