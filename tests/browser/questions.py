"""What an assistant asks a person, and what it does with the answer."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from tests.e2e.sign_ins import BACK, Assistant


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request of an assistant."""

    address: str
    redirect_uri: str
    state: str
    verifier: str = field(repr=False)


async def register(url: str, name: str, redirect_uri: str = BACK) -> Assistant:
    """Make a client known at the gate that people reach at *url*."""
    document = {"client_name": name, "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        registered = await client.post(f"{url}/oauth/register", json=document)
    assert 201 == registered.status_code, registered.text
    return Assistant(url, registered.json()["client_id"])


def ask(assistant: Assistant, redirect_uri: str, **more: str) -> Question:
    """Return what a person is sent to answer; *more* is asked for besides."""
    verifier, state = secrets.token_urlsafe(32), secrets.token_urlsafe(8)
    asked = {
        "response_type": "code",
        "client_id": assistant.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "resource": f"{assistant.url}/mcp",
        **more,
    }
    address = f"{assistant.url}/oauth/authorize?{urlencode(asked)}"
    return Question(address=address, redirect_uri=redirect_uri, state=state, verifier=verifier)


def code_in(question: Question, back: str, issuer: str) -> str:
    """Return the code with which a browser was sent *back*; nothing else may be there but what belongs to it."""
    assert back.startswith(f"{question.redirect_uri}?")
    answer = dict(parse_qsl(urlsplit(back).query))
    assert {"code", "state", "iss"} == set(answer)
    assert (question.state, issuer) == (answer["state"], answer["iss"])
    return answer["code"]


async def finish(assistant: Assistant, question: Question, back: str) -> None:
    """Exchange the answer for tokens, which *assistant* holds from then on."""
    given = await assistant.token(
        grant_type="authorization_code",
        code=code_in(question, back, assistant.url),
        redirect_uri=question.redirect_uri,
        code_verifier=question.verifier,
    )
    assert 200 == given.status_code, given.text
    assistant.keep(given.json())
