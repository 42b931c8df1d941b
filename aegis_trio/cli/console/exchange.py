"""The exchange: one request from its sending to its answer, its deadline or its cancellation.

Laws:
    1. A request that ends without an answer was cancelled at the server, in both eras.
    2. While the person fills in a form, no deadline runs.

Source: MCP 2026-07-28 basic/patterns/cancellation; MCP 2025-11-25 basic/utilities/cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final, final

import trio

from aegis_trio.cli.console.asking import Asker, fill_in
from aegis_trio.cli.console.client import FORM_METHOD, Client, HungUp
from aegis_trio.cli.console.connecting import GOODBYE_S
from aegis_trio.cli.console.messages import Messages, answer
from aegis_trio.model.json import JsonObject, JsonValue, encode_json
from aegis_trio.protocol.jsonrpc import RequestId, Response

MAX_ROUNDS: Final = 8  # how often one call may ask the person again
HANDSHAKE: Final = "initialize"


@final
class GaveUp(Exception):
    """No answer will be waited for; the text says why."""


@final
class Exchange:
    """Asks one server."""

    def __init__(self, client: Client, messages: Messages, asker: Asker | None, *, patience_s: float) -> None:
        """Ask *client*.

        Args:
            asker: who fills in forms; None where nobody can be asked.
            patience_s: seconds that an answer may take.
        """
        self._client = client
        self._asker = asker
        self._patience_s = patience_s
        self._deadline: trio.CancelScope | None = None
        self.messages = messages

    async def ask(self, method: str, params: JsonObject) -> Response:
        """Send one request; return its answer, forms of the server filled in on the way.

        Raises:
            GaveUp: it took too long, or the server asked for what we do not have.
            HungUp: the connection ended.
        """
        whole: JsonObject = params
        for _ in range(MAX_ROUNDS):
            response = await self._ask_once(method, whole)
            result = response.result or {}
            if result.get("resultType") != "input_required":
                return response
            # Source: MCP 2026-07-28 basic/patterns/mrtr: the same request again, with answers and the state.
            responses = await self._input_responses(result.get("inputRequests"))
            whole = {**params, "inputResponses": responses}
            if "requestState" in result:
                whole["requestState"] = result["requestState"]
        raise GaveUp(f"The server asked {MAX_ROUNDS} times for more; the call was given up.")

    async def ask_raw(self, request_id: RequestId, text: str) -> Response:
        """Send *text*, a request of *request_id*, as it stands; return its answer.

        Raises:
            GaveUp: it took too long.
            HungUp: the connection ended.
        """
        return await self._await_answer(request_id, text, is_cancellable=True)

    async def run_answerer(self) -> None:
        """Fill in the forms that the server sends by itself (legacy era), until cancelled."""
        async for request in self._client.asked:
            # Threat: a form out of nowhere, while the person types a command, could take that command for its answer.
            asker = self._asker if self._deadline is not None else None
            with self._unhurried():
                result = await fill_in(request.params, asker)
            with suppress(HungUp), trio.move_on_after(GOODBYE_S):
                await self._client.send(answer(request.id, result))

    async def _ask_once(self, method: str, params: JsonObject) -> Response:
        request_id, message = self.messages.request(method, params)
        # Source: MCP 2025-11-25 basic/utilities/cancellation: the handshake must not be cancelled.
        text = encode_json(message).decode()
        return await self._await_answer(request_id, text, is_cancellable=method != HANDSHAKE)

    async def _await_answer(self, request_id: RequestId, text: str, *, is_cancellable: bool) -> Response:
        expected = self._client.expect(request_id)
        is_owed = is_cancellable
        response: Response | None = None
        try:
            with trio.fail_after(self._patience_s) as self._deadline:
                await self._client.send_text(text)
                response = await expected.wait()
                is_owed = False
        except trio.TooSlowError:
            raise GaveUp(f"No answer within {self._patience_s:g} s (--timeout); the request was cancelled.") from None
        finally:
            self._deadline = None
            self._client.forget(request_id)
            if is_owed:
                with trio.move_on_after(GOODBYE_S, shield=True), suppress(HungUp):
                    await self._client.send(self.messages.cancelled(request_id, "no longer wanted"))
        if response is None:
            raise HungUp(self._client.end_reason)
        return response

    async def _input_responses(self, requests: JsonValue) -> JsonObject:
        responses: JsonObject = {}
        for name, request in (requests if isinstance(requests, dict) else {}).items():
            params = request.get("params") if isinstance(request, dict) else None
            if not isinstance(request, dict) or request.get("method") != FORM_METHOD or not isinstance(params, dict):
                raise GaveUp("The server asks for what this console does not have; it offers forms only.")
            responses[name] = await fill_in(params, self._asker)
        return responses

    @contextmanager
    def _unhurried(self) -> Generator[None]:
        scope = self._deadline
        if scope is not None:
            scope.deadline = math.inf
        try:
            yield
        finally:
            if scope is not None:
                scope.deadline = trio.current_time() + self._patience_s
