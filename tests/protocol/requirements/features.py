"""Rows of resources, prompts, completion, progress and log messages.

Source: MCP 2026-07-28 server/resources, server/prompts, server/utilities, basic/patterns/progress.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, LEGACY, MODERN, Requirement, at

_PROGRESS: Final = "notifications of progress are not built yet"
_LOGGING: Final = "log messages to clients are not built yet"

ROWS: Final = (
    Requirement(
        id="MCP-RES-01",
        text="`resources/list` and `resources/templates/list` follow the schema of their revision.",
        source="MCP 2026-07-28 server/resources#listing-resources",
        revisions=ALL,
        tests=at("transports/test_features_follow_the_schema.py", "test_lists_of_resources_follow_the_schema"),
    ),
    Requirement(
        id="MCP-RES-02",
        text="`resources/read` gives the text of what the caller may see, with its type.",
        source="MCP 2026-07-28 server/resources#reading-resources",
        revisions=ALL,
        tests=at("transports/test_features_follow_the_schema.py", "test_text_and_bytes_follow_the_schema")
        + at("toolsets/resources/test_resources_on_forge.py", "test_a_text_file_is_served_as_it_is"),
    ),
    Requirement(
        id="MCP-RES-03",
        text="A URI is parsed whole: one that leads outside its repository is refused before anything is asked.",
        source="MCP 2026-07-28 server/resources#security-considerations",
        revisions=ALL,
        tests=at(
            "transports/test_features_follow_the_schema.py",
            "test_what_cannot_be_read_is_an_error_with_its_uri",
            "test_an_address_that_leads_elsewhere_is_refused_by_its_part",
        )
        + at(
            "toolsets/resources/test_uris.py",
            "test_a_wrong_part_is_refused_by_its_name",
            "test_no_address_leads_outside_its_template",
        )
        + at("gateway/test_features_in_the_trail.py", "test_a_wrong_address_reaches_no_forge"),
    ),
    Requirement(
        id="MCP-RES-04",
        text="Binary contents are Base64 of the bytes as they are.",
        source="MCP 2026-07-28 server/resources#binary-content",
        revisions=ALL,
        tests=at("transports/test_features_follow_the_schema.py", "test_text_and_bytes_follow_the_schema")
        + at("toolsets/resources/test_resources_on_forge.py", "test_a_picture_is_served_in_base64"),
    ),
    Requirement(
        id="MCP-RES-05",
        text="A resource that the caller does not see is refused with -32602 and its URI, never with empty contents.",
        source="MCP 2026-07-28 server/resources#error-handling",
        revisions=MODERN,
        tests=at("transports/test_features_follow_the_schema.py", "test_what_cannot_be_read_is_an_error_with_its_uri")
        + at("toolsets/resources/test_resources_on_forge.py", "test_what_the_identity_does_not_see_is_missing"),
    ),
    Requirement(
        id="MCP-RES-06",
        text="Resources are declared as a capability where they are served.",
        source="MCP 2026-07-28 server/resources#capabilities",
        revisions=ALL,
        tests=at("transports/test_features_follow_the_schema.py", "test_what_is_served_is_declared"),
    ),
    Requirement(
        id="MCP-RES-07",
        text="`resources/subscribe` and `resources/unsubscribe` are answered with an empty result.",
        source="MCP 2025-11-25 server/resources#subscriptions",
        revisions=LEGACY,
        tests=at("transports/test_features_follow_the_schema.py", "test_subscribing_is_answered_with_an_empty_result"),
    ),
    Requirement(
        id="MCP-PROMPT-01",
        text="`prompts/list` and `prompts/get` follow the schema of their revision.",
        source="MCP 2026-07-28 server/prompts#listing-prompts",
        revisions=ALL,
        tests=at("transports/test_features_follow_the_schema.py", "test_prompts_follow_the_schema"),
    ),
    Requirement(
        id="MCP-PROMPT-02",
        text="An unknown prompt, or one without a required argument, is refused with -32602.",
        source="MCP 2026-07-28 server/prompts#error-handling",
        revisions=ALL,
        tests=at(
            "transports/test_features_follow_the_schema.py", "test_a_prompt_that_cannot_be_made_is_refused_by_name"
        ),
    ),
    Requirement(
        id="MCP-PROMPT-03",
        text="Arguments of a prompt are bounded, and cleaned of what is hidden before they stand in a message.",
        source="MCP 2026-07-28 server/prompts#security",
        revisions=ALL,
        tests=at(
            "toolsets/prompts/test_prompts.py",
            "test_a_wrong_argument_is_answered_with_field_rule_and_remedy",
            "test_arguments_cannot_speak_in_the_words",
        ),
    ),
    Requirement(
        id="MCP-PROMPT-04",
        text="Prompts are declared as a capability where they are served.",
        source="MCP 2026-07-28 server/prompts#capabilities",
        revisions=ALL,
        tests=at("transports/test_features_follow_the_schema.py", "test_what_is_served_is_declared"),
    ),
    Requirement(
        id="MCP-COMPL-01",
        text="`completion/complete` gives at most 100 values, and says whether there are more.",
        source="MCP 2026-07-28 server/utilities/completion#completion-results",
        revisions=ALL,
        tests=at("transports/test_features_follow_the_schema.py", "test_completions_follow_the_schema")
        + at("toolsets/completions/test_completion.py", "test_more_than_a_hundred_are_not_shown_and_said"),
    ),
    Requirement(
        id="MCP-COMPL-02",
        text="Completion names nothing that the caller could not list, and is bounded like calls.",
        source="MCP 2026-07-28 server/utilities/completion#security",
        revisions=ALL,
        tests=at(
            "toolsets/completions/test_completions_on_forge.py",
            "test_what_the_caller_does_not_see_completes_like_what_does_not_exist",
            "test_a_stranger_learns_no_owner_and_no_name",
        )
        + at("gateway/test_features_in_the_trail.py", "test_completions_are_limited_like_calls"),
    ),
    Requirement(
        id="MCP-COMPL-03",
        text="An unknown reference is refused with -32602.",
        source="MCP 2026-07-28 server/utilities/completion#error-handling",
        revisions=ALL,
        tests=at("transports/test_features_follow_the_schema.py", "test_nothing_is_completed_for_what_there_is_not"),
    ),
    Requirement(
        id="MCP-COMPL-04",
        text="Completions are declared as a capability where they are served.",
        source="MCP 2025-03-26 changelog#other-schema-changes",
        revisions=ALL[1:],
        tests=at("transports/test_features_follow_the_schema.py", "test_what_is_served_is_declared"),
    ),
    Requirement(
        id="MCP-PROG-01",
        text="Progress is told only to a request that gave a token, under that token.",
        source="MCP 2026-07-28 basic/patterns/progress#behavior-requirements",
        revisions=ALL,
        pending=_PROGRESS,
    ),
    Requirement(
        id="MCP-PROG-02",
        text="Progress only grows, is not told too often, and not after the answer.",
        source="MCP 2026-07-28 basic/patterns/progress#behavior-requirements",
        revisions=ALL,
        pending=_PROGRESS,
    ),
    Requirement(
        id="MCP-PROG-03",
        text="Progress stands on the stream of its own request.",
        source="MCP 2026-07-28 basic/transports/streamable-http#receiving-messages",
        revisions=ALL,
        pending=_PROGRESS,
    ),
    Requirement(
        id="MCP-LOG-01",
        text="Log messages are sent only to a request that asks for them by level, and on its own stream.",
        source="MCP 2026-07-28 server/utilities/logging#per-request-log-level",
        revisions=MODERN,
        pending=_LOGGING,
    ),
    Requirement(
        id="MCP-LOG-02",
        text="A level that does not exist is refused with -32602.",
        source="MCP 2026-07-28 server/utilities/logging#error-handling",
        revisions=ALL,
        pending=_LOGGING,
    ),
    Requirement(
        id="MCP-LOG-03",
        text="Log messages hold no secret and no personal data.",
        source="MCP 2026-07-28 server/utilities/logging#security",
        revisions=ALL,
        pending=_LOGGING,
    ),
    Requirement(
        id="MCP-LOG-04",
        text="`logging/setLevel` sets the least level of the session's log messages.",
        source="MCP 2025-11-25 server/utilities/logging#setting-log-level",
        revisions=LEGACY,
        pending=_LOGGING,
    ),
    Requirement(
        id="MCP-LOG-05",
        text="Logging is declared as a capability where it is served.",
        source="MCP 2026-07-28 server/utilities/logging#capabilities",
        revisions=ALL,
        pending=_LOGGING,
    ),
)
