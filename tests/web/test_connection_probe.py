"""Test connection: what the page shows while a test runs and afterwards."""

import re
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from portal.storage.probes import ProbeRow
from tests.support.installation import eventually
from tests.support.portal_app import ALICE, Browser, Portal, typed, words_of
from tests.support.probe_rows import put_probe, verdict
from tests.support.scripted_smtp import PASSWORD, USERNAME, Pause, ScriptedServer

PAGE = "/t/acme/email-smtp"
TESTS = f"{PAGE}/tests"


@pytest.fixture
def alice(connected: Portal) -> Browser:
    return connected.browser(ALICE)


def good(server: ScriptedServer, **changed: str) -> dict[str, str]:
    return typed(host="127.0.0.1", port=str(server.port), username=USERNAME, password=PASSWORD, **changed)


def ended(browser: Browser, started: TestResponse) -> TestResponse:
    """The page of a test, once it has ended."""
    assert started.status_code == 303, words_of(started)
    path = started.headers["Location"].partition("#")[0]
    eventually(lambda: "Testing 127.0.0.1" not in browser.get(path).text, what="the test to end")
    return browser.get(path)


def test_a_test_shows_every_stage_with_its_time_and_the_servers_words(alice: Browser, server: ScriptedServer) -> None:
    page = ended(alice, alice.post(TESTS, good(server)))
    words = words_of(page)
    assert "accepted the test message" in words
    for stage in ("Look up the host", "Connect", "Encrypt (TLS)", "Sign in", "Recipient (RCPT TO)", "Message accepted"):
        assert f"done: {stage}" in words
    assert "250 2.0.0 queued as 4711" in words
    assert " ms" in words
    assert [message.recipient for message in server.messages] == [ALICE]


def test_the_form_is_tested_as_typed_and_nothing_of_it_is_saved(
    connected: Portal, alice: Browser, server: ScriptedServer
) -> None:
    page = ended(alice, alice.post(TESTS, good(server, from_name="Typed only")))
    assert 'value="Typed only"' in page.text
    assert PASSWORD not in page.text
    assert "Typed only" not in alice.get(PAGE).text
    with connected.waypost.database.reading() as session:
        assert session.query(ProbeRow).one().version is None


def test_a_failure_says_what_happened_what_to_do_and_which_field(alice: Browser, server: ScriptedServer) -> None:
    page = ended(alice, alice.post(TESTS, good(server) | {"password": "not the password"}))
    words = words_of(page)
    assert "The username or password was not accepted" in words
    assert "What to do" in words
    assert "failed: Sign in" in words
    assert "535 5.7.8 wrong" in words
    assert "not reached: Message accepted" in words
    assert '<a href="#password">' in page.text
    assert "not the password" not in page.text


def test_save_and_activate_ends_in_active_when_the_test_succeeds(alice: Browser, server: ScriptedServer) -> None:
    words = words_of(ended(alice, alice.post(f"{PAGE}/save-and-activate", good(server))))
    assert "Active from now on: version 1 sends your mail." in words
    assert f"Mail goes through 127.0.0.1:{server.port} as no-reply@acme.example." in words


def test_a_failing_draft_is_kept_and_the_active_version_goes_on_sending(alice: Browser, server: ScriptedServer) -> None:
    ended(alice, alice.post(f"{PAGE}/save-and-activate", good(server)))
    server.scenario["mail"] = "550 5.7.1 not in this name"
    changed = good(server, from_address="ceo@acme.example")
    words = words_of(ended(alice, alice.post(f"{PAGE}/save-and-activate", changed)))
    assert "Version 2 is kept as a draft; version 1 goes on sending." in words
    assert "Draft, test failed" in words
    assert f"Mail goes through 127.0.0.1:{server.port} as no-reply@acme.example." in words


def test_with_a_problem_nothing_is_saved_or_tested(alice: Browser, server: ScriptedServer) -> None:
    for path in (TESTS, f"{PAGE}/save-and-activate"):
        answer = alice.post(path, good(server, reply_to="nobody"))
        assert answer.status_code == 422
        assert "Nothing was saved or tested." in words_of(answer)
    assert server.visits == []


def test_a_stored_password_is_not_tried_at_another_server(alice: Browser, server: ScriptedServer) -> None:
    alice.post(f"{PAGE}/draft", typed(username=USERNAME, password=PASSWORD))
    answer = alice.post(TESTS, good(server) | {"password": ""})
    assert answer.status_code == 422
    assert "Enter the password again" in words_of(answer)
    assert not server.knows(PASSWORD)


def test_the_stored_password_is_used_for_the_server_it_belongs_to(alice: Browser, server: ScriptedServer) -> None:
    alice.post(f"{PAGE}/draft", good(server))
    words = words_of(ended(alice, alice.post(TESTS, good(server) | {"password": ""})))
    assert "accepted the test message" in words


def test_a_running_test_looks_again_with_and_without_scripts(alice: Browser, server: ScriptedServer) -> None:
    server.scenario["banner"] = (Pause(1.5), "220 smtp.acme.example")
    started = alice.post(TESTS, good(server))
    path = started.headers["Location"].partition("#")[0]
    page = alice.get(path)
    assert "Testing 127.0.0.1" in page.text
    assert f'hx-get="{path}"' in page.text
    assert f'<noscript><meta http-equiv="refresh" content="1; url={path}?again=1#test"></noscript>' in page.text
    assert f'content="1; url={path}?again=8#test"' in alice.get(f"{path}?again=7").text
    assert f'content="1; url={path}?again=1#test"' in alice.get(f"{path}?again=x").text
    assert re.search(r"At most 20 s; \d s so far\.", words_of(page))
    assert '<progress max="20" value="' in page.text
    done = ended(alice, started)
    assert "http-equiv" not in done.text
    assert f'hx-get="{path}"' not in done.text


def test_a_second_test_waits_for_the_first(alice: Browser, server: ScriptedServer) -> None:
    server.scenario["banner"] = (Pause(1.5), "220 smtp.acme.example")
    started = alice.post(TESTS, good(server))
    answer = alice.post(TESTS, good(server, from_name="Still typed"))
    assert answer.status_code == 429
    assert "Your last test is still running." in words_of(answer)
    assert 'value="Still typed"' in answer.text
    ended(alice, started)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["without a script", "with our script"])
def test_a_button_pressed_twice_shows_the_test_that_runs(
    alice: Browser, server: ScriptedServer, headers: dict[str, str]
) -> None:
    server.scenario["banner"] = (Pause(1.5), "220 smtp.acme.example")
    started = alice.post(TESTS, good(server), headers=headers)
    again = alice.post(TESTS, good(server), headers=headers)
    assert again.status_code == 303
    assert again.location == started.location
    ended(alice, started)


def test_too_many_tests_are_refused_with_a_time_and_nothing_is_saved(alice: Browser, server: ScriptedServer) -> None:
    for _ in range(5):
        ended(alice, alice.post(TESTS, good(server)))
    answer = alice.post(f"{PAGE}/save-and-activate", good(server, from_name="Still typed"))
    assert answer.status_code == 429
    words = words_of(answer)
    assert "Nothing was saved." in words
    assert "The next one is possible in" in words
    assert 'value="Still typed"' in answer.text


def test_a_script_gets_the_panel_alone(alice: Browser, server: ScriptedServer) -> None:
    started = alice.post(TESTS, good(server), headers={"HX-Request": "true"})
    ended(alice, started)
    path = started.headers["Location"].partition("#")[0]
    panel = alice.get(path, headers={"HX-Request": "true"})
    assert panel.text.lstrip().startswith("<section")
    assert "HX-Refresh" not in panel.headers


def test_a_script_reloads_the_page_when_the_state_has_changed(alice: Browser, server: ScriptedServer) -> None:
    started = alice.post(f"{PAGE}/save-and-activate", good(server))
    ended(alice, started)
    panel = alice.get(started.headers["Location"].partition("#")[0], headers={"HX-Request": "true"})
    assert panel.headers["HX-Refresh"] == "true"


def test_a_script_puts_a_form_with_problems_in_place(alice: Browser, server: ScriptedServer) -> None:
    answer = alice.post(TESTS, good(server, reply_to="nobody"), headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"], answer.headers["HX-Reselect"]) == (
        422,
        "#settings",
        "#settings",
    )


def test_a_test_whose_process_died_says_so_after_a_minute(connected: Portal, alice: Browser) -> None:
    probe = put_probe(connected)
    assert "Testing smtp.acme.example:587" in words_of(alice.get(f"{TESTS}/{probe}"))
    connected.clock.passed += timedelta(seconds=61)
    page = alice.get(f"{TESTS}/{probe}")
    assert "The test was interrupted; start it again" in words_of(page)
    assert "http-equiv" not in page.text


def test_what_a_server_says_is_text_never_markup(connected: Portal, alice: Browser) -> None:
    markup = '<img src=x onerror="alert(1)"><script>alert(2)</script>'
    stage = {"stage": "banner", "ok": False, "seconds": 0.1, "code": 550, "enhanced": None}
    probe = put_probe(
        connected,
        stages=[stage | {"reply": markup, "note": markup}],
        verdict=verdict(title=markup, what_happened=markup, what_to_do=[markup]),
        transcript=markup,
        finished_at=connected.clock(),
    )
    text = alice.get(f"{TESTS}/{probe}").text
    assert "<img" not in text
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(2)") == 8


def test_an_old_test_does_not_claim_to_be_about_now(connected: Portal, alice: Browser) -> None:
    alice.post(f"{PAGE}/draft", typed())
    alice.post(f"{PAGE}/activate", {"version": "1", "untested": "yes"})
    probe = put_probe(
        connected, version=1, activates=True, verdict=verdict(ok=True, what_to_do=[]), finished_at=connected.clock()
    )
    connected.clock.passed += timedelta(minutes=10)
    words = words_of(alice.get(f"{TESTS}/{probe}"))
    assert "Version 1 is the active one." in words
    assert "Active from now on" not in words


def test_another_tenants_test_is_not_found(connected: Portal, alice: Browser) -> None:
    probe = put_probe(connected, tenant=connected.other)
    assert alice.get(f"{TESTS}/{probe}").status_code == 404
