"""A real Gitea for tests: one that a test starts, or one that runs already.

    with start_gitea(binary, folder, {"oauth2": {"JWT_SIGNING_ALGORITHM": "ES256"}}) as gitea:
        alice = await gitea.add_person("alice")

Laws:
    1. `AEGIS_TEST_GITEA_BIN` names a program of Gitea 1.23 or newer that this module starts: with SQLite, on a port of
       its own on loopback, in a folder of the test's.
    2. `AEGIS_TEST_GITEA_URL`, `AEGIS_TEST_GITEA_ADMIN` and `AEGIS_TEST_GITEA_PASSWORD` name a Gitea that runs already,
       and an administrator of it who has no second factor. Nothing of it is changed but what the test itself made.
    3. People get names and passwords of their own, so that one server serves many tests.

Not here: the recorded world, which needs a server that nobody used (tests/demo_forge/real_world.py).
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias, final

import httpx

BINARY: Final = "AEGIS_TEST_GITEA_BIN"
RUNNING: Final = ("AEGIS_TEST_GITEA_URL", "AEGIS_TEST_GITEA_ADMIN", "AEGIS_TEST_GITEA_PASSWORD")
ADMIN: Final = "root1"
START_DEADLINE_S: Final = 180.0  # the first start makes tables and a key of 4,096 bits, on a slow, shared machine
END_DEADLINE_S: Final = 60.0
POLL_S: Final = 0.1
Sections: TypeAlias = Mapping[str, Mapping[str, str]]
"""Settings of `app.ini` by section; the section without a name is ``""``."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """An ordinary account, with a private repository `diary` that nobody else sees."""

    uid: int
    login: str
    password: str = field(repr=False)

    @property
    def diary(self) -> dict[str, str]:
        """The repository, as tools are asked for it."""
        return {"owner": self.login, "repo": "diary"}


@dataclass(slots=True, kw_only=True)
class GiteaServer:
    """A Gitea that answers, and the administrator who may change it."""

    url: str
    admin: str
    password: str = field(repr=False)

    async def ask(
        self, method: str, path: str, document: Any = None, *, who: Resident | None = None, expected: int = 200
    ) -> Any:
        """Ask the API as a person, or as the administrator, and return the document.

        Raises:
            AssertionError: the answer has another status than *expected*.
        """
        pair = (self.admin, self.password) if who is None else (who.login, who.password)
        async with httpx.AsyncClient(base_url=f"{self.url}/api/v1", auth=pair, trust_env=False, timeout=60) as client:
            answer = await client.request(method, path, json=document)
        assert expected == answer.status_code, f"{method} {path}: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    async def version(self) -> str:
        """Return what it says it is."""
        return str((await self.ask("GET", "/version"))["version"])

    async def issuer(self) -> str:
        """Return what it calls itself."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            return str((await client.get(f"{self.url}/.well-known/openid-configuration")).json()["issuer"])

    async def add_person(self, name: str) -> Resident:
        """Make an account whose name begins with *name*, and its private repository."""
        login, password = f"{name}-{secrets.token_hex(4)}", f"Aa1!{secrets.token_hex(12)}"
        made = await self.ask(
            "POST",
            "/admin/users",
            {
                "username": login,
                "email": f"{login}@example.test",
                "password": password,
                "must_change_password": False,
            },
            expected=201,
        )
        person = Resident(uid=made["id"], login=login, password=password)
        diary = {"name": "diary", "private": True, "auto_init": True, "default_branch": "main"}
        await self.ask("POST", "/user/repos", diary, who=person, expected=201)
        return person

    async def set_blocked(self, person: Resident, *, blocked: bool) -> None:
        """Prohibit an account from signing in, or allow it again."""
        change = {"prohibit_login": blocked, "login_name": person.login, "source_id": 0}
        await self.ask("PATCH", f"/admin/users/{person.login}", change)

    async def add_token(self, person: Resident, *scopes: str) -> str:
        """Make a personal access token."""
        wanted = {"name": secrets.token_hex(4), "scopes": list(scopes)}
        made = await self.ask("POST", f"/users/{person.login}/tokens", wanted, who=person, expected=201)
        return str(made["sha1"])


@final
@dataclass(slots=True, kw_only=True)
class OwnGitea(GiteaServer):
    """A Gitea that a test started, and may end and start again."""

    binary: str
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """What it said, each request of its web side among it."""
        return self.folder / "gitea.log"

    def times_asked(self, method: str, path: str) -> int:
        """Return how many requests for *path* it has answered."""
        return self.log.read_text("utf-8", "replace").count(f"completed {method} {path} ")

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            AssertionError: it ended, or did not answer in time; the message is what it said.
        """
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self._command("web"), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_DEADLINE_S
        with httpx.Client(trust_env=False, timeout=5) as client:
            while not _answers(client, self.url):
                said = self.log.read_text("utf-8", "replace")[-3000:]
                assert self.process.poll() is None, f"Gitea did not start: {said}"
                assert time.monotonic() < deadline, f"Gitea does not answer: {said}"
                time.sleep(POLL_S)

    def stop(self) -> None:
        """End it, by its id, and wait for that."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(END_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self) -> None:
        """End it and start it again: sessions of browsers, which it keeps in memory, are lost."""
        self.stop()
        self.start()

    def run(self, *words: str) -> None:
        """Run a command of its own.

        Raises:
            AssertionError: it failed; the message is what it said.
        """
        done = subprocess.run(self._command(*words), capture_output=True, text=True, check=False)
        assert 0 == done.returncode, f"{words[:3]}: {done.stdout} {done.stderr}"

    def _command(self, *words: str) -> list[str]:
        folder = str(self.folder)
        return [self.binary, *words, "--config", f"{folder}/app.ini", "--work-path", folder]


def the_setting(name: str) -> str:
    """Return what the environment says of one of our variables; empty where it says nothing."""
    return os.environ.get(name, "")


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/api/healthz").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def start_gitea(binary: str, folder: Path, more: Sections | None = None) -> Iterator[OwnGitea]:
    """Run a new Gitea until the block ends.

    Args:
        binary: the program.
        folder: an empty folder for everything that it writes.
        more: further settings.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    password = f"Aa1!{secrets.token_hex(12)}"
    gitea = OwnGitea(
        url=f"http://127.0.0.1:{port}", admin=ADMIN, password=password, binary=binary, folder=folder.absolute()
    )
    (folder / "app.ini").write_text(_app_ini(folder.absolute(), port, more or {}), "utf-8")
    gitea.run("migrate")
    gitea.run(
        *("admin", "user", "create", "--admin", "--username", ADMIN, "--email", f"{ADMIN}@example.test"),
        *("--password", password, "--must-change-password=false"),
    )
    gitea.start()
    try:
        yield gitea
    finally:
        gitea.stop()


def _app_ini(folder: Path, port: int, more: Sections) -> str:
    sections: dict[str, dict[str, str]] = {
        "": {
            "APP_NAME": "Real",
            "RUN_MODE": "prod",
            "WORK_PATH": str(folder),
            # Gitea refuses to run as root, and a container of CI may have nobody else.
            "I_AM_BEING_UNSAFE_RUNNING_AS_ROOT": str(os.geteuid() == 0).lower(),
        },
        "server": {
            "PROTOCOL": "http",
            "HTTP_ADDR": "127.0.0.1",
            "HTTP_PORT": str(port),
            "ROOT_URL": f"http://127.0.0.1:{port}/",
            "DISABLE_SSH": "true",
            "OFFLINE_MODE": "true",
        },
        "database": {"DB_TYPE": "sqlite3", "PATH": f"{folder}/gitea.db"},
        "security": {"INSTALL_LOCK": "true", "SECRET_KEY": secrets.token_hex(32)},
        "service": {"DISABLE_REGISTRATION": "true"},
        "indexer": {"ISSUE_INDEXER_TYPE": "db"},
        "mailer": {"ENABLED": "false"},
        # Each request of the web side stands in the log, by which tests count.
        "log": {"MODE": "console", "LEVEL": "Info"},
    }
    for name, settings in more.items():
        sections.setdefault(name, {}).update(settings)
    lines: list[str] = []
    for name, settings in sections.items():
        lines += [f"[{name}]"] if name else []
        lines += [f"{key} = {value}" for key, value in settings.items()]
    return "\n".join([*lines, ""])
