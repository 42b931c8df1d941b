"""A conversation: recorded exchanges put again, where an answer's secrets go into later questions.

Client ids, secrets, codes, tokens, cookies and verifiers differ from run to run. A conversation learns this server's
from its answers, puts them into the questions in place of the recorded ones, and turns them back in what it hands to
the comparison.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, final
from urllib.parse import parse_qs, quote, urlsplit

from tests.demo_forge.exchanges import Exchange, authorization_of, basic, raw_request
from tests.demo_forge.raw_client import RawRequest, Response
from tests.demo_forge.web_pages import csrf_of

_PLACEHOLDER: Final = re.compile(r"<[a-z_-]+:[^<>]+>")
_VERIFIER: Final = re.compile(r"<verifier:([^<>]+)>")
_UNSIGNED: Final = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
_BROKEN: Final = " with a broken signature>"
# Which flow an exchange's token comes from, where its id does not begin with the flow's.
_FLOWS: Final[Mapping[str, str]] = {
    "oauth.api.judy.": "oauth.judy",
    "oauth.userinfo.prohibited_user": "oauth.judy",
    "oauth.userinfo.inactive_user": "oauth.judy",
    "oauth.userinfo.app_deleted": "oauth.judy",
    "oauth.introspect.old_secret": "oauth.judy",
    "oauth.api.bench.": "oauth.bench",
    "oauth.api.after_logout": "oauth.bench",
    "oauth.api.grant_scope_kept": "oauth.grant_scope_kept",
    "oauth.grant_scope_kept.": "oauth.grant_scope_kept",
    "oauth.consent_wrong.scope.": "oauth.consent_wrong.scope",
}
# Whose id and secret a program named; `main` where nothing is said.
_CLIENTS: Final[Mapping[str, str]] = {
    "oauth.consent_wrong.scope.introspect": "aegis",
    "oauth.introspect.other_client": "other-app",
    "oauth.introspect.prohibited_user": "app-judy",
    "oauth.introspect.inactive_user": "app-judy",
    "oauth.introspect.old_secret": "app-judy",
    "oauth.grant_scope_kept.introspect": "aegis-pkce",
}


@final
@dataclass(slots=True, kw_only=True)
class Conversation:
    """What one run has learned so far."""

    tokens: Mapping[str, str]
    passwords: Mapping[str, str]
    learned: dict[str, str] = field(default_factory=dict[str, str])
    """Recorded value -> this server's."""
    jars: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    words: dict[str, str] = field(default_factory=dict[str, str])
    """Whose browser -> the word that its forms carry."""
    applications: dict[str, str] = field(default_factory=dict[str, str])
    """Name -> recorded client id."""

    def request(self, exchange: Exchange) -> RawRequest:
        """Return the request that puts *exchange* again.

        Raises:
            LookupError: it needs what this conversation has not learned.
        """
        browser = self._browser(exchange)
        if exchange.path == "/user/login" and exchange.method == "GET":
            self.jars[browser], self.words[browser] = {}, ""
        self._learn_challenge(exchange)
        document = self._filled(json.dumps(exchange.request_body), browser)
        put = replace(
            exchange,
            raw_query=self._filled(exchange.raw_query, browser, quoted=True),
            path=self._filled(exchange.path, browser),
            request_body=json.loads(document),
        )
        headers: list[tuple[str, str]] = []
        authorization = self._authorization(exchange)
        if authorization is not None:
            headers.append(("Authorization", authorization))
        jar = self.jars.get(browser)
        if jar and _is_web(exchange):
            headers.append(("Cookie", "; ".join(f"{name}={value}" for name, value in jar.items())))
        return raw_request(put, tuple(headers), self.tokens)

    def hear(self, exchange: Exchange, response: Response) -> Response:
        """Learn from an answer, and return it with the recorded values in place of this server's."""
        browser = self._browser(exchange)
        if _is_web(exchange):
            jar = self.jars.setdefault(browser, {})
            for cookie in response.cookies:
                name, _, value = cookie.partition(";")[0].partition("=")
                jar[name] = value
            self.words[browser] = csrf_of(response.body) or self.words.get(browser, "")
            if exchange.method == "POST" and exchange.path == "/user/login":
                self.jars[exchange.who], self.words[exchange.who] = jar, ""
        self._learn_body(exchange, response)
        self._learn_code(exchange, response)
        headers = {name: self.as_recorded(value) for name, value in response.headers.items()}
        body = self.as_recorded(response.body.decode("latin-1")).encode("latin-1")
        return replace(response, headers=headers, body=body)

    def as_recorded(self, text: str) -> str:
        """Return *text* with the recorded values in place of this server's."""
        # Two tokens of one second are the same text: the one that was learned last is meant.
        for recorded, value in reversed(self.learned.items()):
            text = text.replace(value, recorded)
        return text

    def _learn_body(self, exchange: Exchange, response: Response) -> None:
        if not isinstance(exchange.body, dict):
            return
        try:
            answered = json.loads(response.body)
        except ValueError:
            return
        for name in ("client_id", "client_secret", "access_token", "refresh_token", "id_token"):
            recorded = exchange.body.get(name)
            if recorded and isinstance(answered, dict) and isinstance(answered.get(name), str):
                self.learned[recorded] = answered[name]
        if "client_id" in exchange.body:
            self.applications[exchange.body["name"]] = exchange.body["client_id"]

    def _learn_code(self, exchange: Exchange, response: Response) -> None:
        placeholder = re.search(r"<code:[^<>]+>", exchange.response_headers.get("location", ""))
        codes = parse_qs(urlsplit(response.headers.get("location", "")).query).get("code")
        if placeholder and codes:
            self.learned[placeholder[0]] = codes[0]

    def _learn_challenge(self, exchange: Exchange) -> None:
        """Put a challenge in place of the recorded one, whose verifier is not known."""
        asked = parse_qs(exchange.raw_query)
        if not exchange.id.endswith(".authorize") or asked.get("code_challenge_method") != ["S256"]:
            return
        verifier = _verifier(exchange.id.removesuffix(".authorize"))
        digest = hashlib.sha256(verifier.encode()).digest()
        self.learned[asked["code_challenge"][0]] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _filled(self, text: str, browser: str, *, quoted: bool = False) -> str:
        def spell(value: str) -> str:
            return quote(value, safe="") if quoted else value

        # What is about a token comes before the token's own placeholder.
        for placeholder in set(re.findall(r"<[a-z_-]+:[^<>]+ with a broken signature>", text)):
            whole = self.learned[placeholder.removesuffix(_BROKEN) + ">"]
            text = text.replace(placeholder, _broken(whole))
        for recorded, value in self.learned.items():
            text = text.replace(spell(recorded), spell(value))
        for label, value in self.tokens.items():
            text = text.replace(f"<token:{label}>", value)
        for login, password in self.passwords.items():
            text = text.replace(f"<password:{login}>", password)
        text = text.replace("<csrf>", self.words.get(browser, ""))
        verifiers = set(
            re.findall(r"<verifier:([^<>]+)>", text.replace("%3C", "<").replace("%3E", ">").replace("%3A", ":"))
        )
        for flow in verifiers:
            text = text.replace(spell(f"<verifier:{flow}>"), _verifier(flow))
        return text

    def _authorization(self, exchange: Exchange) -> str | None:
        kind = exchange.credential
        if kind in {"web session", "client credentials in body", "client_id only", "wrong client secret"}:
            return None
        if kind == "basic client_id:client_secret":
            return basic(*self._client(exchange))
        if kind == "wrong client authentication":
            client_id, _ = self._client(exchange)
            if exchange.id.endswith("bearer_auth"):  # a good one: Gitea tells of a bad one before anything else
                return f"Bearer {self.learned['<access_token:oauth.main>']}"
            return basic(client_id, "wrong-secret")
        access = self.learned.get(f"<access_token:{self._flow(exchange)}>", "")
        if kind.startswith("oauth:"):
            return f"Bearer {access}"
        match kind:
            case "basic, oauth access token as password":
                return basic("alice", access)
            case "oauth refresh token as bearer":
                return f"Bearer {self.learned['<refresh_token:oauth.main>']}"
            case "oauth id_token as bearer":
                return f"Bearer {self.learned['<id_token:oauth.main>']}"
            case "oauth access token, broken signature":
                return f"Bearer {_broken(access)}"
            case "oauth access token, alg none":
                _, payload, _ = access.split(".")
                return f"Bearer {_UNSIGNED}.{payload}."
            case _:
                return authorization_of(exchange, self.tokens, self.passwords)

    def _client(self, exchange: Exchange) -> tuple[str, str]:
        name = _CLIENTS.get(exchange.id)
        if name is None and exchange.id.startswith("oauth.scope."):
            name = f"app-{exchange.id.split('.')[2]}"
        name = name or "aegis-main"
        return self.learned[self.applications[name]], self.learned[f"<client-secret:{name}>"]

    @staticmethod
    def _flow(exchange: Exchange) -> str:
        for beginning, flow in _FLOWS.items():
            if exchange.id.startswith(beginning):
                return flow
        words = exchange.id.split(".")
        return f"oauth.scope.{words[3]}" if exchange.id.startswith("oauth.api.scope.") else "oauth.main"

    @staticmethod
    def _browser(exchange: Exchange) -> str:
        is_login = exchange.path == "/user/login"
        return "at the login page" if is_login or exchange.credential == "none" else exchange.who

    def token_differences(self, exchange: Exchange) -> list[str]:
        """Return what differs between recorded tokens and those that were learned, header and claims."""
        found: list[str] = []
        for name, recorded in exchange.jwt.items():
            head, payload, _ = self.learned[exchange.body[name]].split(".")
            for part, raw in (("header", head), ("payload", payload)):
                text = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)).decode()
                answered: dict[str, Any] = json.loads(self.as_recorded(text))
                wanted = _without_times(recorded[part])
                # Go writes a header's keys in their order; ours are written in theirs.
                if wanted != _without_times(answered) or (
                    part == "payload" and list(wanted) != list(_without_times(answered))
                ):
                    found.append(f"{name}.{part}: recorded {recorded[part]}, answered {answered}")
        return found


def _without_times(part: dict[str, Any]) -> dict[str, Any]:
    """Return a token's part with its lifetime in place of its times, and without what every run has its own of."""
    known = {name: value for name, value in part.items() if name not in {"kid", "iat", "updated_at"}}
    return {**known, "exp": part["exp"] - part["iat"]} if "exp" in part else known


def _is_web(exchange: Exchange) -> bool:
    return exchange.credential == "web session" or exchange.path == "/user/login"


def _verifier(flow: str) -> str:
    return re.sub(r"[^a-z0-9]", "-", flow).ljust(43, "-")


def _broken(token: str) -> str:
    head, payload, signature = token.split(".")
    return f"{head}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
