"""Asking: one caller's requests to Gitea, identical ones shared, and what their refusals make forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias, TypeVar, cast, final
from urllib.parse import unquote

import trio

from aegis_trio.gitea.cache.flights import Flights
from aegis_trio.gitea.cache.proofs import Credential, Proofs
from aegis_trio.gitea.decoding import decode_answer
from aegis_trio.gitea.request import AnswerT, Forge, ForgeRequest, ForgeResponse
from aegis_trio.model.errors import Fault, NotFound, UpstreamForbade, UpstreamRejectedIdentity
from aegis_trio.model.refs import RepositoryRef

OtherT = TypeVar("OtherT")

Landed: TypeAlias = tuple[ForgeResponse, object, object]
"""An answer: its bytes, what they were decoded to, and by what."""
_REPOSITORY_SEGMENTS = 3  # repos, owner, name


@final
@dataclass(frozen=True, slots=True)
class _Both:
    """A decoder that gives the bytes, too."""

    decode: Callable[[ForgeResponse], object]

    def __call__(self, response: ForgeResponse) -> Landed:
        return response, self.decode(response), self.decode


@final
@dataclass(frozen=True, slots=True)
class Asker:
    """Asks *forge* as *credential*."""

    forge: Forge
    credential: Credential
    proofs: Proofs
    flights: Flights[Landed]

    async def ask(self, request: ForgeRequest[AnswerT], *, may_be_missing: bool = False) -> AnswerT:
        """Ask, or share the answer to the same request that is under way.

        Args:
            may_be_missing: that it is not there says nothing about the repository.
        """
        try:
            response, answer, decode = await self.flights.share(self._key(request), partial(self._send, request))
        except UpstreamRejectedIdentity:
            self.proofs.forget_credential(self.credential)
            raise
        except UpstreamForbade:
            self._forget_repository(request)
            raise
        except NotFound:
            if not may_be_missing:
                self._forget_repository(request)
            raise
        if decode is request.decode:
            return cast("AnswerT", answer)
        return await decode_answer(request, response)

    def is_under_way(self, request: ForgeRequest[AnswerT]) -> bool:
        """Return whether `ask` would share an answer."""
        return self.flights.is_under_way(self._key(request))

    async def ask_both(
        self, one: ForgeRequest[AnswerT], other: ForgeRequest[OtherT]
    ) -> tuple[AnswerT | None, OtherT | None]:
        """Ask two questions side by side; None stands for what is not found.

        Raises:
            Fault: of the first question that fails otherwise.
        """
        answers: list[object] = [None, None]

        async def ask_into(place: int, request: ForgeRequest[AnswerT] | ForgeRequest[OtherT]) -> None:
            try:
                answers[place] = await self.ask(cast("ForgeRequest[object]", request), may_be_missing=True)
            except NotFound:
                answers[place] = None
            except Fault as fault:
                answers[place] = fault

        async with trio.open_nursery() as both:
            both.start_soon(ask_into, 0, one)
            both.start_soon(ask_into, 1, other)
        for answer in answers:
            if isinstance(answer, Fault):
                raise answer
        return cast("tuple[AnswerT | None, OtherT | None]", tuple(answers))

    def _key(self, request: ForgeRequest[AnswerT]) -> tuple[object, ...]:
        # Invariant: what the bytes of the answer depend on stands in the key; bounds of a key stand in the credential.
        return (
            *(self.credential, request.segments, request.query, request.accept),
            *(request.max_bytes, request.ok, request.missing, request.subject),
        )

    async def _send(self, request: ForgeRequest[AnswerT]) -> Landed:
        # `replace` keeps the type of what it copies, and a decoder is what a request's type tells.
        plain = cast("ForgeRequest[Landed]", request)
        return await self.forge.ask(replace(plain, decode=_Both(request.decode)))

    def _forget_repository(self, request: ForgeRequest[AnswerT]) -> None:
        if request.segments[:1] == ("repos",) and len(request.segments) >= _REPOSITORY_SEGMENTS:
            owner, name = map(unquote, request.segments[1:_REPOSITORY_SEGMENTS])
            self.proofs.forget_repository(self.credential, RepositoryRef(owner, name))
