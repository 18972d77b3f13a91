"""What is sealed opens only where it belongs."""

import base64
import json
import pickle

import pytest

from portal.crypto.vault import BadVaultKeysError, CannotOpenError, Vault, key_id_of, new_key
from portal.domain.secret import MARK, Secret

OLD = f"old:{base64.b64encode(b'o' * 32).decode()}"
NEW = f"new:{base64.b64encode(b'n' * 32).decode()}"
PLACE = ("smtp-password", "tenant", "credentials", "smtp.acme.example", "587", "starttls", "acme")


def vault(*keys: str) -> Vault:
    return Vault.from_text(Secret(",".join(keys)))


def test_a_sealed_password_opens_in_its_own_place() -> None:
    ring = vault(NEW)

    assert ring.open(ring.seal(b"hunter2", *PLACE), *PLACE) == b"hunter2"


@pytest.mark.parametrize("changed", range(len(PLACE)), ids=["purpose", "tenant", "row", "host", "port", "mode", "user"])
def test_a_sealed_password_opens_in_no_other_place(changed: int) -> None:
    ring = vault(NEW)
    elsewhere = [word + "x" if number == changed else word for number, word in enumerate(PLACE)]

    with pytest.raises(CannotOpenError):
        ring.open(ring.seal(b"hunter2", *PLACE), *elsewhere)


def test_the_border_between_two_words_of_a_place_cannot_be_moved() -> None:
    ring = vault(NEW)

    with pytest.raises(CannotOpenError):
        ring.open(ring.seal(b"hunter2", "ab", "c"), "a", "bc")


def test_every_changed_bit_is_noticed() -> None:
    ring = vault(NEW)
    sealed = ring.seal(b"hunter2", *PLACE)

    for position in range(len(sealed)):
        changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
        with pytest.raises(CannotOpenError):
            ring.open(changed, *PLACE)


def test_sealing_twice_gives_different_bytes() -> None:
    ring = vault(NEW)

    assert ring.seal(b"hunter2", *PLACE) != ring.seal(b"hunter2", *PLACE)


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    sealed = vault(OLD).seal(b"hunter2", *PLACE)

    ring = vault(NEW, OLD)

    assert ring.open(sealed, *PLACE) == b"hunter2"
    assert key_id_of(ring.seal(b"x", *PLACE)) == "new"


def test_a_key_that_left_the_ring_is_named() -> None:
    sealed = vault(OLD).seal(b"hunter2", *PLACE)

    with pytest.raises(CannotOpenError, match="«old»"):
        vault(NEW).open(sealed, *PLACE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "k1",
        "k1:",
        "k1:AAAA",
        ":" + OLD.partition(":")[2],
        "k 1:" + OLD.partition(":")[2],
        f"{OLD},{OLD}",
        f"{OLD},",
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(BadVaultKeysError) as refused:
        vault(text)

    assert OLD.partition(":")[2] not in str(refused.value)


def test_a_generated_key_can_be_used() -> None:
    ring = Vault.from_text(new_key())

    assert ring.open(ring.seal(b"x"), *()) == b"x"


def pickled(secret: Secret) -> str:
    return str(pickle.loads(pickle.dumps(secret)))  # noqa: S301 - our own bytes of a moment ago


@pytest.mark.parametrize("show", [repr, str, "{}".format, lambda s: f"{s!r}{s:>4}", pickled])
def test_a_secret_shows_a_mark_wherever_it_is_shown(show: object) -> None:
    assert callable(show)
    shown = show(Secret("hunter2"))

    assert "hunter2" not in shown
    assert MARK in shown


def test_a_secret_cannot_become_json() -> None:
    with pytest.raises(TypeError):
        json.dumps({"password": Secret("hunter2")})
