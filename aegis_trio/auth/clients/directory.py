"""The directory of clients: one place to ask who a client id is.

Laws:
    1. The operator's clients come first, then those that registered, then documents; an id means one of them only.
    2. An id that nobody has is nobody; a document that cannot be had is said to be so, by whoever asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from aegis_trio.auth.clients.client import Client, ClientAuth
from aegis_trio.auth.clients.documents import Documents
from aegis_trio.auth.clients.keys import ClientKeys
from aegis_trio.auth.clients.registry import Registry
from aegis_trio.auth.clients.static import StaticClients


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDirectory:
    """Everybody who may ask on a person's behalf."""

    static: StaticClients
    registry: Registry
    documents: Documents
    keys: ClientKeys

    async def find(self, client_id: str, *, asker: str | None = None) -> Client | None:
        """Return a client, or None.

        Args:
            client_id: what a request names.
            asker: the address that the request came from; None is not counted.

        Raises:
            NotFetched: the id is the address of a document that cannot be had, or that says something else.
        """
        static = self.static.find(client_id)
        if static is not None:
            return static
        registered = await self.registry.find(client_id)
        return registered if registered is not None else await self.documents.find(client_id, asker=asker)

    async def find_signer(
        self, client_id: str, raw_assertion: str | None, *, asker: str | None = None
    ) -> Client | None:
        """Return a client as the token endpoint needs it: with the keys by which *raw_assertion* can be checked.

        Raises:
            NotFetched: as `find`, or its keys cannot be had now.
            OAuthRefused: invalid_client: its keys stand where they may not.
        """
        client = await self.find(client_id, asker=asker)
        if client is None or client.auth is not ClientAuth.KEY or raw_assertion is None:
            return client
        return replace(client, jwks=await self.keys.of(client, raw_assertion, asker=asker))
