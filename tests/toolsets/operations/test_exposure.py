"""Exposure: nothing that shows a credential or somebody's settings is offered unless the operator says so."""

from __future__ import annotations

import re

import pytest

from aegis_trio.toolsets.operations.exposure import Sensitive, is_never, is_offered, sensitivity_of
from aegis_trio.toolsets.operations.table import Operation, operations_table

OPERATIONS = operations_table().operations
NOTHING: frozenset[Sensitive] = frozenset()
EVERYTHING = frozenset(Sensitive)

# Every read that is guarded, by hand, so that a rule that is too narrow shows.
GUARDED = {
    Sensitive.KEYS: {
        *("getVerificationToken", "repoGetKey", "repoListKeys", "userCurrentGetGPGKey", "userCurrentGetKey"),
        *("userCurrentListGPGKeys", "userCurrentListKeys", "userListGPGKeys", "userListKeys"),
    },
    Sensitive.EMAILS: {"userListEmails"},
    Sensitive.HOOKS: {
        *("orgGetHook", "orgListHooks", "repoGetGitHook", "repoGetHook", "repoListGitHooks", "repoListHooks"),
        *("userGetHook", "userListHooks"),
    },
    Sensitive.OAUTH_APPLICATIONS: {"userGetOAuth2Application", "userGetOauth2Application"},
    Sensitive.SECRETS: {"orgListActionsSecrets", "repoListActionsSecrets"},
    Sensitive.REGISTRATION_TOKENS: {
        *("orgGetRunnerRegistrationToken", "repoGetRunnerRegistrationToken", "userGetRunnerRegistrationToken"),
    },
    Sensitive.MIRRORS: {"repoGetPushMirrorByRemoteName", "repoListPushMirrors"},
    Sensitive.USER_SETTINGS: {
        *("getUserSettings", "organizationCheckUserBlock", "organizationListBlocks", "userCheckUserBlock"),
        "userListBlocks",
    },
}
NEVER = {"activitypubPerson", "userGetTokens", *(name for name, one in OPERATIONS.items() if one.tag == "admin")}
SUSPICIOUS = re.compile(
    r"token|secret|password|\bkeys?\b|email|hook|oauth|admin|sudo|setting|credential|mirror|block(?!s/|s of)",
    re.IGNORECASE,
)
# They match a word above, and show neither a credential nor settings of a person.
HARMLESS = {
    *("getSigningKey", "getSigningKeySSH", "repoSigningKey", "repoSigningKeySSH"),  # public halves, meant for everybody
    *("getGeneralAPISettings", "getGeneralAttachmentSettings", "getGeneralRepositorySettings", "getGeneralUISettings"),
    *("issueListBlocks", "issueListIssueDependencies"),  # issues that block issues
    *("repoSearch",),  # may be asked for mirrors
}


def test_what_is_guarded_is_guarded_in_its_group() -> None:
    """One that slipped out of its group would be open to everybody."""
    found = {group: {name for name, one in _reads().items() if sensitivity_of(one) is group} for group in Sensitive}

    assert GUARDED == {group: names - NEVER for group, names in found.items()}
    assert NEVER & set(_reads()) == {name for name, one in _reads().items() if is_never(one)}


def test_whatever_speaks_of_credentials_was_looked_at() -> None:
    """A newer description must not bring one that no rule knows."""
    speaking = {name for name, one in _reads().items() if SUSPICIOUS.search(f"{one.path} {one.summary} {name}")}

    assert speaking - NEVER - HARMLESS <= set().union(*GUARDED.values())


def test_by_default_none_of_it_is_offered() -> None:
    """The default must be right for whoever sets nothing."""
    offered = {name for name, one in OPERATIONS.items() if is_offered(one, NOTHING)}

    assert not offered & (NEVER | set().union(*GUARDED.values()))
    assert len(_reads()) - len(NEVER & set(_reads())) - sum(map(len, GUARDED.values())) == len(offered)


@pytest.mark.parametrize("group", Sensitive)
def test_a_group_is_opened_alone(group: Sensitive) -> None:
    """Whoever opens keys has not opened hooks."""
    before = {name for name, one in OPERATIONS.items() if is_offered(one, NOTHING)}
    after = {name for name, one in OPERATIONS.items() if is_offered(one, frozenset({group}))}

    assert GUARDED[group] == after - before


def test_some_things_nobody_opens() -> None:
    """An administrator's token is refused, and a 401 of Gitea's would end the caller's sign-in."""
    assert not [name for name in NEVER if is_offered(OPERATIONS[name], EVERYTHING)]


def test_nothing_that_changes_is_offered() -> None:
    """This gate only reads."""
    assert not [name for name, one in OPERATIONS.items() if one.method != "GET" and is_offered(one, EVERYTHING)]


def _reads() -> dict[str, Operation]:
    return {name: one for name, one in OPERATIONS.items() if one.reads}
