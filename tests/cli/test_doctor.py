"""The doctor finds what would keep the gate from serving, says the way out, and changes nothing."""

from __future__ import annotations

import io
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aegis_trio.cli.checkup import machine
from aegis_trio.cli.checkup.finding import Finding, Health
from aegis_trio.cli.checkup.forge import check_clock, check_forge, judge_identity, judge_skew, judge_version
from aegis_trio.cli.checkup.machine import (
    check_audit_folder,
    check_keys,
    check_port,
    check_proxies,
    check_signing,
    check_tls,
)
from aegis_trio.cli.checkup.signin import check_address, check_ports, check_signin, check_store
from aegis_trio.cli.doctor import wants_colour
from aegis_trio.config.load import load_settings
from aegis_trio.config.settings import Settings
from aegis_trio.gitea.probe import IdentityReport
from aegis_trio.gitea.server import ServerVersion
from aegis_trio.model.clock import SetClock, SystemClock
from tests.audit.signed import KEY as SIGNING
from tests.audit.witness.histories import WITNESS
from tests.cli.places import HINT, KEY, NOW_NS, OTHER, OTHER_HINT, json_of, known, run
from tests.forge import RunningForge, open_forge

CLOCK = SetClock(NOW_NS)
NOW = datetime.fromtimestamp(NOW_NS / 1e9, UTC)


def settings(**changes: str) -> Settings:
    """Return settings that can be used, with *changes*."""
    least = {"GITEA_URL": "http://127.0.0.1:9", "GITEA_TOKEN": "abc", "MCP_API_KEYS": KEY, "AUDIT_LOG_PATH": "a/log"}
    return load_settings(least | changes, None)


def healths(findings: list[Finding]) -> dict[str, Health]:
    """Return how each check went."""
    return {finding.check: finding.health for finding in findings}


def version(text: str) -> ServerVersion:
    """Return what a server says it is."""
    major, minor = text.split(".")[:2]
    return ServerVersion(text=text, number=(int(major), int(minor)), is_forgejo="+gitea-" in text)


def identity(*scopes: str, is_admin: bool = False, says: bool = True) -> IdentityReport:
    """Return what is known of a token."""
    return IdentityReport(
        login="bot", id=7, is_admin=is_admin, scopes=frozenset(scopes) if says else None, version=version("1.26.2")
    )


def certificate(folder: Path, *, from_days: float, to_days: float, mode: int = 0o600) -> tuple[Path, Path]:
    """Write a certificate that is valid so many days around `NOW_NS`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW + timedelta(days=from_days))
        .not_valid_after(NOW + timedelta(days=to_days))
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    key_file.chmod(mode)
    return cert_file, key_file


# ---- the command ----------------------------------------------------------------------------------------------------


def test_a_configuration_that_cannot_be_used_is_all_that_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing else can be looked at then; secrets stay secret."""
    monkeypatch.setenv("MCP_API_KEYS", "hunter2")

    assert 78 == run("doctor", "--json")

    found = json_of(capsys)
    assert not found["ok"]
    assert {"configuration"} == {check["check"] for check in found["checks"]}
    assert "hunter2" not in str(found)
    assert all(check["remedy"] for check in found["checks"])


@pytest.mark.sockets
def test_every_check_is_a_line_with_the_way_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """Gitea is down, so it fails; nothing was left behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        for name, value in {
            "GITEA_URL": f"http://127.0.0.1:{taken.getsockname()[1]}",
            "GITEA_TOKEN": "abc",
            "MCP_API_KEYS": KEY,
            "GITEA_KEY_TOKENS": f"{HINT}=def",
            "AUDIT_LOG_PATH": str(folder / "log" / "audit.log"),
            "PORT": "0",
            "ADMIN_PORT": "0",
            "PUBLIC_URL": "https://mcp.example.com",
        }.items():
            monkeypatch.setenv(name, value)
        assert 78 == run("doctor")

    lines = capsys.readouterr().out.splitlines()
    assert ["failure"] == [line.split()[0] for line in lines if " gitea:" in line]
    assert any(line.startswith("warning  trusted_proxies:") and "→" in line for line in lines)
    assert any(line.startswith("ok       audit_log:") for line in lines)
    assert "\x1b" not in "".join(lines)
    assert [] == list(folder.iterdir())


@pytest.mark.parametrize(
    ("environment", "tty", "expected"),
    [({}, True, True), ({}, False, False), ({"NO_COLOR": "1"}, True, False), ({"TERM": "dumb"}, True, False)],
)
def test_colours_are_for_terminals_that_like_them(
    environment: dict[str, str], *, tty: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_COLOR is respected."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: tty)

    assert expected is wants_colour(stream)


def test_colours_stand_around_the_word(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """And are switched off behind it."""
    monkeypatch.setattr("aegis_trio.cli.doctor.wants_colour", lambda _: True)
    run("doctor")

    assert "\x1b[31mfailure\x1b[0m  configuration:" in capsys.readouterr().out


# ---- Gitea ----------------------------------------------------------------------------------------------------------


@pytest.mark.sockets
async def test_a_gitea_that_is_well_is_told_so() -> None:
    """Owner, scopes, version and clock; and no request was anonymous."""
    async with open_forge() as forge:
        chosen = settings(GITEA_URL=forge.url, GITEA_TOKEN=forge.world.bot_token)
        findings = await check_forge(chosen, SystemClock())

        assert Health.OK is healths(findings)["gitea_token"]
        assert "clock" in healths(findings)
        assert healths(findings)["gitea_version"] in {Health.OK, Health.WARNING}
        assert not any(forge.world.bot_token in str(finding) for finding in findings)


@pytest.mark.sockets
async def test_tokens_that_must_not_be_used_are_failures() -> None:
    """An administrator's, and one that Gitea does not know."""
    async with open_forge() as forge:
        chosen = settings(
            GITEA_URL=forge.url,
            GITEA_TOKEN=forge.world.tokens["admin"],
            MCP_API_KEYS=f"{KEY},{OTHER}",
            GITEA_KEY_TOKENS=f"{HINT}=0123456789012345678901234567890123456789",
        )
        findings = await check_forge(chosen, SystemClock())

    messages = [finding.message for finding in findings if finding.health is Health.FAILURE]
    assert any("does not accept" in message and HINT in message for message in messages)
    assert any("site administrator" in message for message in messages)


@pytest.mark.sockets
async def test_a_token_that_may_not_say_who_it_is_is_a_failure() -> None:
    """Without read:user the gate cannot tell an administrator's token from another."""
    async with open_forge() as forge:
        account = forge.world.accounts[max(forge.world.accounts)]
        people = [found for found in forge.world.accounts.values() if found.login in forge.world.tokens]
        token = forge.world.add_token((people or [account])[0], {"read:repository"}, name="narrow")
        findings = await check_forge(settings(GITEA_URL=forge.url, GITEA_TOKEN=token), SystemClock())

    assert ["gitea_token"] == [finding.check for finding in findings if finding.health is Health.FAILURE]
    assert "may not read its own user" in findings[-1].message


@pytest.mark.sockets
async def test_a_gitea_that_is_not_there_is_told_once() -> None:
    """However many tokens there are."""
    chosen = settings(MCP_API_KEYS=f"{KEY},{OTHER}", GITEA_KEY_TOKENS=f"{HINT}=a,{OTHER_HINT}=b")

    findings = await check_forge(chosen, CLOCK)

    assert [("gitea", Health.FAILURE)] == [(finding.check, finding.health) for finding in findings]


@pytest.mark.sockets
async def test_a_server_that_is_no_gitea_is_told_so() -> None:
    """A forgotten sub-path, or another program's port: the token is not what is wrong."""

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        chosen = settings(GITEA_URL=f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}")
        (finding,) = await check_forge(chosen, CLOCK)
        nursery.cancel_scope.cancel()

    assert ("gitea", Health.FAILURE) == (finding.check, finding.health)
    assert "not as Gitea does" in finding.message
    assert "sub-path" in finding.remedy


@pytest.mark.sockets
async def test_a_gitea_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor must not wait for ever."""
    monkeypatch.setattr("aegis_trio.cli.checkup.forge.DEADLINE_S", 0.2)
    silent = trio.socket.socket()
    await silent.bind(("127.0.0.1", 0))
    silent.listen()
    with silent:
        findings = await check_forge(settings(GITEA_URL=f"http://127.0.0.1:{silent.getsockname()[1]}"), CLOCK)

    assert "No answer" in findings[0].message


@pytest.mark.parametrize(
    ("text", "health"),
    [
        ("1.22.6", Health.FAILURE),
        ("1.23.0", Health.WARNING),
        ("1.25.4", Health.WARNING),
        ("1.26.1+dev-12-gabcdef", Health.WARNING),
        ("1.26.2", Health.OK),
        ("1.27", Health.OK),
        ("2.0.0", Health.OK),
        ("15.0.4+gitea-1.22.0", Health.OK),
    ],
)
def test_versions_are_judged(text: str, health: Health) -> None:
    """Too old to keep tokens within their scopes; old enough to have known holes; advised."""
    assert health is judge_version(version(text)).health


def test_a_version_that_is_none_is_too_old() -> None:
    """What cannot be read is not trusted."""
    odd = ServerVersion(text="unknown", number=(0, 0), is_forgejo=False)

    assert Health.FAILURE is judge_version(odd).health


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (identity("read:repository", "read:user"), {"gitea_token": Health.OK, "gitea_scopes": Health.OK}),
        (identity("write:repository", "read:user"), {"gitea_token": Health.OK, "gitea_scopes": Health.WARNING}),
        (identity("all"), {"gitea_token": Health.OK, "gitea_scopes": Health.WARNING}),
        (identity("read:issue"), {"gitea_token": Health.OK, "gitea_scopes": Health.FAILURE}),
        (identity(), {"gitea_token": Health.OK, "gitea_scopes": Health.FAILURE}),
        (identity(says=False), {"gitea_token": Health.OK}),
        (identity("all", is_admin=True), {"gitea_token": Health.FAILURE}),
    ],
)
def test_tokens_are_judged(report: IdentityReport, expected: dict[str, Health]) -> None:
    """Enough, and no more than enough."""
    assert expected == healths(judge_identity("GITEA_TOKEN", report))


@pytest.mark.parametrize(
    ("skew_s", "health"),
    [(0, Health.OK), (-5, Health.OK), (6, Health.WARNING), (-299, Health.WARNING), (301, Health.FAILURE)],
)
def test_clocks_are_compared(skew_s: float, health: Health) -> None:
    """Expiry and the audit log depend on ours."""
    assert health is judge_skew(skew_s).health


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("header", "health"),
    [
        (f"Date: {format_datetime(NOW, usegmt=True)}", Health.OK),
        (f"Date: {format_datetime(NOW + timedelta(minutes=1), usegmt=True)}", Health.WARNING),
        (f"Date: {format_datetime(NOW - timedelta(minutes=10), usegmt=True)}", Health.FAILURE),
        ("Date: yesterday", Health.WARNING),
        ("X-No: date", Health.WARNING),
    ],
)
async def test_gitea_s_time_is_read_from_its_answers(header: str, health: Health) -> None:
    """Every Gitea sends it, though a proxy may take it away; the request carries a token."""
    asked: list[bytes] = []

    async def answer(stream: trio.SocketStream) -> None:
        asked.append(await stream.receive_some())
        head = f"HTTP/1.1 200 OK\r\n{header}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
        await stream.send_all(head.encode() + b"{}")
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        chosen = settings(GITEA_URL=f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}")
        assert chosen.auth.bot_token is not None
        finding = await check_clock(chosen.gitea, chosen.auth.bot_token, CLOCK)
        nursery.cancel_scope.cancel()

    assert health is finding.health
    assert b"token abc" in asked[0]


# ---- this machine ---------------------------------------------------------------------------------------------------


def test_an_audit_folder_is_tried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By writing a file without a name: nothing is left, and the log is not touched."""
    assert Health.OK is check_audit_folder(folder / "a" / "b" / "audit.log").health
    (folder / "file").write_text("")
    assert Health.FAILURE is check_audit_folder(folder / "file" / "audit.log").health
    assert Health.FAILURE is check_audit_folder(folder).health
    (folder / "audit.log").write_text("{}\n")
    assert Health.OK is check_audit_folder(folder / "audit.log").health
    monkeypatch.setattr(machine, "MIN_FREE_BYTES", 1 << 62)
    assert Health.WARNING is check_audit_folder(folder / "audit.log").health
    assert "{}\n" == (folder / "audit.log").read_text()


def test_a_log_that_nobody_signs_is_a_warning() -> None:
    """It serves; and a security team must learn before an incident that nothing of it can be proved."""
    key = SIGNING.reveal()
    witness = "https://w1.example#" + str(WITNESS.verifier)
    judged = [
        check_signing(settings(**changes).audit)
        for changes in ({}, {"AUDIT_SIGNING_KEY": key}, {"AUDIT_SIGNING_KEY": key, "AUDIT_WITNESSES": witness})
    ]

    assert [Health.WARNING, Health.OK, Health.OK] == [finding.health for finding in judged]
    assert "aegis-trio audit init" in judged[0].remedy
    assert f"signed as {SIGNING.name}; no witness outside" in judged[1].message
    assert "1 witness(es) cosign it" in judged[2].message
    assert not any(key in finding.message for finding in judged)


@pytest.mark.sockets
def test_ports_are_tried() -> None:
    """In use, free, not ours, nobody's."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finding = check_port("port", "127.0.0.1", port, "PORT")
        assert (Health.FAILURE, True) == (finding.health, "in use" in finding.message)
    assert Health.OK is check_port("port", "127.0.0.1", port, "PORT").health
    assert Health.OK is check_port("port", "127.0.0.1", 0, "PORT").health
    assert Health.FAILURE is check_port("port", "192.0.2.1", port, "PORT").health


@pytest.mark.parametrize(
    ("from_days", "to_days", "mode", "expected"),
    [
        (-1, 90, 0o600, {"tls": Health.OK}),
        (-1, 13, 0o600, {"tls": Health.WARNING}),
        (-9, -1, 0o600, {"tls": Health.FAILURE}),
        (1, 90, 0o600, {"tls": Health.FAILURE}),
        (-1, 90, 0o644, {"tls": Health.OK, "tls_key": Health.WARNING}),
    ],
)
def test_certificates_are_judged(
    from_days: float, to_days: float, mode: int, expected: dict[str, Health], *, folder: Path
) -> None:
    """Valid now, for how long, and a key for nobody else."""
    cert_file, key_file = certificate(folder, from_days=from_days, to_days=to_days, mode=mode)

    assert expected == healths(check_tls(cert_file, key_file, CLOCK))


def test_files_that_do_not_serve_are_a_failure(folder: Path) -> None:
    """Another's key, no certificate at all, no files; and none is fine."""
    cert_file, key_file = certificate(folder, from_days=-1, to_days=90)
    (folder / "other").mkdir()
    _, other_key = certificate(folder / "other", from_days=-1, to_days=90)

    assert {"tls": Health.FAILURE} == healths(check_tls(cert_file, other_key, CLOCK))
    assert {"tls": Health.FAILURE} == healths(check_tls(key_file, key_file, CLOCK))
    assert {"tls": Health.FAILURE} == healths(check_tls(folder / "no", key_file, CLOCK))
    assert [] == check_tls(None, None, CLOCK)


@pytest.mark.parametrize(
    ("changes", "health"),
    [
        ({}, Health.OK),
        ({"PUBLIC_URL": "https://mcp.example.com"}, Health.WARNING),
        ({"PUBLIC_URL": "https://mcp.example.com", "TRUSTED_PROXIES": "172.18.0.2"}, Health.OK),
        ({"TRUSTED_PROXIES": "10.0.0.0/7"}, Health.WARNING),
        ({"TRUSTED_PROXIES": "2000::/3"}, Health.WARNING),
    ],
)
def test_proxies_are_judged(changes: dict[str, str], health: Health) -> None:
    """An unnamed proxy makes everybody one address; a wide network lets everybody choose theirs."""
    found = check_proxies(settings(**changes))

    assert health is found.health
    assert ip_network("10.0.0.0/8").prefixlen == machine.WIDE_PREFIX[4]


def test_keys_are_judged_by_their_metadata(folder: Path) -> None:
    """Expired, soon, fine, unknown; and no keys at all on loopback."""
    third = "2" * 64
    known(folder / "keys", KEY, expires_days=-1)
    known(folder / "keys", OTHER, expires_days=3)
    known(folder / "keys", third, expires_days=None)
    chosen = settings(MCP_API_KEYS=f"{KEY},{OTHER},{third},sha256:{'ab' * 32}")

    assert [Health.FAILURE, Health.WARNING, Health.OK, Health.OK] == [
        finding.health for finding in check_keys(chosen, CLOCK)
    ]
    assert [Health.WARNING] == [finding.health for finding in check_keys(settings(AUTH_ENABLED="false"), CLOCK)]


# ---- signing in -----------------------------------------------------------------------------------------------------


def signing_in(forge: RunningForge, folder: Path, **changes: str) -> Settings:
    """Return settings of a gate that people sign in to, whose application *forge* knows."""
    application = forge.world.sign_ins.add_application(1, name="gate", redirect_uris=("http://127.0.0.1:1/x",))
    least = {
        "GITEA_URL": forge.url,
        "OAUTH_MODE": "true",
        "GITEA_OAUTH_CLIENT_ID": application.client_id,
        "GITEA_OAUTH_CLIENT_SECRET": application.client_secret,
        "STORE_PATH": str(folder / "store" / "store.sqlite3"),
        "AUDIT_LOG_PATH": str(folder / "audit.log"),
    }
    return load_settings(least | changes, None)


@pytest.mark.sockets
async def test_a_sign_in_that_is_set_up_well_is_told_so(folder: Path) -> None:
    """Version and clock too, though no token is there to ask them with."""
    async with open_forge() as forge:
        settings_ = signing_in(forge, folder, PUBLIC_URL="http://127.0.0.1:9")
        found = healths(await check_signin(settings_, SystemClock()))
        secret = settings_.signin.client_secret.reveal() if settings_.signin is not None else ""
        assert secret not in str(found)

    assert {"oauth_application": Health.OK, "clock": Health.OK, "store": Health.OK}.items() <= found.items()
    assert "gitea_version" in found
    assert Health.WARNING is found["oauth_address"]  # nobody serves yet


@pytest.mark.sockets
async def test_an_application_that_gitea_refuses_is_a_failure(folder: Path) -> None:
    """Everybody's sign-in would end on a page of an error."""
    async with open_forge() as forge:
        for changes in ({"GITEA_OAUTH_CLIENT_SECRET": "gto_wrong"}, {"GITEA_OAUTH_CLIENT_ID": "a-b"}):
            findings = await check_signin(signing_in(forge, folder, **changes), SystemClock())
            [refused] = [finding for finding in findings if finding.check == "oauth_application"]
            assert Health.FAILURE is refused.health
            assert "oauth setup" in refused.remedy


@pytest.mark.sockets
async def test_a_gitea_that_is_gone_is_told_and_the_rest_is_looked_at(folder: Path) -> None:
    """One fault must not hide the others."""
    async with open_forge() as forge:
        chosen = signing_in(forge, folder)

    found = healths(await check_signin(chosen, CLOCK))

    assert {"gitea": Health.FAILURE, "store": Health.OK} == found


@pytest.mark.sockets
async def test_a_gitea_with_another_name_is_worth_a_word(folder: Path) -> None:
    """Browsers are sent to GITEA_URL, which the gate alone may know, unless they have an address of their own."""
    async with open_forge() as forge:
        inner = {"GITEA_URL": forge.url.replace("127.0.0.1", "localhost")}
        findings = await check_signin(signing_in(forge, folder, **inner), SystemClock())
        mended = await check_signin(signing_in(forge, folder, **inner, GITEA_PUBLIC_URL=forge.url), SystemClock())

    [named] = [finding for finding in findings if finding.check == "gitea_url"]
    assert Health.WARNING is named.health
    assert "GITEA_PUBLIC_URL" in named.remedy
    assert not [finding for finding in mended if finding.check == "gitea_url"]


async def test_nobody_signs_in_where_it_is_off() -> None:
    """There is nothing to look at then."""
    assert [] == await check_signin(settings(), CLOCK)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("body", "health"),
    [
        (b'{"issuer": "URL"}', Health.OK),
        (b'{"issuer": "https://other.example"}', Health.FAILURE),
        (b"<html>", Health.FAILURE),
        (b"[]", Health.FAILURE),
    ],
)
async def test_who_answers_at_the_public_address_is_looked_at(body: bytes, health: Health) -> None:
    """A proxy that passes on half of the paths lets people sign in up to the last step."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
    said = body.replace(b"URL", url.encode())

    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\nConnection: close\r\n\r\n"
        await stream.send_all(head.encode() + said)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, answer, [listener])
        found = await check_address(settings(PUBLIC_URL=url).web)
        nursery.cancel_scope.cancel()

    assert ("oauth_address", health) == (found.check, found.health)


def test_a_store_that_others_can_read_is_a_failure(folder: Path) -> None:
    """The gate refuses it at the start; the mode that it needs is in the sentence."""
    store = folder / "store.sqlite3"
    assert Health.OK is check_store(store).health
    store.touch(mode=0o600)
    assert Health.OK is check_store(store).health
    store.chmod(0o640)
    found = check_store(store)
    assert (Health.FAILURE, f"chmod 600 {store}") == (found.health, found.remedy)
    assert Health.FAILURE is check_store(folder / "store.sqlite3" / "below").health


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"PUBLIC_URL": "http://127.0.0.1:8080"}, None),
        ({"PUBLIC_URL": "http://127.0.0.1:9000", "PORT": "9000"}, None),
        ({"PUBLIC_URL": "https://mcp.example.com"}, None),
        ({"PUBLIC_URL": "http://127.0.0.1:9000", "PORT": "0"}, None),
        ({"PUBLIC_URL": "http://127.0.0.1:9000"}, Health.WARNING),
        ({"PUBLIC_URL": "http://localhost"}, Health.WARNING),
    ],
)
def test_an_address_of_this_machine_is_that_of_the_gate(changes: dict[str, str], expected: Health | None) -> None:
    """Unless a proxy here says otherwise, so it is a warning."""
    found = check_ports(settings(**changes).web)

    assert expected == (None if found is None else found.health)
