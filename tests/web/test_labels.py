"""Values in people's words."""

import pytest

from portal.web.labels import initials


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("Maximiliane-Friederike Freifrau von und zu Grünlich", "MG"),
        ("Alice", "A"),
        ("ada.lovelace@acme.example", "AL"),
        ("alice@acme.example", "A"),
        ("🏗️ Bau GmbH", "BG"),
        ("«Émile» Zola", "ÉZ"),
        ("عنوان البريد", "عا"),
        ("  ", ""),
        ("🏗️", ""),
    ],
)
def test_a_person_has_at_most_two_initials(name: str, letters: str) -> None:
    assert initials(name) == letters
