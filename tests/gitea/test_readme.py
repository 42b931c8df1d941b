"""Which file is the README: the same one whatever the order, and never a folder or a link."""

from __future__ import annotations

from itertools import permutations

import pytest

from aegis_trio.gitea.git import TreeEntry
from aegis_trio.gitea.readme import README_NAMES, choose_readme


def _entry(path: str, *, type_: str = "blob", mode: str = "100644") -> TreeEntry:
    return TreeEntry(path=path, type=type_, mode=mode, size_bytes=1, sha="0" * 40)


def _chosen(*paths: str) -> str | None:
    found = choose_readme(_entry(path) for path in paths)
    return None if found is None else found.path


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("README", "README.md", "README.txt"), "README.md"),
        (("README.txt", "README.rst", "README"), "README"),
        (("README.txt", "README.rst"), "README.rst"),
        (("src", "ReadMe.MD"), "ReadMe.MD"),
        (("readme.md", "README.md"), "README.md"),
        (("README.md.bak", "README.de.md", "XREADME.md", "docs"), None),
        ((), None),
    ],
)
def test_the_readme_is_chosen_by_preference_and_not_by_order(paths: tuple[str, ...], expected: str | None) -> None:
    """A resource that is another file from day to day would be no resource."""
    assert {expected} == {_chosen(*order) for order in permutations(paths)}


@pytest.mark.parametrize(("type_", "mode"), [("tree", "040000"), ("blob", "120000"), ("commit", "160000")])
def test_what_is_no_plain_file_is_passed_over(type_: str, mode: str) -> None:
    """A link could lead anywhere, and a folder has no text."""
    other = _entry("README.md", type_=type_, mode=mode)

    assert None is choose_readme([other])
    assert _entry("README.txt") == choose_readme([other, _entry("README.txt")])


def test_a_readme_may_be_executable() -> None:
    """On some file systems everything is."""
    script = _entry("readme", mode="100755")
    assert script == choose_readme([script])


def test_the_list_of_names_is_folded_and_has_no_name_twice() -> None:
    """A name in upper case would never be found."""
    assert [name.lower() for name in README_NAMES] == list(README_NAMES)
    assert len(set(README_NAMES)) == len(README_NAMES)
