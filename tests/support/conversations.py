"""Conversations of ours brought to where a test begins, without a network."""

from base64 import b64encode

from portal.domain.routing.smtp_route import AuthChoice, TlsMode
from portal.smtp.conversation import Conversation
from tests.support.scripted_smtp import PASSWORD, USERNAME
from tests.support.smtp_routes import route_to

PLAIN = b64encode(f"\0{USERNAME}\0{PASSWORD}".encode())
OFFERS = b"250-smtp.acme.example\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-SIZE 1000000\r\n250 AUTH PLAIN LOGIN\r\n"


def said(conversation: Conversation) -> bytes:
    """What it wants written; and it is written."""
    outgoing = b"".join(conversation.take_outgoing())
    conversation.all_written()
    return outgoing


def greeted(offers: bytes = OFFERS, *, auth: AuthChoice = AuthChoice.AUTO, password: str = PASSWORD) -> Conversation:
    """A conversation that is encrypted and has heard what the server offers."""
    conversation = Conversation(route_to(465, tls=TlsMode.IMPLICIT, auth=auth, password=password))
    conversation.tls_established("TLS")
    conversation.hear_banner()
    conversation.receive(b"220 hello\r\n")
    conversation.say_hello()
    assert said(conversation) == b"EHLO portal.platform.example\r\n"
    conversation.receive(offers)
    return conversation


def signed_in(offers: bytes = OFFERS) -> Conversation:
    conversation = greeted(offers)
    conversation.sign_in()
    said(conversation)
    conversation.receive(b"235 in\r\n")
    return conversation
