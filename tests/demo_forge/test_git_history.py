"""Names, paths and last changes are what git says they are."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from dulwich.objects import Commit, ObjectID

from aegis_trio.demo_forge.git_diff import changed_files, changed_lines
from aegis_trio.demo_forge.git_history import Missing, find_entry, last_change, resolve_revision
from aegis_trio.demo_forge.git_patch import diff_text
from aegis_trio.demo_forge.git_store import GitStore, Signature
from tests.demo_forge.recorded_world import load_bundle
from tests.demo_forge.test_demo_world import write_out


@cache
def _backend() -> GitStore:
    return load_bundle("backend")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the repository of the recordings as git has it on disk."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path_factory.mktemp("clone")
    write_out(_backend(), folder, "git")
    return folder


def _run(clone: Path, *words: str) -> str | None:
    done = subprocess.run(["git", "-C", str(clone), *words], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "surrogateescape").strip() if done.returncode == 0 else None


@pytest.mark.parametrize(
    "text",
    [
        "main",
        "HEAD",
        "v1.0.0",
        "refs/heads/main",
        "heads/main",
        "tags/v1.0.0",
        "refs/pull/65/head",
        "1d84dafa",
        "1D84DAFA",
        "main~1",
        "main~2",
        "main^",
        "main^0",
        "main^1",
        "103c3925^2",
        "103c3925^3",
        "main~2^2",
        "v1.0.0^{}",
        "v1.0.0^{commit}",
        "main^{tree}",
        "main:docs",
        "main:docs/nothing",
        "main:",
        "main~9999",
        "none",
        "main@{x}",
        "main^{blob",
        "v1.0.0~1:README.md",
        "feature/with-slash",
        "86954b04~1",
        "dd70d1e1^",
    ],
)
def test_a_revision_names_what_git_says(clone: Path, text: str) -> None:
    """Trees are asked for by expressions; a wrong one would show another state of the files."""
    git = GitStore()
    git._objects, git.refs = _backend().objects, dict(_backend().refs)

    assert _run(clone, "rev-parse", "--verify", "-q", text) == resolve_revision(git, text)


def test_a_short_id_must_be_longer_than_three_and_mean_one_object() -> None:
    """Otherwise chance would choose the answer."""
    git = _backend()

    assert None is resolve_revision(git, "1d8")
    assert None is resolve_revision(git, "0000000")
    assert None is resolve_revision(git, "")


def test_the_last_change_of_every_path_is_gits(clone: Path) -> None:
    """`contents` shows it for each entry, and raw files take their date from it."""
    git = _backend()
    tip = git.refs["refs/heads/main"]
    paths = [path for path, _ in git.walk(git.tree_of(tip))]
    wrong = {
        path: (said, last_change(git, tip, path))
        for path in paths
        if (said := _run(clone, "log", "-1", "--format=%H", tip, "--", f":(literal){path}"))
        != last_change(git, tip, path)
    }

    assert {} == wrong
    assert len(paths) > 100


def test_differences_are_gits_to_the_byte(clone: Path) -> None:
    """People decide by what a difference shows and counts, and `git am` takes it."""
    git = _backend()
    wrong: list[str] = []
    counted = 0
    for sha in git.shas():
        found = git.get(sha)
        if not isinstance(found, Commit):
            continue
        counted += 1
        against = found.parents[0].decode() if found.parents else "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        plain = ("-c", "core.quotepath=false", "diff", "-M", "--no-color")
        text = _run(clone, *plain, "-p", against, sha)
        numbers = [line.split("\t")[:2] for line in (_run(clone, *plain, "--numstat", against, sha) or "").splitlines()]
        said = tuple(sum(int(n[i]) for n in numbers if n[i] != "-") for i in (0, 1))
        ours = diff_text(git, found.parents[0].decode() if found.parents else None, sha)
        if (text, said) != (ours.decode("utf-8", "surrogateescape").strip(), changed_lines(git, found)):
            wrong.append(sha)

    assert [] == wrong
    assert counted > 40


def test_a_missing_path_tells_how_far_the_way_led() -> None:
    """Gitea's message tells it, and it differs from case to case."""
    git = _backend()
    tip = git.refs["refs/heads/main"]

    def missing(path: str) -> tuple[str, str]:
        with pytest.raises(Missing) as failure:
            find_entry(git, tip, path)
        return failure.value.sha, failure.value.path

    assert ("", "none.txt") == missing("none.txt")
    assert ("", "docs/none.txt") == missing("docs/none.txt")
    assert ("", "none") == missing("none/x")
    assert ("dd70d1e1b4d8fbe0f2ec906d4f55ec00f029443a", "") == missing("README.md/x")


def _commit(git: GitStore, changes: dict[str, bytes | None], branch: str = "main") -> str:
    author = Signature(name="A", email="a@x", when=datetime(2026, 1, 1, tzinfo=UTC))
    return git.write_commit(branch=branch, changes=changes, author=author, message="m\n")


def test_a_commit_adds_changes_and_removes_files() -> None:
    """The demo world and later writes are made so."""
    git = GitStore()
    _commit(git, {"a/b.txt": b"1\n", "c": b"2\n"})
    tip = _commit(git, {"a/b.txt": b"3\n", "c": None, "d": b""})

    assert ["a", "a/b.txt", "d"] == [path for path, _ in git.walk(git.tree_of(tip))]
    assert b"3\n" == git.data(find_entry(git, tip, "a/b.txt").sha)
    assert [("d", "added"), ("c", "removed"), ("a/b.txt", "modified")] == changed_files(git, git.commit(tip))
    assert (1, 2) == changed_lines(git, git.commit(tip))
    with pytest.raises(KeyError):
        _commit(git, {"never": None})


def test_a_signature_without_a_zone_counts_as_utc() -> None:
    """Git wants an offset in every commit."""
    git = GitStore()
    author = Signature(name="A", email="a@x", when=datetime(2026, 1, 1))  # noqa: DTZ001 -- the point of the test
    sha = git.write_commit(branch="main", changes={"a": b""}, author=author, message="m\n")

    assert 0 == git.commit(sha).commit_timezone


def test_binary_files_count_no_lines() -> None:
    """Git shows a dash for them."""
    git = GitStore()
    _commit(git, {"a.bin": b"\0\1"})
    tip = _commit(git, {"a.bin": b"\0\2\n\n"})

    assert (0, 0) == changed_lines(git, git.commit(tip))


def test_asking_for_the_wrong_kind_of_object_fails() -> None:
    """A blob is no tree, a tree no commit; the caller must not go on with nonsense."""
    git = _backend()
    tip = git.refs["refs/heads/main"]

    with pytest.raises(KeyError):
        git.commit(git.tree_of(tip))
    with pytest.raises(KeyError):
        git.entries(tip)
    with pytest.raises(KeyError):
        git.get("0" * 40)
    assert None is git.full_commit(git.tree_of(tip))
    assert None is git.full_commit("0" * 40)
    assert None is git.branch("none")
    assert None is git.tag("none")
    assert None is resolve_revision(git, f"{git.tree_of(tip)}^")
    assert git.get(tip) == git.objects[ObjectID(tip.encode())]
