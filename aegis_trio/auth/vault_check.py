"""Whether the vault's keys are those of this store: looked at once, before anybody is served.

Law: a gate whose keys open nothing of what its store holds does not start; it would send everybody to sign in again,
and nobody would know why.
"""

from __future__ import annotations

from typing import Final, final

from aegis_trio.auth.vault import Vault
from aegis_trio.model.secret import Secret
from aegis_trio.store.interface import Put, Space, Store

KEY: Final = "vault"
_PLAIN: Final = "the keys of this store"


@final
class WrongVaultKey(Exception):
    """No key opens what the store holds; the text is for the operator."""


async def check_vault(store: Store, vault: Vault) -> None:
    """Check that *vault* opens what *store* holds, and leave what the next start is checked by.

    Raises:
        WrongVaultKey: it opens nothing.
        StoreFailed: the store cannot be read or written.
    """
    row = await store.get(Space.CHECK, KEY)
    if row is not None and vault.unseal(row.value.decode("utf-8", "replace"), row=KEY, owner=KEY) is None:
        raise WrongVaultKey(
            "TOKEN_ENCRYPTION_KEY: neither its keys nor the one of the root secret open what STORE_PATH holds. Put the "
            "former key behind the new one, or move the store away: then everybody signs in again."
        )
    if row is None:
        await mark_vault(store, vault)


async def is_marked(store: Store, vault: Vault) -> bool:
    """Return whether everything in *store* is sealed by the first key of *vault*, as far as a start has said so."""
    row = await store.get(Space.CHECK, KEY)
    return row is not None and vault.is_sealed_by_first(row.value.decode("utf-8", "replace"), row=KEY, owner=KEY)


async def mark_vault(store: Store, vault: Vault) -> None:
    """Say in *store* that its first key opens everything: older ones may be taken away, and are not needed to start."""
    sealed = vault.seal(Secret(_PLAIN), row=KEY, owner=KEY)
    await store.put(Put(space=Space.CHECK, key=KEY, value=sealed.encode()))
