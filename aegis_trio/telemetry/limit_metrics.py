"""The metrics of limits, as rows of the table (metric_table.py): source, title, and each one's name, unit and help."""

from __future__ import annotations

from typing import Final, TypeAlias

Row: TypeAlias = tuple[str, str, str] | tuple[str, str, str, tuple[str, ...]]
"""Name behind the source, unit, help; and names of labels where there are any."""

LIMIT_GROUPS: Final[tuple[tuple[str, str, tuple[Row, ...]], ...]] = (
    (
        "call_limits",
        "Limits of calls",
        (
            ("in_flight", "calls", "Calls that hold a slot."),
            ("principals_in_flight", "callers", "Callers that have such calls."),
            ("buckets", "buckets", "Counts that are remembered, each of one caller, client, tool or repository."),
            ("forgotten_total", "buckets", "Counts that were forgotten because there were too many."),
            ("admitted_total", "calls", "Calls that fitted the limits."),
            ("refused_total", "calls", "Calls that did not, by the limit that they met.", ("limit",)),
            ("would_refuse_total", "calls", "Calls that limits in shadow mode would have refused.", ("limit",)),
            ("near_limit_total", "calls", "Calls that took a limit beyond four fifths.", ("limit",)),
        ),
    ),
    (
        "address_limit",
        "Requests without a valid credential",
        (
            ("addresses", "addresses", "Addresses that are remembered."),
            ("refused_total", "requests", "Requests that were told to wait: their address sends too many."),
            ("would_refuse_total", "requests", "The same, while that limit is in shadow mode."),
        ),
    ),
    (
        "blocks",
        "The blocklist",
        (
            ("addresses", "addresses", "Addresses that are blocked for failures, or were lately."),
            ("operator_networks", "networks", "Addresses and networks that the operator has blocked."),
            ("forgotten_total", "addresses", "Addresses that were forgotten because there were too many."),
        ),
    ),
    (
        "gitea_queue",
        "The queue before Gitea",
        (
            ("places", "requests", "Requests of calls that may be at Gitea at once."),
            ("inside", "requests", "Requests that are there."),
            ("waiting", "requests", "Requests that wait for a place."),
            ("principals", "callers", "Callers that have requests inside or waiting."),
            ("admitted_total", "requests", "Requests that got a place."),
            ("waited_total", "requests", "Of these, how many had to wait."),
            ("waited_seconds_total", "seconds", "For how long, all together."),
            ("waited_seconds_max", "seconds", "The longest wait."),
            ("refused_total", "requests", "Requests that were refused because too many waited."),
        ),
    ),
    (
        "gitea_circuit",
        "The circuit to Gitea",
        (
            ("open", "bool", "1 while Gitea does not answer and is left alone, or tried again."),
            ("failures_in_a_row", "requests", "Requests without an answer since the last answer."),
            ("opened_total", "times", "How often Gitea stopped answering."),
            ("probes_total", "requests", "Requests that tried whether it answers again."),
            ("refused_total", "requests", "Requests that were refused meanwhile."),
        ),
    ),
    (
        "gitea_cache",
        "Content that is kept",
        (
            ("hits_total", "reads", "Reads of files and trees that were answered from what is kept."),
            ("misses_total", "reads", "Reads that were asked of Gitea."),
            (
                "resolved_total",
                "questions",
                "Questions where a ref leads, for a caller who reads again.",
            ),
            ("coalesced_total", "requests", "Requests that shared the answer to the same one, under way already."),
            ("bytes", "bytes", "Memory of what is kept, bounded by CACHE_MAX_BYTES."),
            ("entries", "entries", "Files and pages of trees that are kept."),
            ("evicted_total", "entries", "Entries that made room for others."),
            ("sights", "pairs", "Pairs of caller and repository of which is known what Gitea has shown."),
            ("forgotten_total", "pairs", "Of these, those forgotten for a refusal, or because an access ended."),
        ),
    ),
    (
        "anomalies",
        "Notices of what is unusual",
        (
            ("principals", "callers", "Callers whose habits are known."),
            ("sightings_total", "sightings", "Calls, credentials and refusals that were looked at."),
            ("dropped_total", "sightings", "Of these, those for which there was no room."),
            ("notices_total", "notices", "Notices that were recorded."),
            ("repeated_total", "notices", "Notices of what had been told within the hour."),
        ),
    ),
)
