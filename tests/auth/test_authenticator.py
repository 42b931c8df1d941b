"""Who may come in, what everybody else is told, and what is written down about it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
import structlog
import trio
from trio.testing import MockClock

from aegis_trio.auth.attempts import VERBATIM
from aegis_trio.auth.authenticator import DISABLED, Authenticator
from aegis_trio.auth.credentials import RawCredentials
from aegis_trio.auth.keytext import DigestScheme, parse_key
from aegis_trio.model.clock import SetClock
from aegis_trio.model.errors import AddressBlocked, AuditUnavailable, Fault, Unauthenticated
from aegis_trio.model.identity import Origin, PrincipalId, PrincipalKind
from aegis_trio.model.secret import Secret
from tests.auth.places import (
    BODY,
    BOT,
    ELSEWHERE,
    HERE,
    NOW_NS,
    OTHER,
    PEPPER,
    UNKNOWN,
    FakeTrail,
    authenticator,
    bearer,
    configured,
    dressed,
    expiring,
    settings,
)

MALFORMED = ("short", "aegis_" + "0" * 64, "x" * 40 + " y", dressed()[:-1] + "!", "é" * 40)


async def refusal(under_test: Authenticator, raw: RawCredentials, origin: Origin = HERE) -> Fault:
    """Return the fault that *raw* is answered with."""
    with pytest.raises((Unauthenticated, AddressBlocked)) as caught:
        await under_test.authenticate(raw, origin)
    assert isinstance(caught.value, Fault)
    return caught.value


def identity_of(body: str) -> PrincipalId:
    """Return the principal of the key *body*."""
    text = parse_key(body)
    assert text is not None
    return text.principal_id


# ---- the negative rules first ---------------------------------------------------------------------------------------


async def test_unknown_malformed_and_expired_keys_are_answered_alike() -> None:
    """An answer that differs tells a guesser how near it is (ASVS 5.0 6.3.8)."""
    chosen = settings(configured(BODY), validities=(expiring(BODY, NOW_NS),))
    answers = set()
    for key in (UNKNOWN, BODY, *MALFORMED):
        fault = await refusal(authenticator(chosen), bearer(key))
        answers.add((type(fault), fault.message, fault.remedy))

    assert {(Unauthenticated, "Invalid API key", "")} == answers


@pytest.mark.parametrize(
    "raw_key", [BODY[:-1], BODY + "0", BODY.upper(), BODY[:-1] + "3", BODY + "," + OTHER, "sha256:" + "0" * 64]
)
async def test_a_text_near_to_a_key_is_no_key(raw_key: str) -> None:
    """Only the whole body counts; an entry of the settings is not a key either."""
    await refusal(authenticator(), bearer(raw_key))


async def test_the_digest_of_a_key_is_no_key() -> None:
    """Whoever steals a file of hashed entries cannot call with them."""
    under_test = authenticator()

    await refusal(under_test, bearer(configured().digest.hex()))
    await refusal(under_test, bearer(f"sha256:{configured().digest.hex()}"))


async def test_a_malformed_text_whose_digest_is_configured_is_refused() -> None:
    """An entry made from something that is no key must not become one."""
    raw_key = "short"
    import hashlib  # noqa: PLC0415 -- used in this one test

    entry = configured()
    forged = type(entry)(scheme=DigestScheme.SHA256, digest=hashlib.sha256(raw_key.encode()).digest(), gitea_token=BOT)

    await refusal(authenticator(settings(forged)), bearer(raw_key))


async def test_no_credential_is_told_what_is_missing() -> None:
    """People see what to do; nothing is counted against them."""
    trail = FakeTrail()
    under_test = authenticator(settings(max_failures=1), trail)
    for _ in range(3):
        fault = await refusal(under_test, RawCredentials())
        assert "Missing API key" == fault.message

    assert 0 == under_test.statistics().failures.failures_total
    assert [{"reason": "missing_api_key", "client_ip": HERE.address, "user_agent": HERE.user_agent}] * 3 == trail.named(
        "access_denied"
    )


async def test_two_credentials_are_refused_even_when_one_is_valid() -> None:
    """Nobody knows which of them a proxy has seen."""
    trail = FakeTrail()
    raw = RawCredentials(authorization=(f"Bearer {BODY}".encode(),), api_key_header=(UNKNOWN.encode(),))

    fault = await refusal(authenticator(trail=trail), raw)

    assert "Conflicting credentials" == fault.message
    assert "conflicting_credentials" == trail.named("access_denied")[0]["reason"]


# ---- who comes in ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [BODY, dressed()])
@pytest.mark.parametrize("scheme", list(DigestScheme))
async def test_a_valid_key_is_its_principal(key: str, scheme: DigestScheme) -> None:
    """Whichever dress the client was given, and however the file remembers the key."""
    trail = FakeTrail()
    under_test = authenticator(settings(configured(BODY, scheme, Secret("hers")), configured(OTHER)), trail)

    caller = await under_test.authenticate(bearer(key), HERE)

    assert identity_of(BODY) == caller.principal.id
    assert PrincipalKind.API_KEY is caller.principal.kind
    assert "a1b2c3d4...e1f2" == caller.principal.key_hint
    assert Secret("hers") == caller.gitea_token
    assert HERE == caller.origin
    assert "read:repository" in caller.principal.scopes
    (record,) = trail.named("api_authentication")
    assert ["status", "client_ip", "user_agent", "key_hint"] == list(record)[:4]
    assert ("success", "a1b2c3d4...e1f2") == (record["status"], record["key_hint"])


async def test_a_key_is_good_until_it_expires() -> None:
    """Metadata ends a key at its nanosecond, without a restart."""
    clock = SetClock(NOW_NS)
    chosen = settings(configured(BODY), validities=(expiring(BODY, NOW_NS + 1), expiring(OTHER, None)))
    under_test = Authenticator(chosen, audit=FakeTrail(), clock=clock)
    await under_test.authenticate(bearer(BODY), HERE)
    assert frozenset() == under_test.expired_principals()

    clock.set_ns(NOW_NS + 1)

    await refusal(under_test, bearer(BODY))
    assert frozenset({identity_of(BODY)}) == under_test.expired_principals()
    assert 1 == under_test.statistics().expired_total


async def test_hmac_entries_need_the_right_pepper() -> None:
    """The file alone opens nothing."""
    chosen = settings(configured(BODY, DigestScheme.HMAC), pepper=Secret("q" * 32))
    await refusal(authenticator(chosen), bearer(BODY))
    await refusal(authenticator(settings(configured(BODY, DigestScheme.HMAC), pepper=None)), bearer(BODY))


# ---- blocks ---------------------------------------------------------------------------------------------------------


async def test_after_five_guesses_the_address_is_told_to_wait(autojump_clock: MockClock) -> None:
    """429 with Retry-After, until the window has passed; other addresses are not concerned."""
    trail = FakeTrail()
    under_test = authenticator(trail=trail)
    for _ in range(5):
        assert isinstance(await refusal(under_test, bearer(UNKNOWN)), Unauthenticated)

    fault = await refusal(under_test, bearer(UNKNOWN))

    assert isinstance(fault, AddressBlocked)
    assert "Too many failed authentication attempts" == fault.message
    assert 300 == fault.retry_after_s
    assert isinstance(await refusal(under_test, bearer(UNKNOWN), ELSEWHERE), Unauthenticated)
    (record,) = (event for event in trail.named("security_event") if event["kind"] == "auth_rate_limit_exceeded")
    assert ["kind", "severity", "client_ip"] == list(record)[:3]
    assert ("high", HERE.address) == (record["severity"], record["client_ip"])
    await trio.sleep(300)
    assert isinstance(await refusal(under_test, bearer(UNKNOWN)), Unauthenticated)


async def test_a_valid_credential_passes_a_block() -> None:
    """Assistants share addresses: a stranger's guesses must not lock everybody out."""
    under_test = authenticator()
    for _ in range(9):
        await refusal(under_test, bearer(UNKNOWN))

    assert identity_of(BODY) == (await under_test.authenticate(bearer(BODY), HERE)).principal.id
    assert isinstance(await refusal(under_test, bearer(UNKNOWN)), AddressBlocked)


async def test_a_missing_credential_is_not_told_of_a_block() -> None:
    """A client that begins without a credential must still learn how to get in."""
    under_test = authenticator(settings(max_failures=1))
    await refusal(under_test, bearer(UNKNOWN))

    assert isinstance(await refusal(under_test, RawCredentials()), Unauthenticated)


async def test_strict_blocking_refuses_the_whole_address() -> None:
    """The operator may prefer it; then not even a valid key passes."""
    trail = FakeTrail()
    under_test = authenticator(settings(max_failures=1, block_strict=True), trail)
    await refusal(under_test, bearer(UNKNOWN))

    for raw in (bearer(BODY), RawCredentials(), bearer(UNKNOWN)):
        assert isinstance(await refusal(under_test, raw), AddressBlocked)
    await under_test.authenticate(bearer(BODY), ELSEWHERE)
    assert "auth_rate_limit_exceeded" == trail.named("access_denied")[-1]["reason"]
    assert 3 == under_test.statistics().refused_blocked_total


async def test_an_expired_key_never_counts() -> None:
    """A forgotten client that goes on with its old key is no attack."""
    chosen = settings(configured(BODY), validities=(expiring(BODY, NOW_NS),), max_failures=1)
    trail = FakeTrail()
    under_test = authenticator(chosen, trail)
    for _ in range(4):
        assert isinstance(await refusal(under_test, bearer(BODY)), Unauthenticated)

    assert 0 == under_test.statistics().failures.failures_total
    assert {"a1b2c3d4...e1f2"} == {record.get("key_hint") for record in trail.named("api_authentication")}


async def test_a_trusted_proxy_is_never_blocked() -> None:
    """It would take everybody behind it along."""
    under_test = authenticator(settings(max_failures=1, trusted_proxies=(ip_network("172.18.0.0/16"),)))
    for _ in range(3):
        fault = await refusal(under_test, bearer(UNKNOWN), Origin(address="172.18.0.2"))
        assert isinstance(fault, Unauthenticated)


# ---- what is written down -------------------------------------------------------------------------------------------


async def test_a_refused_key_is_recorded_without_a_letter_of_it() -> None:
    """A typing error may be somebody's password; operators grep for reason and format."""
    trail = FakeTrail()
    under_test = authenticator(trail=trail)
    await refusal(under_test, bearer("hunter2-hunter2"))

    (denied,) = trail.named("access_denied")
    assert ["reason", "client_ip"] == list(denied)[:2]
    assert ("invalid_api_key", "invalid_format") == (denied["reason"], denied["detail"])
    (attempt,) = trail.named("api_authentication")
    assert ("failure", "invalid_api_key") == (attempt["status"], attempt["reason"])
    assert "key_hint" not in attempt
    assert "invalid_key_format" == trail.named("security_event")[0]["kind"]
    assert not any("hunter2" in str(entry.fields) for entry in trail.entries)


async def test_noise_is_summed_up_and_nothing_is_lost(autojump_clock: MockClock) -> None:
    """A stranger must not fill the disk that every call depends on; the number of attempts stays true."""
    trail = FakeTrail()
    under_test = authenticator(settings(max_failures=100_000), trail)
    for _ in range(1000):
        await refusal(under_test, bearer(UNKNOWN))
    assert VERBATIM == len(trail.named("access_denied"))

    await trio.sleep(60)
    await under_test.authenticate(bearer(BODY), ELSEWHERE)

    events = trail.named("security_event")
    assert VERBATIM == [event["kind"] for event in events].count("unknown_key")
    (summed,) = (event for event in events if event["kind"] != "unknown_key")
    assert ("authentication_failures_summed", HERE.address, 1000 - VERBATIM) == (
        summed["kind"],
        summed["client_ip"],
        summed["attempts"],
    )


async def test_what_is_owed_is_recorded_at_the_end() -> None:
    """A gate that stops in the middle of an attack still says how large it was."""
    trail = FakeTrail()
    under_test = authenticator(settings(max_failures=100_000), trail)
    for _ in range(VERBATIM + 7):
        await refusal(under_test, RawCredentials())

    under_test.close()

    assert [7] == [event["attempts"] for event in trail.named("security_event")]


async def test_without_a_record_nobody_comes_in() -> None:
    """An attempt that cannot be recorded cannot succeed, and guessing is not free either."""
    trail = FakeTrail(full=True)
    under_test = authenticator(settings(max_failures=2), trail)
    for key in (BODY, UNKNOWN, UNKNOWN, UNKNOWN):
        with pytest.raises(AuditUnavailable):
            await under_test.authenticate(bearer(key), HERE)
    trail.full = False

    assert isinstance(await refusal(under_test, bearer(UNKNOWN)), AddressBlocked)
    assert 0 == under_test.statistics().successes_total


async def test_start_says_how_many_keys_there_are() -> None:
    """Operators look for this sentence."""
    trail = FakeTrail()
    with structlog.testing.capture_logs() as lines:
        authenticator(settings(configured(), configured(OTHER)), trail).announce()

    (line,) = lines
    assert "API key authentication ENABLED (2 key(s) configured)" == line["event"] % line.get("positional_args", ())
    assert [{"kind": "authentication_enabled", "severity": "low", "keys": 2}] == trail.named("security_event")


# ---- the open gate, and reload --------------------------------------------------------------------------------------


async def test_without_authentication_everybody_is_local() -> None:
    """Loopback only; read only, with the bot's token, and said as loudly as a log can."""
    trail = FakeTrail()
    under_test = authenticator(settings(enabled=False), trail)
    with structlog.testing.capture_logs() as lines:
        under_test.announce()

    caller = await under_test.authenticate(bearer(UNKNOWN), HERE)

    assert ("local", PrincipalKind.LOCAL, BOT) == (caller.principal.id, caller.principal.kind, caller.gitea_token)
    assert [("critical", DISABLED)] == [(line["log_level"], line["event"]) for line in lines]
    assert "API key authentication DISABLED - server is open to all requests!" == DISABLED
    assert "authentication_disabled" == trail.named("security_event")[0]["kind"]


async def test_local_without_a_token_is_our_bug() -> None:
    """Config refuses it; an anonymous request to Gitea must not come of it."""
    with pytest.raises(RuntimeError, match="bot token"):
        await authenticator(settings(enabled=False, bot_token=None)).authenticate(bearer(BODY), HERE)


async def test_removing_a_key_ends_its_access_at_once() -> None:
    """The principals come back so that their open streams end too."""
    hashed = configured(OTHER, DigestScheme.HMAC)
    under_test = authenticator(settings(configured(BODY), hashed))
    await under_test.authenticate(bearer(OTHER), HERE)

    assert frozenset() == under_test.replace_keys(settings(configured(BODY), hashed))
    assert frozenset({identity_of(OTHER)}) == under_test.replace_keys(settings(configured(BODY)))
    await refusal(under_test, bearer(OTHER))
    await under_test.authenticate(bearer(BODY), HERE)


async def test_other_reasons_that_end_access() -> None:
    """Expiry, another Gitea identity and switching authentication off end what is open."""
    ended = frozenset({identity_of(BODY)})
    for changed in (
        settings(configured(BODY), validities=(expiring(BODY, NOW_NS),)),
        settings(configured(BODY, token=Secret("another"))),
        settings(enabled=False, keys=()),
    ):
        assert ended == authenticator(settings(configured(BODY))).replace_keys(changed)


async def test_a_plain_key_that_becomes_a_hashed_one_ends_its_streams_only_once() -> None:
    """Moving to hashed entries is a change of the entry; the client connects again and is let in."""
    under_test = authenticator(settings(configured(BODY)))

    assert frozenset({identity_of(BODY)}) == under_test.replace_keys(settings(configured(BODY, DigestScheme.HMAC)))
    await under_test.authenticate(bearer(BODY), HERE)
    assert frozenset() == under_test.replace_keys(settings(configured(BODY, DigestScheme.HMAC)))


async def test_closing_the_open_gate_ends_local() -> None:
    """Who came in without a credential must show one from then on."""
    local = frozenset({PrincipalId("local")})
    opened = settings(enabled=False, keys=())

    assert local == authenticator(opened).replace_keys(settings())
    assert local == authenticator(opened).replace_keys(settings(enabled=False, keys=(), bot_token=Secret("another")))
    assert frozenset() == authenticator(opened).replace_keys(opened)


async def test_counted_failures_survive_a_reload() -> None:
    """SIGHUP must not set a guesser free."""
    under_test = authenticator(settings(max_failures=1))
    await refusal(under_test, bearer(UNKNOWN))
    under_test.replace_keys(settings(max_failures=1))

    assert isinstance(await refusal(under_test, bearer(UNKNOWN)), AddressBlocked)


async def test_statistics_count_each_way_out() -> None:
    """The dashboard reads nothing else."""
    under_test = authenticator()
    await under_test.authenticate(bearer(BODY), HERE)
    await refusal(under_test, bearer(UNKNOWN))
    await refusal(under_test, RawCredentials())
    await refusal(under_test, RawCredentials(api_key_header=(b"a", b"b")))

    found = under_test.statistics()

    assert (1, 1, 1, 1, 1) == (
        found.keys,
        found.successes_total,
        found.invalid_total,
        found.missing_total,
        found.conflicting_total,
    )
    assert PEPPER.reveal() not in repr(found)
