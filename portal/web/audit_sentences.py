"""What an audit event tells, as a sentence."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from portal.domain.audit_events import AuditAction
from portal.domain.routing.fault import Fault
from portal.web.labels import ROLES, STAGES, VIAS

Facts = Mapping[str, Any]

_ANSWERED: Final = re.compile(r"[2-5]\d\d\b")  # a reply begins with its code; what is no reply does not
_FAULTS: Final[Mapping[str, str]] = {
    Fault.ROUTE_AUTH: "the sign-in was refused",
    Fault.ROUTE_CERT: "its certificate is not trusted",
    Fault.ROUTE_SENDER: "the From address is not allowed there",
    Fault.ROUTE_PERM: "it takes no mail from us",
    Fault.ROUTE_PROTOCOL: "what answers is no mail server, or not the one that is meant",
    Fault.ROUTE_TEMP: "it was not reached, or could not take mail just then",
    Fault.RATE: "too much mail at a time, or its quota is used up",
    Fault.RCPT_PERM: "it does not accept the recipient",
    Fault.RCPT_TEMP: "it puts the recipient off",
    Fault.MSG_PERM: "it does not accept the message itself",
    Fault.AMBIGUOUS: "its answer to the message never came",
}
"""What a fault says of a server."""
_ROLE_NAMES: Final = {str(role): words.lower() for role, words in ROLES.items()}


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


def _fault(facts: Facts) -> str:
    return _FAULTS.get(str(facts.get("class")), str(facts.get("class") or "the cause is not known"))


def _unhealthy(facts: Facts) -> str:
    return f"The own server (version {facts.get('version')}) is failing: {_fault(facts)}.{_happened(facts)}"


def _recovered(facts: Facts) -> str:
    shown_by = "a sign-in has worked" if facts.get("shown_by") == "probe" else "it has accepted mail"
    return f"The own server (version {facts.get('version')}) is used again: {shown_by}."


def _alerted(facts: Facts) -> str:
    about = "works again" if facts.get("about") == "recovery" else f"fails, because {_fault(facts)}"
    number = facts.get("recipients")
    people = "1 person was" if number == 1 else f"{number} people were"
    return f"{people} told by mail that the own server (version {facts.get('version')}) {about}."


def _saved(facts: Facts) -> str:
    """What was changed stands beside it as a list (``audit_entries``)."""
    nothing = "" if facts.get("changed") else " Nothing in it was changed."
    return f"Version {facts.get('version')} saved as a draft.{nothing}"


def _shown(value: object) -> str:
    return "(empty)" if value is None or value == "" else f"«{value}»"


def _tested(facts: Facts) -> str:
    version = facts.get("version")
    what = f"version {version}" if version else "the form as typed"
    end = "the test message was accepted" if facts.get("ok") else f"the test failed, because {_fault(facts)}"
    return f"Test of {what} at {facts.get('endpoint')}: {end}."


def _test_refused(facts: Facts) -> str:
    at = f" at {facts['endpoint']}" if facts.get("endpoint") else ""
    return f"A test{at} was not begun. {facts.get('because') or ''}".rstrip()


def _test_received(facts: Facts) -> str:
    return f"A reader of the test message from {facts.get('endpoint')} confirmed by its link that it has arrived."


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


def _role(role: object) -> str:
    return _ROLE_NAMES.get(str(role), str(role or "a member"))


def _member_added(facts: Facts) -> str:
    return f"{facts.get('user') or 'Somebody'} became {_role(facts.get('role'))} here."


def _role_changed(facts: Facts) -> str:
    before = f", no longer {_role(facts['was'])}" if facts.get("was") else ""
    return f"{facts.get('user') or 'A member'} is {_role(facts.get('role'))} now{before}."


def _exported(facts: Facts) -> str:
    asked = ", ".join(f"{name} «{value}»" for name, value in facts.items())
    return f"The events were taken away as a file{f', only those of {asked}' if asked else ''}."


_SENTENCES: Final[Mapping[str, Callable[[Facts], str]]] = {
    AuditAction.EMAIL_SENT: _sent,
    AuditAction.EMAIL_SEND_FAILED: _failed,
    AuditAction.SAMPLE_REFUSED: lambda _: "No sample was sent: too many had been asked for within a short time.",
    AuditAction.ROUTE_UNHEALTHY: _unhealthy,
    AuditAction.ROUTE_RECOVERED: _recovered,
    AuditAction.ROUTE_ALERTED: _alerted,
    AuditAction.SMTP_SAVED: _saved,
    AuditAction.SMTP_TESTED: _tested,
    AuditAction.SMTP_TEST_REFUSED: _test_refused,
    AuditAction.SMTP_TEST_RECEIVED: _test_received,
    AuditAction.SMTP_ACTIVATED: _activated,
    AuditAction.SMTP_ACTIVATED_UNTESTED: _activated,
    AuditAction.SMTP_DRAFT_DISCARDED: lambda facts: f"Draft version {facts.get('version')} was discarded.",
    AuditAction.SMTP_ENABLED: _enabled,
    AuditAction.SMTP_DISABLED: _disabled,
    AuditAction.TENANT_CREATED: _tenant_created,
    AuditAction.MEMBERSHIP_CREATED: _member_added,
    AuditAction.MEMBERSHIP_CHANGED: _role_changed,
    AuditAction.AUDIT_LOG_EXPORTED: _exported,
}
