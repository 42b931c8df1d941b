"""The endpoints of clients: tokens for codes, registration, revocation.

Laws:
    1. A form comes in and JSON goes out, with the errors of the RFCs, and no cache keeps it.
    2. A client proves itself before anything else of its request is looked at.
    3. What a client sends is never a fault of ours: 5xx means that we cannot serve anybody.

Not here: what is decided (auth/broker/tokens.py, auth/clients/proving.py and registry.py).

Source: RFC 6749 sections 2.3, 4.1.3, 5 and 6; RFC 7009 section 2; RFC 7591 section 3; RFC 8707 section 2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

from aegis_trio.auth.broker.errors import OAuthCode, OAuthRefused
from aegis_trio.auth.broker.request import Parameters, choose_resource, single
from aegis_trio.auth.broker.rows import digest
from aegis_trio.auth.broker.tokens import TokenPair
from aegis_trio.auth.clients.client import Client
from aegis_trio.auth.clients.guarded import NotFetched
from aegis_trio.auth.clients.proving import check_proof, read_presented
from aegis_trio.model.clock import unix_seconds
from aegis_trio.model.errors import NotReady, ServerFault, TooMany, UpstreamFault
from aegis_trio.protocol.json_reader import read_json
from aegis_trio.protocol.refusals import Refusal
from aegis_trio.store.interface import Space, StoreFailed
from aegis_trio.transports.negotiation import is_json_body
from aegis_trio.web.errors import HttpAnswer
from aegis_trio.web.oauth.answers import call_answer, error_answer, later_answer
from aegis_trio.web.oauth.endpoint import Asked, Trouble
from aegis_trio.web.oauth.parameters import parse_form, required
from aegis_trio.web.oauth.rooms import OAuthRooms

_BASIC: Final = (b"www-authenticate", b'Basic realm="aegis-trio", charset="UTF-8"')


@final
@dataclass(frozen=True, slots=True)
class ClientEndpoints:
    """What clients call themselves."""

    rooms: OAuthRooms

    async def token(self, asked: Asked) -> HttpAnswer:
        """`POST /oauth/token`: exchange a code or a refresh token."""
        form = parse_form(asked.headers, asked.raw_body)
        client = await self._prove(asked, form)
        match required(form, "grant_type"):
            case "authorization_code":
                pair = await self._redeem(asked, form, client)
            case "refresh_token":
                pair = await self._refresh(asked, form, client)
            case _:
                rule = "grant_type: must be authorization_code or refresh_token"
                raise OAuthRefused(OAuthCode.UNSUPPORTED_GRANT_TYPE, rule)
        await self.rooms.registry.note_use(client.id)
        return call_answer(
            200,
            {
                "access_token": pair.access.reveal(),
                "token_type": "Bearer",
                "expires_in": pair.expires_in_s,
                "refresh_token": pair.refresh.reveal(),
                "scope": " ".join(pair.scopes),
            },
        )

    async def revoke(self, asked: Asked) -> HttpAnswer:
        """`POST /oauth/revoke`: end the grant of a token.

        Source: RFC 7009 section 2.1 (the hint about the kind of token may be ignored) and 2.2 (200 either way).
        """
        form = parse_form(asked.headers, asked.raw_body)
        client = await self._prove(asked, form)
        await self.rooms.tokens.revoke(required(form, "token"), client_id=client.id, address=asked.origin.address)
        return call_answer(200, {})

    async def register(self, asked: Asked) -> HttpAnswer:
        """`POST /oauth/register`: make a client known."""
        if not is_json_body(asked.headers):
            raise OAuthRefused(OAuthCode.INVALID_CLIENT_METADATA, "Content-Type: must be application/json")
        document = read_json(asked.raw_body)
        if isinstance(document, Refusal):
            raise OAuthRefused(OAuthCode.INVALID_CLIENT_METADATA, "the body is not JSON as this server reads it")
        return call_answer(201, await self.rooms.registry.register(document, asked.origin.address))

    async def _redeem(self, asked: Asked, form: Parameters, client: Client) -> TokenPair:
        return await self.rooms.tokens.redeem(
            required(form, "code"),
            client_id=client.id,
            redirect_uri=single(form, "redirect_uri"),
            raw_verifier=required(form, "code_verifier"),
            resource=self._resource(form),
            address=asked.origin.address,
        )

    async def _refresh(self, asked: Asked, form: Parameters, client: Client) -> TokenPair:
        scope = single(form, "scope")
        return await self.rooms.tokens.refresh(
            required(form, "refresh_token"),
            client_id=client.id,
            raw_scopes=None if scope is None else tuple(scope.split()),
            resource=self._resource(form),
            address=asked.origin.address,
        )

    def _resource(self, form: Parameters) -> str | None:
        """Return the resource that a client names, as ours; None where it names none."""
        if not any(form.get("resource", ())):
            return None
        return choose_resource(form, self.rooms.settings.resources)

    async def _prove(self, asked: Asked, form: Parameters) -> Client:
        """Return the client that sends *form*.

        Raises:
            OAuthRefused: invalid_client, or invalid_request where it is said twice who it is.
            NotReady: its document or keys cannot be had; it is not told that it is nobody, or it would forget its
                tokens.
        """
        rooms = self.rooms
        authorizations = asked.header(b"authorization")
        if len(authorizations) > 1:
            raise OAuthRefused(OAuthCode.INVALID_REQUEST, "Authorization: stands more than once")
        raw_authorization = authorizations[0].decode("latin-1") if authorizations else None
        presented = read_presented(raw_authorization, form)
        try:
            client = await rooms.directory.find_signer(
                presented.client_id, presented.assertion, asker=asked.origin.address
            )
        except NotFetched as missing:
            raise NotReady(f"client_id: {missing}", "Try again later.") from None
        if client is None:
            raise OAuthRefused(OAuthCode.INVALID_CLIENT, "client_id: is not known here; register again")
        url = rooms.settings.public_url
        await check_proof(
            client,
            presented,
            audiences=(url, f"{url}/oauth/token", f"{url}/oauth/revoke"),
            now_s=unix_seconds(rooms.clock),
            spend=self._spend,
        )
        return client

    async def _spend(self, assertion: str, until_s: int) -> bool:
        key = f"assertion:{digest(assertion)}"
        return await self.rooms.store.add(Space.COUNTER, key, 1, expires_at=until_s) == 1


def trouble_answer(trouble: Trouble, asked: Asked) -> HttpAnswer:
    """Return why a client's request is not served."""
    match trouble:
        case OAuthRefused(code=OAuthCode.INVALID_CLIENT) if asked.header(b"authorization"):
            return error_answer(trouble, 401, _BASIC)
        case OAuthRefused():
            return error_answer(trouble, 400)
        case Refusal():
            refusal = OAuthRefused(OAuthCode.INVALID_REQUEST, trouble.message.rstrip("."))
            return error_answer(refusal, trouble.http_status)
        case TooMany():
            return later_answer(429, trouble.message, trouble.retry_after_s)
        case NotReady():
            return later_answer(503, trouble.message)
        case StoreFailed() | ServerFault() | UpstreamFault():
            return later_answer(503, "this server cannot do this just now")
        case _:
            return error_answer(OAuthRefused(OAuthCode.INVALID_REQUEST, trouble.message), 400)
