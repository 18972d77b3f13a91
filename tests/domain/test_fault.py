"""What a failure means: every row of FAILURES, and what may not deceive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.mail.smtp_reply import EnhancedCode, SmtpReply
from portal.domain.mail.smtp_stage import SmtpStage
from portal.domain.routing.fault import TRAITS, Explanation, Fault, classify, explain
from portal.domain.routing.trouble import Trouble
from tests.support.failure_rows import FAILURE_ROWS, TRAITS_ROWS, FailureRow, TraitsRow


@pytest.mark.parametrize("row", FAILURE_ROWS, ids=str)
def test_every_row_of_the_failure_table_has_its_class(row: FailureRow) -> None:
    assert classify(row.stage, row.code, row.enhanced, row.text, row.host, seen_before=row.seen_before) is row.fault


@pytest.mark.parametrize("row", [row for row in FAILURE_ROWS if row.code], ids=str)
def test_the_enhanced_code_is_found_in_the_text(row: FailureRow) -> None:
    assert classify(row.stage.value, row.code, None, row.words, row.host) is row.fault


@pytest.mark.parametrize("row", FAILURE_ROWS, ids=str)
def test_case_and_lines_of_a_reply_make_no_difference(row: FailureRow) -> None:
    again = f"\r\n{row.enhanced} " if row.enhanced else "\r\n"
    broken = again.join(row.text.upper().split(" "))
    assert classify(row.stage, row.code, row.enhanced, broken, row.host, seen_before=row.seen_before) is row.fault


@pytest.mark.parametrize("row", TRAITS_ROWS, ids=lambda row: row.fault)
def test_every_class_has_its_actions(row: TraitsRow) -> None:
    traits = TRAITS[row.fault]
    assert (traits.fallback, traits.final) == (row.fallback, row.final)
    assert (traits.health.in_a_row if traits.health else 0) == row.unhealthy_after


def test_no_class_and_no_stage_is_forgotten() -> None:
    assert {row.fault for row in TRAITS_ROWS} == set(Fault) == set(TRAITS)
    assert {row.fault for row in FAILURE_ROWS} == set(Fault)
    assert {row.stage for row in FAILURE_ROWS} == set(SmtpStage)


@pytest.mark.parametrize(
    ("stage", "code", "text", "fault"),
    [
        pytest.param(
            "rcpt", 550, "5.7.1 <relay-access-denied@banned.example> unknown", Fault.RCPT_PERM, id="a local part"
        ),
        pytest.param("rcpt", 550, "relay.access.denied.example is no domain", Fault.RCPT_PERM, id="a domain"),
        pytest.param("rcpt", 550, '"relay access denied"@dest.example: no', Fault.RCPT_PERM, id="a quoted local part"),
        pytest.param("rcpt", 450, "too.many.connections@dest.example busy", Fault.RCPT_TEMP, id="a rate in an address"),
        pytest.param("dot", 550, "see https://dest.example/quota/access/denied", Fault.MSG_PERM, id="a link"),
        pytest.param("rcpt", 550, "5.1.1 <a@b> User unknown in relay recipient table", Fault.RCPT_PERM, id="a table"),
        pytest.param(
            "rcpt",
            550,
            "5.1.1 <a@b>: undeliverable: host mx said: 554 5.7.1 Client host blocked using bl",
            Fault.RCPT_PERM,
            id="another server's words, quoted",
        ),
        pytest.param("dot", 550, "5.7.1 unquotable aberrations", Fault.MSG_PERM, id="quota and rate within words"),
        pytest.param("dot", 554, "5.7.0 Reject: BANNED contents", Fault.MSG_PERM, id="a banned attachment"),
        pytest.param("dot", 552, "5.2.2 The mailbox is over quota", Fault.MSG_PERM, id="somebody else's quota"),
        pytest.param("auth", 535, "5.7.8 failed: too many failures", Fault.ROUTE_AUTH, id="a refusal stays a refusal"),
    ],
)
def test_words_of_others_do_not_decide(stage: str, code: int, text: str, fault: Fault) -> None:
    assert classify(stage, code, None, text) is fault


@pytest.mark.parametrize(
    ("stage", "code", "text", "fault"),
    [
        pytest.param("rcpt", 454, "4.7.1 <a@b>: Relay access denied", Fault.ROUTE_TEMP, id="relay, softly"),
        pytest.param("rcpt", 450, "4.1.8 <a@b>: Sender address rejected: no domain", Fault.ROUTE_TEMP, id="our sender"),
        pytest.param("rcpt", 451, "4.3.0 Temporary lookup failure", Fault.ROUTE_TEMP, id="the server's own trouble"),
        pytest.param("rcpt", 450, "4.7.1 Error: too much mail from 192.0.2.1", Fault.RATE, id="Postfix's anvil"),
        pytest.param("rcpt", 553, "that domain isn't in my list of allowed rcpthosts", Fault.ROUTE_PERM, id="qmail"),
        pytest.param("rcpt", 550, "5.7.54 SMTP; Unable to relay recipient", Fault.ROUTE_PERM, id="Exchange"),
        pytest.param("rcpt", 554, "5.7.1 Recipient address rejected: Access denied", Fault.RCPT_PERM, id="access"),
        pytest.param("rcpt", 550, "5.7.1 You may not send to this group", Fault.RCPT_PERM, id="a closed group"),
        pytest.param("mail", 554, "5.7.1 <x[192.0.2.1]>: Client host rejected", Fault.ROUTE_PERM, id="at MAIL"),
        pytest.param("mail", 550, "5.7.1 Service refused", Fault.ROUTE_SENDER, id="the code alone"),
        pytest.param("mail", 550, "Service refused", Fault.ROUTE_PERM, id="no hint at all"),
        pytest.param("auth", 454, "5.7.8 no", Fault.ROUTE_TEMP, id="an enhanced code of another class is not heard"),
        pytest.param("rcpt", 450, "5.1.1 no such user", Fault.RCPT_TEMP, id="nor this one"),
    ],
)
def test_replies_seen_in_the_wild(stage: str, code: int, text: str, fault: Fault) -> None:
    assert classify(stage, code, None, text) is fault


@pytest.mark.parametrize(
    ("stage", "reply", "fault"),
    [
        # words before enhanced code
        ("mail", "550 5.7.1 Hourly sending limit reached", Fault.RATE),
        ("rcpt", "550 5.7.1 Daily sending quota exceeded", Fault.RATE),
        ("rcpt", "450 4.7.1 Greylisted: rate limit", Fault.RCPT_TEMP),
        ("rcpt", "550 5.7.1 Sender not authorized to send to this group", Fault.RCPT_PERM),
        ("dot", "550 5.7.1 You are not authorized to send to this recipient", Fault.MSG_PERM),
        ("mail", "554 5.7.1 Sender address rejected", Fault.ROUTE_SENDER),
        ("mail", "550 5.7.1 Client host rejected: no mail from you", Fault.ROUTE_PERM),
        ("rcpt", "550 5.7.1 Client was not authenticated", Fault.ROUTE_AUTH),
        # enhanced code before stage and code
        ("auth", "501 5.7.8 no", Fault.ROUTE_AUTH),
        ("auth", "554 5.7.11 no", Fault.ROUTE_PERM),
        ("mail", "550 5.7.57 no", Fault.ROUTE_AUTH),
        ("mail", "554 5.6.7 no", Fault.MSG_PERM),
        ("rcpt", "553 5.6.7 no", Fault.MSG_PERM),
        ("rcpt", "552 5.5.3 no", Fault.RCPT_TEMP),
        ("rcpt", "504 5.1.3 no", Fault.RCPT_PERM),
        ("rcpt", "550 5.1.8 no", Fault.ROUTE_SENDER),
        ("dot", "451 4.2.1 no", Fault.RCPT_TEMP),
        # stage and code alone
        ("auth", "432 no", Fault.ROUTE_AUTH),
        ("auth", "554 no", Fault.ROUTE_AUTH),
        ("mail", "552 no", Fault.MSG_PERM),
        ("mail", "553 no", Fault.ROUTE_SENDER),
        ("rcpt", "454 no", Fault.ROUTE_TEMP),
        ("rcpt", "521 no", Fault.ROUTE_PERM),
        ("rcpt", "530 no", Fault.ROUTE_AUTH),
        ("data", "503 no", Fault.ROUTE_PERM),
        ("dot", "535 no", Fault.ROUTE_AUTH),
    ],
)
def test_words_then_enhanced_code_then_stage_and_code(stage: str, reply: str, fault: Fault) -> None:
    said = SmtpReply.parse(reply)
    assert classify(stage, said.code, said.enhanced, said.text) is fault


@pytest.mark.parametrize(
    ("host", "stage", "reply", "fault"),
    [
        ("smtp.gmail.com", "dot", "421 4.7.0 Too many messages", Fault.ROUTE_TEMP),
        ("smtp.gmail.com", "dot", "451 4.3.0 Rate unknown", Fault.ROUTE_TEMP),
        ("smtp.gmail.com", "dot", "450 4.2.1 Rate limit of this user", Fault.RCPT_TEMP),
        ("smtp.gmail.com", "dot", "552 5.7.0 Access denied", Fault.MSG_PERM),
        ("smtp.gmail.com", "rcpt", "550 5.4.5 no", Fault.RATE),
        ("smtp.office365.com", "mail", "452 4.3.1 Throttled", Fault.ROUTE_TEMP),
        ("email-smtp.eu-west-1.amazonaws.com", "mail", "554 Email address is not verified", Fault.ROUTE_SENDER),
        ("smtp.postmarkapp.com", "dot", "401 no", Fault.ROUTE_SENDER),
        ("smtp.sendgrid.net", "rcpt", "403 no", Fault.ROUTE_SENDER),
    ],
)
def test_a_provider_may_mean_something_of_its_own(host: str, stage: str, reply: str, fault: Fault) -> None:
    said = SmtpReply.parse(reply)
    assert classify(stage, said.code, said.enhanced, said.text, host) is fault
    assert classify(stage, said.code, said.enhanced, said.text) is not fault


def test_a_provider_is_known_by_the_end_of_its_name_only() -> None:
    assert classify("dot", 550, "5.4.5", "no more today", "SMTP.gmail.com.") is Fault.RATE
    assert classify("dot", 550, "5.4.5", "no more today", "smtp.notgmail.com") is Fault.MSG_PERM
    assert classify("dot", 550, "5.4.5", "no more today", "gmail.com.evil.example") is Fault.MSG_PERM


def test_an_enhanced_code_may_come_in_pieces() -> None:
    assert classify("rcpt", 550, EnhancedCode(5, 7, 60), "no") is Fault.ROUTE_SENDER


@pytest.mark.parametrize("trouble", Trouble)
@pytest.mark.parametrize("stage", SmtpStage)
def test_trouble_is_never_success(stage: SmtpStage, trouble: Trouble) -> None:
    fault = classify(stage, None, None, trouble)
    assert (fault is Fault.OK) == (stage is SmtpStage.QUIT)
    assert (fault is Fault.AMBIGUOUS) == (stage is SmtpStage.DOT)


def test_explaining_a_reply_says_what_is_done() -> None:
    action = "The message fails for this recipient. No other route would change that."
    assert explain(Fault.RCPT_PERM) == Explanation(Fault.RCPT_PERM, action, fallback=False, counts_against_health=False)
    assert (explain(Fault.ROUTE_AUTH).fallback, explain(Fault.ROUTE_AUTH).counts_against_health) == (True, True)
    assert all(explain(fault).action.endswith(".") for fault in Fault)


@given(
    stage=st.sampled_from(SmtpStage),
    code=st.none() | st.integers(0, 999),
    enhanced=st.none() | st.text(max_size=12) | st.builds(EnhancedCode, *[st.integers(0, 999)] * 3),
    text=st.text(max_size=200),
    host=st.none() | st.sampled_from(["smtp.gmail.com", "smtp.office365.com", "smtp.sendgrid.net", ""]),
)
def test_whatever_a_server_says_has_a_class(
    stage: SmtpStage, code: int | None, enhanced: str | EnhancedCode | None, text: str, host: str | None
) -> None:
    fault = classify(stage, code, enhanced, text, host)
    accepted = code is not None and 200 <= code < 300
    if stage is SmtpStage.DOT:
        assert (fault is Fault.OK) == accepted
        assert (fault is Fault.AMBIGUOUS) == (not accepted and not (code and 400 <= code < 600))
    elif stage is not SmtpStage.QUIT:
        assert fault is not Fault.AMBIGUOUS
        assert fault is not Fault.OK or (code is not None and 200 <= code < 400)


def test_a_long_reply_costs_no_time() -> None:
    for text in ("<" * 65536, "a" * 65536, "too " * 16384, '"' * 65536, "sendas" * 10000, "mailbox x " * 6000):
        assert classify("dot", 550, None, text) in Fault
