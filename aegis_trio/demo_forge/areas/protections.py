"""Protections: the rules for branches and tags, which only administrators of the repository read."""

from __future__ import annotations

from typing import Final

from aegis_trio.demo_forge.answers import Answer, json_answer
from aegis_trio.demo_forge.call import Call
from aegis_trio.demo_forge.releases import Protection, TagProtection
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.model.json import JsonObject, JsonValue

_REPOSITORY: Final = "/repos/{owner}/{repo}"


def must_be_repository_admin(call: Call) -> None:
    """Refuse who may not change the repository's settings.

    Source: gitea routers/api/v1/api.go reqAdmin.
    """
    if not call.rights.is_admin():
        raise call.refused(403, "user should be an owner or a collaborator with admin write of a repository")


def list_branch_protections(call: Call) -> Answer:
    """List the rules for branches in the order in which they are tried; there are no pages."""
    must_be_repository_admin(call)
    rules = enumerate(call.repository.protections, start=1)
    return json_answer(list[JsonValue](_rule(call, priority, rule) for priority, rule in rules))


def get_branch_protection(call: Call) -> Answer:
    """Show the rule with this pattern."""
    must_be_repository_admin(call)
    for priority, rule in enumerate(call.repository.protections, start=1):
        if rule.pattern == call.params["name"]:
            return json_answer(_rule(call, priority, rule))
    raise call.missing()


def _rule(call: Call, priority: int, rule: Protection) -> JsonObject:
    """Source: gitea services/convert/convert.go ToBranchProtection."""
    pushers = [call.world.accounts[each].login for each in rule.pushers or ()]
    is_plain = not any(letter in rule.pattern for letter in "*?[{\\")
    checks: list[JsonValue] | None = None if rule.status_checks is None else list(rule.status_checks)
    return {
        "branch_name": rule.pattern if is_plain else "",
        "rule_name": rule.pattern,
        "priority": priority,
        "enable_push": rule.can_push,
        "enable_push_whitelist": rule.pushers is not None,
        "push_whitelist_usernames": list[JsonValue](pushers),
        "push_whitelist_teams": [],
        "push_whitelist_deploy_keys": False,
        "enable_force_push": False,
        "enable_force_push_allowlist": False,
        "force_push_allowlist_usernames": [],
        "force_push_allowlist_teams": [],
        "force_push_allowlist_deploy_keys": False,
        "enable_merge_whitelist": False,
        "merge_whitelist_usernames": [],
        "merge_whitelist_teams": [],
        "enable_status_check": rule.status_checks is not None,
        "status_check_contexts": checks,
        "required_approvals": rule.required_approvals,
        "enable_approvals_whitelist": False,
        "approvals_whitelist_username": [],
        "approvals_whitelist_teams": [],
        "block_on_rejected_reviews": rule.blocks_on_rejection,
        "block_on_official_review_requests": False,
        "block_on_outdated_branch": False,
        "dismiss_stale_approvals": False,
        "ignore_stale_approvals": False,
        "require_signed_commits": False,
        "protected_file_patterns": rule.kept_files,
        "unprotected_file_patterns": "",
        "block_admin_merge_override": False,
        "created_at": as_gitea(rule.created),
        "updated_at": as_gitea(rule.created),
    }


def list_tag_protections(call: Call) -> Answer:
    """List the rules for tags."""
    must_be_repository_admin(call)
    return json_answer(list[JsonValue](_tag_rule(call, rule) for rule in call.repository.tag_protections))


def get_tag_protection(call: Call) -> Answer:
    """Show one rule for tags by its number."""
    must_be_repository_admin(call)
    return json_answer(_tag_rule(call, call.one_of(call.repository.tag_protections)))


def _tag_rule(call: Call, rule: TagProtection) -> JsonObject:
    return {
        "id": rule.id,
        "name_pattern": rule.pattern,
        "whitelist_usernames": list[JsonValue](call.world.accounts[each].login for each in rule.account_ids),
        "whitelist_teams": [],
        "created_at": as_gitea(rule.created),
        "updated_at": as_gitea(rule.created),
    }


ROUTES: Final = (
    Route(method="GET", template=f"{_REPOSITORY}/branch_protections", handler=list_branch_protections),
    Route(method="GET", template=f"{_REPOSITORY}/branch_protections/{{name}}", handler=get_branch_protection),
    Route(method="GET", template=f"{_REPOSITORY}/tag_protections", handler=list_tag_protections),
    Route(method="GET", template=f"{_REPOSITORY}/tag_protections/{{id}}", handler=get_tag_protection),
)
