"""An SMTP session from the banner to QUIT, as the client says it. Sans-IO: no socket, no clock (DESIGN section 4).

Each verb begins a piece of the dialogue; ``receive()`` carries it on until ``is_waiting`` is false. What happens in
between (the TLS handshake, the wait, the write) is the driver's business.
"""

import re
from typing import Final

from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.smtp_route import AuthChoice, SmtpRoute, TlsMode
from portal.domain.routing.trouble import Trouble
from portal.domain.secret import MARK
from portal.smtp.capabilities import Capabilities
from portal.smtp.dialogue import Script
from portal.smtp.envelope import Envelope
from portal.smtp.sign_in_mechanism import SignIn, sign_in_with
from portal.smtp.transaction import Transaction
from portal.smtp.transcript import Secrets

READY: Final = frozenset({220})
HELLO: Final = frozenset({250})
CHALLENGE: Final = 334
SIGNED_IN: Final = frozenset({235})
AUTH_ANSWERS: Final = SIGNED_IN | {CHALLENGE}
ANY_REPLY: Final = range(200, 600)

_EHLO_NAME: Final = re.compile(r"[!-~]+")


class Conversation(Transaction):
    """The client's side of one connection to a route's server.

    The order is ``hear_banner``, ``say_hello``, then with STARTTLS ``ask_for_tls``, ``tls_established`` and
    ``say_hello`` again, then ``sign_in``, then any number of ``submit`` and ``reset``. With implicit TLS
    ``tls_established`` comes first. Neither credentials nor messages can be said before the encryption that the
    route asks for.
    """

    def __init__(self, route: SmtpRoute) -> None:
        super().__init__(Secrets(route.credentials), peer_is_trusted=not route.guarded)
        if not _EHLO_NAME.fullmatch(route.ehlo_name):
            raise ValueError("an EHLO name is a host name or an address literal")
        self._route = route
        self._is_encrypted = False
        self._sign_in: SignIn | None = None

    def hear_banner(self) -> None:
        self.stage = SmtpStage.BANNER
        self._begin(self._banner())
        self.receive(b"")  # it may have come before we asked for it

    def say_hello(self) -> None:
        self.stage = SmtpStage.EHLO
        self._begin(self._hello())

    def ask_for_tls(self) -> None:
        self.stage = SmtpStage.STARTTLS
        self._begin(self._starttls())

    def tls_begins(self) -> None:
        self.stage = SmtpStage.TLS

    def tls_established(self, note: str) -> None:
        """Be told that all bytes are encrypted from here on; what was offered in clear text is forgotten (RFC 3207)."""
        self._is_encrypted = True
        self.capabilities = Capabilities()
        self._ended(SmtpStage.TLS, None, note)

    def sign_in(self) -> None:
        """AUTH, or nothing when the route has no credentials."""
        self._refuse_clear_text()
        if self._sign_in is not None:
            self.stage = SmtpStage.AUTH
            self._begin(self._auth(self._sign_in))

    def submit(self, envelope: Envelope) -> None:
        self._refuse_clear_text()
        self.stage = SmtpStage.MAIL
        self._begin(self._transact(envelope))

    def reset(self) -> None:
        self.stage = SmtpStage.MAIL
        self._begin(self._reset())

    def noop(self) -> None:
        self.stage = SmtpStage.MAIL
        self._begin(self._noop())

    def quit(self) -> None:
        self.stage = SmtpStage.QUIT
        self._begin(self._quit())

    # The dialogue itself

    def _banner(self) -> Script:
        self._replies_due = 1  # the only reply that no command asks for
        answer = yield from self._hear(SmtpStage.BANNER, READY)
        self._ended(SmtpStage.BANNER, answer.shown)

    def _hello(self) -> Script:
        # No HELO for a server that refuses EHLO: it could neither encrypt nor sign anybody in.
        self._say(f"EHLO {self._route.ehlo_name}".encode())
        answer = yield from self._hear(SmtpStage.EHLO, HELLO)
        self.capabilities = Capabilities.parse(answer.raw)
        if self._route.endpoint.tls is TlsMode.STARTTLS and not self._is_encrypted:
            if not self.capabilities.starttls:
                raise self.failure(Trouble.NO_STARTTLS)
        else:
            self._choose_sign_in()
        self._ended(SmtpStage.EHLO, answer.shown)

    def _choose_sign_in(self) -> None:
        credentials, choice = self._route.credentials, self._route.auth
        if credentials is None or choice is AuthChoice.NONE:
            return
        if not self._is_encrypted:
            raise self.failure(Trouble.NO_USABLE_MECHANISM, detail="credentials are never sent in clear text")
        if not self.capabilities.offers_auth:
            raise self.failure(Trouble.NO_AUTH)
        self._sign_in = sign_in_with(credentials, choice, self.capabilities)
        if self._sign_in is None:
            offered = ", ".join(sorted(self.capabilities.mechanisms)) or "none"
            raise self.failure(Trouble.NO_USABLE_MECHANISM, detail=f"offered: {offered}")

    def _starttls(self) -> Script:
        self._say(b"STARTTLS")
        answer = yield from self._hear(SmtpStage.STARTTLS, READY)
        # What is behind the 220 came in clear text and would be taken for an encrypted reply (CVE-2011-0411).
        if self._reader.has_bytes:
            raise self.failure(Trouble.UNASKED_BYTES)
        self._ended(SmtpStage.STARTTLS, answer.shown)

    def _auth(self, sign_in: SignIn) -> Script:
        self._say(sign_in.command, shown=f"AUTH {sign_in.mechanism} {MARK}")
        answers = list(sign_in.answers)
        answer = yield from self._hear(SmtpStage.AUTH, AUTH_ANSWERS if answers else SIGNED_IN)
        while answer.raw.code == CHALLENGE:
            self._say(answers.pop(0), shown=MARK)
            answer = yield from self._hear(SmtpStage.AUTH, AUTH_ANSWERS if answers else SIGNED_IN)
        self._ended(SmtpStage.AUTH, answer.shown, f"AUTH {sign_in.mechanism}")

    def _quit(self) -> Script:
        self._say(b"QUIT")
        answer = yield from self._hear(SmtpStage.QUIT, ANY_REPLY)
        self._ended(SmtpStage.QUIT, answer.shown)

    def _refuse_clear_text(self) -> None:
        if self._route.endpoint.tls is not TlsMode.NONE and not self._is_encrypted:
            raise RuntimeError("neither credentials nor mail before encryption")
