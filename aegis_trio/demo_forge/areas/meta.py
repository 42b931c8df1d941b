"""Meta: version, settings, health and the scheduler's list (for administrators).

Not here: pages and OAuth (pages/*).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aegis_trio.demo_forge.answers import Answer, go_json, json_answer, not_proven, unknown_page
from aegis_trio.demo_forge.call import DEFAULT_PAGE_ITEMS, MAX_PAGE_ITEMS, Call
from aegis_trio.demo_forge.lookups import must_be_admin
from aegis_trio.demo_forge.requests import Request
from aegis_trio.demo_forge.router import Route
from aegis_trio.demo_forge.times import as_gitea
from aegis_trio.demo_forge.world import GITEA_VERSION, NEVER, World
from aegis_trio.model.json import JsonObject, JsonValue

# Source: gitea app.ini defaults of [api]: DEFAULT_GIT_TREES_PER_PAGE, DEFAULT_MAX_BLOB_SIZE, DEFAULT_MAX_RESPONSE_SIZE.
TREES_PER_PAGE: Final = 1000
MAX_BLOB_BYTES: Final = 10_485_760
MAX_RESPONSE_BYTES: Final = 104_857_600
REACTIONS: Final = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
EMOJIS: Final = ("git", "gitea", "codeberg", "gitlab", "github", "gogs")
# Pages that are no account's.
_PAGES: Final = frozenset(
    {"explore", "favicon.ico", "issues", "milestones", "notifications", "pulls", "robots.txt", "swagger.v1.json"}
)

# Source: gitea services/cron/tasks_basic.go, tasks_extended.go, tasks_actions.go: the tasks of a default configuration.
_TASKS: Final = (
    ("update_mirrors", "@every 10m"),
    ("repo_health_check", "@midnight"),
    ("check_repo_stats", "@midnight"),
    ("archive_cleanup", "@midnight"),
    ("sync_external_users", "@midnight"),
    ("deleted_branches_cleanup", "@midnight"),
    ("update_migration_poster_id", "@midnight"),
    ("cleanup_hook_task_table", "@midnight"),
    ("cleanup_packages", "@midnight"),
    ("sync_repo_licenses", "-"),
    ("delete_inactive_accounts", "-"),
    ("delete_repo_archives", "-"),
    ("git_gc_repos", "-"),
    ("resync_all_sshkeys", "-"),
    ("resync_all_sshprincipals", "-"),
    ("resync_all_hooks", "-"),
    ("reinit_missing_repos", "-"),
    ("delete_missing_repos", "-"),
    ("delete_generated_repository_avatars", "-"),
    ("delete_old_actions", "-"),
    ("update_checker", "-"),
    ("delete_old_system_notices", "-"),
    ("gc_lfs", "-"),
    ("rebuild_issue_indexer", "-"),
    ("stop_zombie_tasks", "@every 5m"),
    ("stop_endless_tasks", "@every 30m"),
    ("cancel_abandoned_jobs", "@every 6h"),
    ("start_schedule_tasks", "@every 1m"),
    ("cleanup_actions", "@midnight"),
)


def get_version(_call: Call, /) -> Answer:
    """Tell the version."""
    return json_answer({"version": GITEA_VERSION})


def get_api_settings(_call: Call, /) -> Answer:
    """Tell the limits of the API."""
    return json_answer(
        {
            "max_response_items": MAX_PAGE_ITEMS,
            "default_paging_num": DEFAULT_PAGE_ITEMS,
            "default_git_trees_per_page": TREES_PER_PAGE,
            "default_max_blob_size": MAX_BLOB_BYTES,
            "default_max_response_size": MAX_RESPONSE_BYTES,
        }
    )


def get_repository_settings(_call: Call, /) -> Answer:
    """Tell what is switched off for all repositories."""
    parts = ("mirrors", "http_git", "migrations", "stars", "time_tracking", "lfs")
    return json_answer({f"{part}_disabled": False for part in parts})


def get_ui_settings(_call: Call, /) -> Answer:
    """Tell the theme and the reactions."""
    return json_answer(
        {"default_theme": "gitea-auto", "allowed_reactions": list(REACTIONS), "custom_emojis": list(EMOJIS)}
    )


def get_cron(call: Call) -> Answer:
    """List the scheduled tasks, never paged.

    Everybody but an administrator learns from the refusal what their own token may do.
    """
    must_be_admin(call)
    soon = as_gitea(call.world.now() + timedelta(minutes=10))
    tasks: list[JsonValue] = [
        {
            "name": name,
            "schedule": schedule,
            "next": as_gitea(NEVER) if schedule == "-" else soon,
            "prev": as_gitea(NEVER),
            "exec_times": 0,
        }
        for name, schedule in _TASKS
    ]
    return json_answer(tasks, headers=(("X-Total-Count", str(len(tasks))),))


def answer_page(world: World, request: Request, path: str) -> Answer:
    """Answer what else lies outside of `/api/v1`: health, and what is known not to be there."""
    if request.method == "GET":
        if path == "/api/healthz":
            body = go_json(_health(world))
            return Answer(status=200, body=body, content_type="application/json", cache_control=None)
        if path.startswith("/.well-known/"):
            return Answer(status=404)
        name = path.removeprefix("/")
        is_name = bool(name) and "/" not in name and name not in _PAGES
        if path == "/api/forgejo/v1/version" or (is_name and world.account_named(name) is None):
            return unknown_page()
    if path.startswith("/login/oauth/"):
        return unknown_page()
    return not_proven(request.method, path)


def _health(world: World) -> JsonObject:
    passed: JsonValue = [{"status": "pass", "time": as_gitea(world.now())}]
    return {"status": "pass", "description": world.title, "checks": {"cache:ping": passed, "database:ping": passed}}


ROUTES: Final = (
    Route(method="GET", template="/version", handler=get_version),
    Route(method="GET", template="/settings/api", handler=get_api_settings),
    Route(method="GET", template="/settings/repository", handler=get_repository_settings),
    Route(method="GET", template="/settings/ui", handler=get_ui_settings),
    Route(method="GET", template="/admin/cron", handler=get_cron, signed_in=True),
)
