"""Rows of questions to the client: multi-round-trip requests, and elicitation.

Source: MCP 2026-07-28 basic/patterns/mrtr, client/elicitation; MCP 2025-11-25 client/elicitation.
"""

from __future__ import annotations

from typing import Final

from tests.protocol.requirements.requirement import ALL, MODERN, Requirement, at

_PAGE: Final = "MCP 2026-07-28 basic/patterns/mrtr"
_FORMS: Final = "MCP 2026-07-28 client/elicitation"

ROWS: Final = (
    Requirement(
        id="MCP-MRTR-01",
        text="Only `tools/call`, `prompts/get` and `resources/read` are answered with `input_required`.",
        source=f"{_PAGE}#supported-requests",
        revisions=MODERN,
        tests=at(
            "transports/test_rounds.py",
            "test_a_call_ends_with_its_question_and_is_made_again_with_the_answer",
            "test_prompts_and_resources_may_ask_too",
            "test_nothing_else_may_ask",
        ),
    ),
    Requirement(
        id="MCP-MRTR-02",
        text="A result that asks holds input requests, a request state, or both.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        tests=at("transports/test_rounds.py", "test_a_call_ends_with_its_question_and_is_made_again_with_the_answer"),
    ),
    Requirement(
        id="MCP-MRTR-03",
        text="A retry under a new id with the responses and the exact state goes on where the first request stopped.",
        source=f"{_PAGE}#basic-workflow",
        revisions=MODERN,
        tests=at(
            "transports/test_rounds.py",
            "test_a_call_ends_with_its_question_and_is_made_again_with_the_answer",
            "test_a_call_may_take_several_rounds",
        )
        + at("protocol/test_request_state.py", "test_a_state_comes_back_exactly")
        + at("transports/test_websocket.py", "test_a_modern_question_ends_the_round"),
    ),
    Requirement(
        id="MCP-MRTR-04",
        text="A request state of which a byte was changed is refused.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        tests=at("transports/test_rounds.py", "test_a_state_of_somebody_elses_making_is_refused")
        + at(
            "protocol/test_request_state.py",
            "test_a_state_with_any_bit_flipped_is_none",
            "test_any_text_that_we_did_not_seal_is_none",
        ),
    ),
    Requirement(
        id="MCP-MRTR-05",
        text="A request state is good for its principal, its method and its parameters only, and for a short time.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        tests=at("transports/test_rounds.py", "test_a_state_is_of_one_caller_one_request_and_ten_minutes")
        + at(
            "protocol/test_request_state.py",
            "test_a_state_opens_for_its_own_arguments_alone",
            "test_another_context_gets_nothing",
            "test_a_state_lives_for_its_time",
        ),
    ),
    Requirement(
        id="MCP-MRTR-06",
        text="A confirmation of something that cannot be undone is used once.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        tests=at("transports/test_rounds.py", "test_a_confirmation_is_used_once_where_something_is_changed")
        + at(
            "protocol/test_spent_states.py",
            "test_a_state_is_spent_once",
            "test_a_restart_does_not_make_a_used_state_new",
        ),
    ),
    Requirement(
        id="MCP-MRTR-07",
        text="A client is asked only what this request says that it can answer; `elicitation: {}` is forms alone.",
        source=f"{_PAGE}#server-requirements-basic-workflow",
        revisions=MODERN,
        tests=at("transports/test_rounds.py", "test_a_client_is_asked_only_what_this_request_declares")
        + at("protocol/test_answers.py", "test_what_is_needed_is_what_was_not_declared"),
    ),
    Requirement(
        id="MCP-MRTR-08",
        text="Missing or wrong responses are asked for again.",
        source=f"{_PAGE}#error-handling",
        revisions=MODERN,
        tests=at(
            "transports/test_rounds.py",
            "test_what_is_no_answer_is_asked_again",
            "test_several_questions_are_asked_at_once_and_may_be_answered_in_parts",
        ),
    ),
    Requirement(
        id="MCP-MRTR-09",
        text="Responses to questions that were not asked are ignored.",
        source=f"{_PAGE}#error-handling",
        revisions=MODERN,
        tests=at(
            "transports/test_rounds.py",
            "test_what_is_no_answer_is_asked_again",
            "test_a_call_may_take_several_rounds",
            "test_answers_without_a_state_are_answers_to_nothing",
        ),
    ),
    Requirement(
        id="MCP-MRTR-10",
        text="A result that asks is never cacheable.",
        source="MCP 2026-07-28 server/utilities/caching#cacheable-results",
        revisions=MODERN,
        tests=at("transports/test_rounds.py", "test_a_call_ends_with_its_question_and_is_made_again_with_the_answer"),
    ),
    Requirement(
        id="MCP-ELIC-01",
        text="A form asks for no secret, and its schema is one flat object of primitive members.",
        source=f"{_FORMS}#requested-schema",
        revisions=ALL[2:],
        tests=at("protocol/test_answers.py", "test_a_form_is_one_flat_object", "test_a_form_asks_for_no_secret")
        + at("transports/test_rounds.py", "test_what_must_not_be_asked_reaches_nobody"),
    ),
    Requirement(
        id="MCP-ELIC-02",
        text="Nothing is asked by an address, so none carries personal data or a way in.",
        source=f"{_FORMS}#safe-url-handling",
        revisions=ALL[3:],
        tests=at("protocol/test_answers.py", "test_nothing_is_asked_by_an_address")
        + at("transports/test_rounds.py", "test_what_must_not_be_asked_reaches_nobody"),
    ),
    Requirement(
        id="MCP-ELIC-03",
        text="Nothing is asked by an address, so nobody is sent to one that another person's request made.",
        source=f"{_FORMS}#phishing",
        revisions=ALL[3:],
        tests=at("protocol/test_answers.py", "test_nothing_is_asked_by_an_address")
        + at("transports/test_rounds.py", "test_what_must_not_be_asked_reaches_nobody"),
    ),
    Requirement(
        id="MCP-ELIC-04",
        text="Nothing is asked by an address, so none authorizes anybody to this server.",
        source=f"{_FORMS}#url-mode-elicitation-for-oauth-flows",
        revisions=ALL[3:],
        tests=at("protocol/test_answers.py", "test_nothing_is_asked_by_an_address")
        + at("transports/test_rounds.py", "test_what_must_not_be_asked_reaches_nobody"),
    ),
    Requirement(
        id="MCP-ELIC-05",
        text="What destroys at Gitea waits for a confirmation that no argument of the model can give.",
        source=f"{_FORMS}#user-interaction-model",
        revisions=ALL,
        tests=at("protocol/test_promises.py", "test_everything_that_is_served_only_reads")
        + at(
            "transports/test_rounds.py",
            "test_answers_without_a_state_are_answers_to_nothing",
            "test_a_confirmation_is_used_once_where_something_is_changed",
        ),
    ),
    Requirement(
        id="MCP-ELIC-06",
        text="A declined or cancelled question is told to the call as it is: not asked again, and no yes.",
        source=f"{_FORMS}#response-actions",
        revisions=ALL[2:],
        tests=at("transports/test_dialogue.py", "test_a_person_may_say_no", "test_the_first_answer_counts")
        + at("transports/test_rounds.py", "test_whoever_says_no_is_not_asked_again")
        + at("protocol/test_answers.py", "test_whoever_declines_fills_in_nothing"),
    ),
)
