"""What a connection test is given, and what it finds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from portal.domain.ids import TenantId
from portal.domain.routing.diagnosis import Diagnosis
from portal.domain.routing.email_settings import EmailSettings
from portal.domain.routing.fault import Fault
from portal.domain.routing.smtp_route import Credentials
from portal.domain.secret import MARK

StageJson = Mapping[str, Any]
"""A stage as CONTRACT's probe object lists it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested: settings as typed or as saved.

    Attributes:
        version: The saved version, or None for a form as typed: then nothing but the record of the test is kept.
        activates: Whether success makes the version the active one.
    """

    tenant_id: TenantId
    settings: EmailSettings
    credentials: Credentials | None
    version: int | None = None
    activates: bool = False


@dataclass(frozen=True, slots=True)
class ProbeVerdict:
    """How a test ended.

    Attributes:
        sign_in_refused: Whether the server has judged the credentials and refused them.
    """

    seconds: float
    stages: tuple[StageJson, ...]
    fault: Fault
    diagnosis: Diagnosis
    transcript: str
    sign_in_refused: bool = False

    @property
    def ok(self) -> bool:
        return self.fault is Fault.OK

    def to_json(self) -> dict[str, Any]:
        """CONTRACT's *probe* object."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "stages": list(self.stages),
            "class": self.fault,
            "title": self.diagnosis.title,
            "what_happened": self.diagnosis.what_happened,
            "what_to_do": list(self.diagnosis.what_to_do),
            "field": self.diagnosis.field,
            "fix": dict(self.diagnosis.fix),
        }

    def without(self, token: str) -> "ProbeVerdict":
        """The same without the token of the test message's link, should the server have said it back to us."""
        stages = tuple(stage_without(stage, token) for stage in self.stages)
        return replace(self, stages=stages, transcript=_marked(self.transcript, token))


def stage_without(stage: StageJson, token: str) -> StageJson:
    return {name: _marked(value, token) if isinstance(value, str) else value for name, value in stage.items()}


def _marked(text: str, token: str) -> str:
    # By its beginning, because a server's words are cut, and a message's lines are folded.
    return re.sub(re.escape(token[:8]) + r"[\w=-]*", MARK, text)
