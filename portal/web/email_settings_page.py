"""The Email SMTP page: what several views show of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from flask import make_response, render_template, session
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.domain.audit_events import AuditAction
from portal.domain.ids import TenantId
from portal.domain.mail.sender_identity import platform_identity
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fault import Fault
from portal.domain.routing.provider_preset import ProviderPreset
from portal.domain.routing.provider_presets import PRESETS
from portal.domain.routing.smtp_route import Via, route_key
from portal.domain.secret import MARK
from portal.services import route_states
from portal.services.connection_probe import SECONDS
from portal.storage import email_settings as stored
from portal.storage import figures, outbox, platform_use, probes
from portal.storage.audit_log import AuditRow
from portal.storage.email_settings import EmailSettingsRow
from portal.storage.organisations import TenantRow
from portal.storage.probes import ProbeRow
from portal.storage.users import Membership
from portal.web.database import db, waypost
from portal.web.email_settings_advice import advice_beside
from portal.web.forms.email_settings import EmailSettingsForm
from portal.web.htmx import is_htmx
from portal.web.probe_panel import ProbePanel
from portal.web.route_state import LastMessage, Outage, Proof, RouteState, Version

_CHANGES_OF_ROUTE: Final = (
    AuditAction.SMTP_ACTIVATED,
    AuditAction.SMTP_ACTIVATED_UNTESTED,
    AuditAction.SMTP_ENABLED,
    AuditAction.SMTP_DISABLED,
)
_MOST_COUNTED: Final = 1000  # messages that wait; counting more would tell nobody more
_TYPED: Final = "typed"
_LONGEST_TYPED: Final = 2000  # characters; the cookie that keeps it holds 4 KiB


def email_settings_page(
    here: Membership,
    *,
    form: EmailSettingsForm | None = None,
    probe: ProbeRow | None = None,
    refusal: str | None = None,
    preset: ProviderPreset | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """Show the page.

    Args:
        form: As it was typed; None for what is saved.
        probe: The test to show.
        refusal: Why no test was begun.
        preset: The provider whose server is laid over what the form shows.
    """
    tenant_id = TenantId(here.tenant.id)
    edited = _edited(here)
    kept = kept_settings(here)
    panel = probe_panel(probe, here) if probe else None
    shows_what_was_tested = form is not None or (probe and edited and probe.version == edited.version)
    form = form or EmailSettingsForm.showing(edited.settings if edited else None, edited.version if edited else 0)
    if preset:
        form.fill_in(preset)
    page = render_template(
        "email_settings/page.html",
        here=here,
        state=route_state(db.session(), here.tenant),
        form=form,
        password_stored=kept is not None,
        preset=preset,
        presets=PRESETS,
        **advice_beside(form, kept),
        panel=panel,
        suspect=panel.field if panel and shows_what_was_tested else None,
        refusal=refusal,
        tests=[probe_panel(row, here) for row in probes.newest(db.session(), tenant_id)],
        seconds=int(SECONDS),
    )
    response = make_response(page, status)
    if status == 422 and is_htmx():
        # The form is put in place with its problems; what is beside it stays as it is.
        response.headers.update(
            {"HX-Retarget": "#settings", "HX-Reselect": "#settings", "HX-Reswap": "outerHTML show:top"}
        )
    return response


def kept_settings(here: Membership) -> EmailSettings | None:
    """The settings whose stored password an edit would keep; None where none is stored."""
    edited = _edited(here)
    return edited.settings if edited and edited.credentials_id else None


def _edited(here: Membership) -> EmailSettingsRow | None:
    """What an edit is laid over: the draft if there is one, else what is active."""
    number = here.tenant.draft_version or here.tenant.active_version
    return stored.version(db.session(), TenantId(here.tenant.id), number)


def probe_panel(row: ProbeRow, here: Membership) -> ProbePanel:
    return ProbePanel.of(row, here.tenant, now=waypost().clock())


def remember_typed(probe_id: str, form: EmailSettingsForm) -> None:
    """Keep what was typed beside its test, in the person's own cookie, which is signed and not sealed.

    Neither the password goes there nor the username, which is the same key at some providers: the record of the test
    has it, or the mark in its place.
    """
    typed = _for_the_cookie(form)
    if sum(map(len, typed.values())) <= _LONGEST_TYPED:
        session[_TYPED] = {"probe": probe_id, "fields": typed}


def is_of(probe_id: str, form: EmailSettingsForm) -> bool:
    """Whether this is the form as it was typed for that test."""
    typed: Mapping[str, Any] = session.get(_TYPED) or {}
    probe = db.session().get(ProbeRow, probe_id)
    return (
        typed.get("probe") == probe_id
        and typed["fields"] == _for_the_cookie(form)
        and probe is not None
        and _username_in(probe) in (form.typed["username"], MARK)
    )


def typed_for(probe: ProbeRow) -> EmailSettingsForm | None:
    """The form as it was typed for this test, or None when that is no longer known."""
    typed: Mapping[str, Any] = session.get(_TYPED) or {}
    if typed.get("probe") != probe.id:
        return None
    return EmailSettingsForm.typed_before({**typed["fields"], "username": _username_in(probe)})


def _for_the_cookie(form: EmailSettingsForm) -> dict[str, str]:
    return {name: text for name, text in form.typed.items() if name != "username"}


def _username_in(probe: ProbeRow) -> str:
    return str(probe.settings.get("username") or "")


def route_state(read: Session, tenant: TenantRow) -> RouteState:
    installation = waypost()
    tenant_id = TenantId(tenant.id)
    changed = _last_of(read, tenant_id, _CHANGES_OF_ROUTE)
    sender = platform_identity(
        installation.platform.identity, platform_name=installation.platform.name, tenant_name=tenant.name
    )
    return RouteState(
        enabled=tenant.smtp_enabled,
        active=_version(read, stored.version(read, tenant_id, tenant.active_version)),
        draft=_version(read, stored.version(read, tenant_id, tenant.draft_version)),
        changed_at=changed.at if changed else tenant.created_at,
        platform_sender=f"{sender.from_name} <{sender.from_address}>",
        last=_last_message(read, tenant),
        outage=_outage(read, tenant),
        used=platform_use.use_of(read, tenant_id, now=installation.clock()),
        quota=installation.quota,
        let_in_at=_let_in_at(read, tenant),
        waiting=figures.waiting(read, tenant_id, most=_MOST_COUNTED),
        most_counted=_MOST_COUNTED,
    )


def _outage(read: Session, tenant: TenantRow) -> Outage | None:
    if tenant.active_version is None:
        return None
    health = route_states.read(read, route_key(TenantId(tenant.id), tenant.active_version)).health
    if not health.is_open or health.opened_at is None or health.probe_at is None:
        return None
    return Outage(health.opened_at, health.probe_at)


def _let_in_at(read: Session, tenant: TenantRow) -> datetime | None:
    if tenant.active_version is None:
        return None
    recovered = _last_of(read, TenantId(tenant.id), (AuditAction.ROUTE_RECOVERED,))
    return recovered.at if recovered and recovered.facts.get("version") == tenant.active_version else None


def _last_of(read: Session, tenant_id: TenantId, actions: Sequence[AuditAction]) -> AuditRow | None:
    """The newest of these events in the tenant's log."""
    return read.scalar(
        select(AuditRow)
        .where(AuditRow.tenant_id == tenant_id, AuditRow.action.in_(actions))
        .order_by(AuditRow.id.desc())
        .limit(1)
    )


def _last_message(read: Session, tenant: TenantRow) -> LastMessage | None:
    """Told before any breaker has judged: an admin who looks at the page wants to know what the last message met."""
    if tenant.active_version is None:
        return None
    last = outbox.last_attempt_over(read, TenantId(tenant.id), via=Via.TENANT, version=tenant.active_version)
    if last is None:
        return None
    fault = Fault(last.fault)
    if fault is not Fault.OK and not fault.traits.counts_against_health:
        return None  # the fault of a recipient or of the message: it says nothing of the route
    return LastMessage(last.at, fault is not Fault.OK, last.reply[:200])


def _version(read: Session, row: EmailSettingsRow | None) -> Version | None:
    if row is None:
        return None
    if row.proven_at is not None:
        return Version(row.version, row.settings, Proof.PROVEN, row.proven_at)
    last = probes.newest_of_version(read, TenantId(row.tenant_id), row.version)
    if last is not None and last.verdict:
        return Version(row.version, row.settings, Proof.FAILED, last.finished_at or last.started_at)
    return Version(row.version, row.settings, Proof.UNTESTED, row.created_at)
