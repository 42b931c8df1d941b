"""What is sealed opens in its own row, for its own owner, with a key that is there; and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aegis_trio.auth.vault import MAX_SEALED_CHARS, Vault
from aegis_trio.model.secret import Secret

OLD, NEW = b"o" * 32, b"n" * 32
VAULT = Vault((OLD,))
TEXTS = st.text(min_size=1, max_size=80)


@given(TEXTS, TEXTS, TEXTS)
def test_what_was_sealed_opens_again(plain: str, row: str, owner: str) -> None:
    """Any text, lone surrogates too."""
    sealed = VAULT.seal(Secret(plain), row=row, owner=owner)

    assert Secret(plain) == VAULT.unseal(sealed, row=row, owner=owner)
    assert VAULT.unseal(VAULT.seal(Secret("\ud800"), row=row, owner=owner), row=row, owner=owner) is not None


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_it_opens_in_no_other_row_and_for_nobody_else(
    plain: str, row: str, owner: str, other_row: str, other_owner: str
) -> None:
    """Law 1: any swap of rows is as if nothing were there, also one that only moves the border between the two."""
    sealed = VAULT.seal(Secret(plain), row=row, owner=owner)
    assume((row, owner) != (other_row, other_owner))

    assert VAULT.unseal(sealed, row=other_row, owner=other_owner) is None
    assert VAULT.unseal(sealed, row=row + owner, owner="") is None
    assert VAULT.unseal(sealed, row=row + owner[:1], owner=owner[1:]) is None


SEALED = VAULT.seal(Secret("gitea-token"), row="r", owner="o")
"""Sealed once: each sealing is another text, and what is drawn must not depend on it."""


@given(st.data())
def test_a_changed_letter_opens_nothing(data: st.DataObject) -> None:
    """Every letter counts: nonce, text and tag."""
    place = data.draw(st.integers(0, len(SEALED) - 1))
    letter = data.draw(st.sampled_from("ABab01-_").filter(lambda one: one != SEALED[place]))

    assert VAULT.unseal(SEALED[:place] + letter + SEALED[place + 1 :], row="r", owner="o") is None


@pytest.mark.parametrize("raw", ["", "A", "A" * 16, "A" * 24, "é", "A" * (MAX_SEALED_CHARS + 1), "a=", "\ud800"])
def test_what_is_no_sealed_text_opens_nothing(raw: str) -> None:
    """Whatever stands in the row."""
    assert VAULT.unseal(raw, row="r", owner="o") is None


@given(st.text())
def test_no_text_breaks_the_vault(raw: str) -> None:
    """It opens or it does not."""
    assert VAULT.unseal(raw, row="r", owner="o") is None


def test_keys_are_rotated_without_losing_anything() -> None:
    """Law 2: the first seals, every one opens; when the old one goes, what it sealed goes with it."""
    before = VAULT.seal(Secret("x"), row="r", owner="o")
    both = Vault((NEW, OLD))
    after = both.seal(Secret("y"), row="r", owner="o")

    assert Secret("x") == both.unseal(before, row="r", owner="o")
    assert Secret("y") == both.unseal(after, row="r", owner="o") == Vault((NEW,)).unseal(after, row="r", owner="o")
    assert VAULT.unseal(after, row="r", owner="o") is None
    assert Vault((NEW,)).unseal(before, row="r", owner="o") is None
    assert [False, True] == [both.is_sealed_by_first(one, row="r", owner="o") for one in (before, after)]
    assert not both.is_sealed_by_first(after, row="another", owner="o")


def test_the_same_text_is_sealed_otherwise_each_time() -> None:
    """Nobody sees that two people have the same."""
    assert 10 == len({VAULT.seal(Secret("x"), row="r", owner="o") for _ in range(10)})


@pytest.mark.parametrize("keys", [(), (b"short",), (OLD, b"x" * 31), (b"x" * 33,)])
def test_a_vault_has_keys_of_32_bytes(keys: tuple[bytes, ...]) -> None:
    """Anything else is our caller's bug, found when the gate starts."""
    with pytest.raises(ValueError, match="key"):
        Vault(keys)
