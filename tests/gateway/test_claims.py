"""What a call claims of the limits is the gate's word, not the client's."""

from __future__ import annotations

from dataclasses import replace

from aegis_trio.gateway.claims import claim_of
from aegis_trio.limits.calls import Claim
from aegis_trio.model.call import ToolRequest, Transport
from aegis_trio.model.identity import DEFAULT_INSTANCE, Caller, Origin, Principal, PrincipalId, PrincipalKind
from aegis_trio.model.secret import Secret
from aegis_trio.model.toolspec import CostClass, Risk
from aegis_trio.toolsets.catalogue import CATALOGUE

SPEC = next(spec for spec in CATALOGUE.tools if spec.name == "get_file_contents")
PLACES = {"owner": "Acme", "repo": "Backend", "path": "README.md"}


def _caller(grant: str | None = None) -> Caller:
    principal = Principal(
        id=PrincipalId("person:7"),
        kind=PrincipalKind.PERSON,
        instance=DEFAULT_INSTANCE,
        scopes=frozenset(),
        grant=grant,
    )
    return Caller(principal=principal, gitea_token=Secret("t" * 40), origin=Origin(address="192.0.2.1"))


def _request(client: str | None = None) -> ToolRequest:
    return ToolRequest(tool=SPEC.name, raw_arguments={}, transport=Transport.STREAMABLE_HTTP, client=client)


def test_a_call_that_reads_claims_no_repository() -> None:
    """Reading changes nothing, so the day's writes are not touched."""
    expected = Claim(principal_id=PrincipalId("person:7"), cost=SPEC.cost, tool="get_file_contents")
    assert expected == claim_of(_caller(), _request(), SPEC, PLACES)


def test_a_call_that_writes_claims_its_repository_in_one_spelling() -> None:
    """Gitea finds `Acme/Backend` as `acme/backend`; another spelling must not be another day's quota."""
    writer = replace(SPEC, risk=Risk.WRITE, cost=CostClass.HEAVY)
    other = {"owner": "ACME", "repo": "backend", "path": "x"}
    assert "main/acme/backend" == claim_of(_caller(), _request(), writer, PLACES).writes_to
    assert "main/acme/backend" == claim_of(_caller(), _request(), writer, other).writes_to
    assert None is claim_of(_caller(), _request(), writer, {"owner": "acme"}).writes_to


def test_a_grant_is_a_client_whatever_the_client_calls_itself() -> None:
    """The grant is the gate's own word; a name is the client's, and is bounded."""
    assert "g1" == claim_of(_caller("g1"), _request("liar/1.0"), SPEC, {}).client
    assert "cursor/1.0" == claim_of(_caller(), _request("cursor/1.0"), SPEC, {}).client
    assert 64 == len(claim_of(_caller(), _request("x" * 5000), SPEC, {}).client or "")
