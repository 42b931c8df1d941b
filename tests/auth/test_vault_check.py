"""A gate whose keys are not those of its store does not start."""

from __future__ import annotations

import pytest

from aegis_trio.auth.vault import Vault
from aegis_trio.auth.vault_check import KEY, WrongVaultKey, check_vault, is_marked, mark_vault
from aegis_trio.model.clock import SetClock
from aegis_trio.store.interface import Put, Space
from aegis_trio.store.memory import MemoryStore

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32


async def test_the_keys_of_the_store_are_good_and_may_be_rotated() -> None:
    """A list with the new one in front; the old one can go once everything was sealed anew, and no sooner."""
    store = MemoryStore(SetClock(0))
    for keys, is_current in (((OLD,), True), ((OLD,), True), ((NEW, OLD), False)):
        await check_vault(store, Vault(keys))
        assert is_current == await is_marked(store, Vault(keys))
    with pytest.raises(WrongVaultKey):
        await check_vault(store, Vault((NEW,)))

    await mark_vault(store, Vault((NEW, OLD)))
    await check_vault(store, Vault((NEW,)))


@pytest.mark.parametrize("keys", [(OTHER,), (NEW, OTHER)])
async def test_other_keys_are_refused_and_change_nothing(keys: tuple[bytes, ...]) -> None:
    """The operator is told what to do, and no key is repeated."""
    store = MemoryStore(SetClock(0))
    await check_vault(store, Vault((OLD,)))
    with pytest.raises(WrongVaultKey, match="Put the former key behind the new one") as raised:
        await check_vault(store, Vault(keys))
    assert keys[0].hex() not in str(raised.value)
    await check_vault(store, Vault((OLD,)))


@pytest.mark.parametrize("value", [b"", b"\xff", b"nonsense", "ü".encode()])
async def test_what_was_damaged_is_refused(value: bytes) -> None:
    """As if it were another key's."""
    store = MemoryStore(SetClock(0))
    await store.put(Put(space=Space.CHECK, key=KEY, value=value))
    with pytest.raises(WrongVaultKey):
        await check_vault(store, Vault((OLD,)))
