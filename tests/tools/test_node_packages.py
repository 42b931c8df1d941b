"""tools/node_packages.py as far as no registry is needed: the lock, stamps, npm's settings, and its sentences."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import node_packages
from environments import ROOT, Trouble

LOCK: dict[str, Any] = json.loads((ROOT / "requirements" / "node" / "package-lock.json").read_text(encoding="utf-8"))
PACKAGE: dict[str, Any] = json.loads((ROOT / "requirements" / "node" / "package.json").read_text(encoding="utf-8"))
PACKAGES: dict[str, dict[str, Any]] = {name: entry for name, entry in LOCK["packages"].items() if name}


def test_the_lock_names_no_registry() -> None:
    """Who installs decides from where; an address in the file would decide for everybody."""
    assert [] == [name for name, entry in PACKAGES.items() if "resolved" in entry]
    without_thanks = [{key: value for key, value in entry.items() if key != "funding"} for entry in PACKAGES.values()]
    assert "://" not in json.dumps(without_thanks)


def test_every_package_is_hashed() -> None:
    """One without a hash is one that anybody on the way may exchange."""
    assert PACKAGES
    assert [] == [name for name, entry in PACKAGES.items() if not entry.get("integrity", "").startswith("sha512-")]


def test_what_is_asked_for_is_exact_and_is_what_is_locked() -> None:
    """A range would let the next lock bring another suite, with other figures."""
    asked = PACKAGE["dependencies"]

    assert [] == [version for version in asked.values() if not re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", version)]
    assert asked == {name: PACKAGES[f"node_modules/{name}"]["version"] for name in asked}


def test_a_stamp_comes_back_as_written_and_not_without_packages(tmp_path: Path) -> None:
    """An interrupted installation must lead to a new one."""
    assert "" == node_packages.read_node_stamp(tmp_path / "nowhere")
    node_packages.write_node_stamp(tmp_path, "abc")
    assert "" == node_packages.read_node_stamp(tmp_path)
    (tmp_path / "node_modules").mkdir()
    assert "abc" == node_packages.read_node_stamp(tmp_path)
    (tmp_path / "complete").unlink()
    assert "" == node_packages.read_node_stamp(tmp_path)


@pytest.mark.parametrize("changed", ["node/package.json", "node/package-lock.json", "dev.txt"])
def test_the_fingerprint_depends_on_the_lock_and_on_node(tmp_path: Path, changed: str) -> None:
    """A changed lock must be installed, and another Node may need other binaries."""
    for name in ("node/package.json", "node/package-lock.json", "dev.txt"):
        path = tmp_path / "requirements" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a", encoding="utf-8")
    before = node_packages.node_fingerprint(tmp_path)
    (tmp_path / "requirements" / changed).write_text("b", encoding="utf-8")

    assert before != node_packages.node_fingerprint(tmp_path)


def test_npm_is_not_misdirected() -> None:
    """npm reads its settings in either case; some would run scripts, or install a part, or elsewhere."""
    theirs = {
        "NPM_CONFIG_REGISTRY": "kept",
        "npm_config_cache": "kept",
        "PATH": "kept",
        "npm_config_ignore_scripts": "false",
        "NPM_CONFIG_OMIT": "optional",
        "npm_config_dry-run": "true",
        "NODE_OPTIONS": "--import ./other.mjs",
        "NODE_ENV": "production",
    }

    assert {"NPM_CONFIG_REGISTRY", "npm_config_cache", "PATH"} == set(node_packages.npm_settings(theirs))


def test_no_script_of_a_package_runs() -> None:
    """A hash says that a package is the one that was locked, not that its scripts are harmless."""
    assert "--ignore-scripts" in node_packages.npm_command(Path("/wheel"), "ci")


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        (
            "npm error code ENOTFOUND\nnpm error syscall getaddrinfo",
            "(ENOTFOUND): check the network, or name a registry",
        ),
        ("npm ERR! code E404\nnpm ERR! 404 Not Found", "(E404): check the network, or name a registry"),
        ("npm error code EINTEGRITY\nnpm error sha512-a integrity checksum failed", "was refused"),
        ("npm error code EUSAGE\nnpm error `npm ci` can only install", "run `just lock`"),
        ("npm error code ENOSPC\nnpm error nospc no space left on device", "the disk is full"),
        ("npm error code EACCES\nnpm error Error: EACCES: permission denied, mkdir", "make it writable"),
        ("npm error code EWHATEVER\nnpm error a thing", "(error: npm EWHATEVER)"),
        ("Segmentation fault", "(Segmentation fault)"),
    ],
)
def test_what_npm_says_becomes_one_sentence(tmp_path: Path, output: str, remedy: str) -> None:
    """npm speaks in pages; the owner of the machine needs the one thing to do."""
    sentence = node_packages.explain_npm(output, tmp_path / "log.txt")

    assert remedy in sentence
    assert 1 == len(sentence.splitlines())
    assert str(tmp_path) in sentence or "disk" in sentence


def test_an_environment_without_node_is_one_sentence(tmp_path: Path) -> None:
    """Somebody deleted from it, or the wheel is for another machine."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    python.chmod(0o755)

    with pytest.raises(Trouble, match="holds no Node: delete that folder"):
        node_packages.wheel_folder(tmp_path)
