"""Rows of tools: the list, a tool's definition, a call and its result.

Source: MCP 2026-07-28 server/tools.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, LEGACY, Requirement, at

_PAGE: Final = "MCP 2026-07-28 server/tools"
_EVERY_TOOL: Final = "toolsets/test_every_tool.py"
_STATELESS: Final = "transports/test_streamable_http_stateless.py"

ROWS: Final = (
    Requirement(
        id="MCP-TOOL-01",
        text="The list of tools follows the schema of its revision.",
        source=f"{_PAGE}#listing-tools",
        revisions=ALL,
        tests=at("protocol/test_results.py", "test_a_tool_list_follows_the_schema"),
    ),
    Requirement(
        id="MCP-TOOL-02",
        text="The list varies by the caller's rights and by nothing else, least of all by connection.",
        source=f"{_PAGE}#capabilities",
        revisions=ALL,
        tests=at("transports/test_modern_wire.py", "test_the_list_of_tools_is_the_same_on_every_connection")
        + at("gateway/test_gateway.py", "test_only_open_tools_are_listed")
        + at(_STATELESS, "test_tools_are_listed_as_the_caller_may_use_them")
        + at("transports/test_streamable_http_sessions.py", "test_tools_are_listed_as_the_caller_may_use_them"),
    ),
    Requirement(
        id="MCP-TOOL-03",
        text="Tools are listed in one order that a review must change.",
        source=f"{_PAGE}#capabilities",
        revisions=ALL,
        tests=at(_EVERY_TOOL, "test_an_entry_is_as_it_was_committed"),
    ),
    Requirement(
        id="MCP-TOOL-04",
        text="A name has at most 48 of the characters that every client takes, and is nobody else's.",
        source=f"{_PAGE}#tool-names",
        revisions=ALL,
        tests=at(_EVERY_TOOL, "test_a_name_is_one_that_every_client_takes", "test_no_two_tools_have_one_name"),
    ),
    Requirement(
        id="MCP-TOOL-05",
        text="An input schema is an object of JSON Schema 2020-12 without references or combinations.",
        source="MCP 2026-07-28 basic/index#ref-resolution",
        revisions=ALL,
        tests=at(_EVERY_TOOL, "test_a_schema_is_one_that_every_client_reads"),
    ),
    Requirement(
        id="MCP-TOOL-06",
        text="All four hints and the title are explicit.",
        source="MCP 2026-07-28 schema#toolannotations",
        revisions=ALL,
        tests=at(_EVERY_TOOL, "test_all_four_hints_are_explicit")
        + at("gateway/test_render.py", "test_every_tool_states_all_four_hints")
        + at("model/test_words.py", "test_a_tools_hints_follow_from_its_risk"),
    ),
    Requirement(
        id="MCP-TOOL-07",
        text="Icons have addresses of `https:` or `data:` only.",
        source="MCP 2026-07-28 basic/index#icons",
        revisions=ALL,
        tests=at("protocol/test_promises.py", "test_icons_are_fetched_by_https_or_are_data"),
    ),
    Requirement(
        id="MCP-TOOL-08",
        text="Arguments are validated against the schema before anything happens.",
        source=f"{_PAGE}#security-considerations",
        revisions=ALL,
        tests=at(_EVERY_TOOL, "test_schema_and_validation_agree")
        + at("gateway/test_gateway.py", "test_a_wrong_argument_comes_with_an_example"),
    ),
    Requirement(
        id="MCP-TOOL-09",
        text="A call without arguments has none.",
        source=f"{_PAGE}#calling-tools",
        revisions=ALL,
        tests=at("protocol/test_dispatch.py", "test_a_call_without_arguments_has_none"),
    ),
    Requirement(
        id="MCP-TOOL-10",
        text="Calls need the caller's rights, are bounded in number, and leave a record.",
        source=f"{_PAGE}#security-considerations",
        revisions=ALL,
        tests=at(
            "gateway/test_gateway.py",
            "test_every_refusal_is_recorded_with_its_reason",
            "test_one_call_too_many_at_once_is_refused",
            "test_a_call_leaves_an_intent_and_an_outcome",
        ),
    ),
    Requirement(
        id="MCP-TOOL-11",
        text="What is shown of Gitea's texts is cleaned of what is hidden.",
        source=f"{_PAGE}#security-considerations",
        revisions=ALL,
        tests=at("policy/test_untrusted.py", "test_a_smuggled_sentence_disappears")
        + at("toolsets/test_tools_on_canned.py", "test_a_description_is_shown_without_what_is_hidden"),
    ),
    Requirement(
        id="MCP-TOOL-12",
        text="A result follows the schema of its revision.",
        source=f"{_PAGE}#tool-result",
        revisions=ALL,
        tests=at("protocol/test_results.py", "test_a_call_result_follows_the_schema"),
    ),
    Requirement(
        id="MCP-TOOL-13",
        text="Structured content is an object, and the same JSON stands in one text block.",
        source=f"{_PAGE}#structured-content",
        revisions=ALL,
        tests=at("gateway/test_render.py", "test_a_success_stands_twice_and_both_agree")
        + at("e2e/test_clients.py", "test_the_official_client_speaks_both_eras"),
    ),
    Requirement(
        id="MCP-TOOL-14",
        text="What a tool answers is what its output schema promises.",
        source=f"{_PAGE}#output-schema",
        revisions=ALL[2:],
        tests=at("toolsets/test_every_feature.py", "test_a_reply_is_what_its_output_schema_says"),
    ),
    Requirement(
        id="MCP-TOOL-15",
        text="A tool that ran too long ends its call with words.",
        source=f"{_PAGE}#security-considerations",
        revisions=ALL,
        tests=at("gateway/test_gateway.py", "test_a_deadline_ends_the_call_and_says_after_how_long"),
    ),
    Requirement(
        id="MCP-TOOL-16",
        text="A reply is never cut silently: one above the bound is kept and continued, or is a fault that says so.",
        source=f"{_PAGE}#tool-result",
        revisions=ALL,
        tests=(
            *at("gateway/test_gateway.py", "test_blocks_above_the_bound_are_a_fault_and_never_cut"),
            *at("gateway/test_keeping.py", "test_following_the_continuations_gives_back_the_whole"),
        ),
    ),
    Requirement(
        id="MCP-TOOL-17",
        text="A legacy result carries nothing that only the modern era has.",
        source="MCP 2026-07-28 basic/index#resulttype",
        revisions=LEGACY,
        tests=at("protocol/test_results.py", "test_a_legacy_result_carries_nothing_modern"),
    ),
)
