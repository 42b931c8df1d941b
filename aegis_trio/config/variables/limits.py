"""Variables about limits: how much a key, a person, an address or all of them together may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aegis_trio.config.limit_parsing import parse_limit_names, parse_rate_classes, parse_tool_limits
from aegis_trio.config.parsing import whole_number
from aegis_trio.config.variable import Feature, Variable
from aegis_trio.model.kept import KEPT_MAX_BYTES
from aegis_trio.policy.quotas import LimitName

_MANY: Final = 1_000_000  # a bound for numbers that have no better one

MAX_CONCURRENT_CALLS: Final = Variable[int](
    name="MAX_CONCURRENT_CALLS",
    feature=Feature.LIMITS,
    parse=whole_number(0, _MANY, such_as=32),
    default=32,
    default_text="32",
    meaning="Calls of one key or person that run at the same time; 0 is off.",
)
CALLS_PER_MINUTE: Final = Variable[int](
    name="CALLS_PER_MINUTE",
    feature=Feature.LIMITS,
    parse=whole_number(0, _MANY, such_as=1200),
    default=1200,
    default_text="1200",
    meaning="What one key or person may call in a minute: a cheap tool counts 1, one that starts git 2, one that walks "
    "a history or tree 5. All of it may come at once, then it comes back evenly. 0 is off.",
)
RATE_CLASSES: Final = Variable[Mapping[str, int]](
    name="RATE_CLASSES",
    feature=Feature.LIMITS,
    parse=parse_rate_classes,
    default=MappingProxyType({}),
    default_text="",
    meaning="CALLS_PER_MINUTE for keys of a class (`keygen --rate-class`), as `<class>=<calls>` with commas between, "
    "such as `ci=6000,guest=60`. A class that is not named here has the usual limit.",
)
CLIENT_CALLS_PER_MINUTE: Final = Variable[int](
    name="CLIENT_CALLS_PER_MINUTE",
    feature=Feature.LIMITS,
    parse=whole_number(0, _MANY, such_as=600),
    default=0,
    default_text="0",
    meaning="The same for each client of a key or person, so that one assistant leaves something for the others. 0 is "
    "off.",
)
TOOL_CALLS_PER_MINUTE: Final = Variable[Mapping[str, int]](
    name="TOOL_CALLS_PER_MINUTE",
    feature=Feature.LIMITS,
    parse=parse_tool_limits,
    default=MappingProxyType({}),
    default_text="",
    meaning="Calls of single tools that one key or person may make in a minute, as `<tool>=<calls>` with commas "
    "between, such as `get_file_tree=60`.",
)
REPOSITORY_WRITES_PER_DAY: Final = Variable[int](
    name="REPOSITORY_WRITES_PER_DAY",
    feature=Feature.LIMITS,
    parse=whole_number(0, _MANY, such_as=500),
    default=500,
    default_text="500",
    meaning="Calls that write to one repository in a day, whoever makes them; without effect while nothing can be "
    "written. 0 is off.",
)
KEPT_RESULTS_MAX_BYTES: Final = Variable[int](
    name="KEPT_RESULTS_MAX_BYTES",
    feature=Feature.LIMITS,
    parse=whole_number(0, 4 * 1024**3, such_as=KEPT_MAX_BYTES),
    default=KEPT_MAX_BYTES,
    default_text=str(KEPT_MAX_BYTES),
    meaning="Memory for answers that are longer than one reply and wait 15 minutes to be read on with "
    "`continue_result`: a key or person may have a fourth of it, one answer an eighth. 0 keeps none: such answers are "
    "refused.",
)
ADDRESS_REQUESTS_PER_MINUTE: Final = Variable[int](
    name="ADDRESS_REQUESTS_PER_MINUTE",
    feature=Feature.LIMITS,
    parse=whole_number(0, _MANY, such_as=600),
    default=600,
    default_text="600",
    meaning="Requests without a valid credential from one address (IPv6: one /64) in a minute; valid ones never count. "
    "0 is off.",
)
LIMITS_SHADOW: Final = Variable[frozenset[LimitName]](
    name="LIMITS_SHADOW",
    feature=Feature.LIMITS,
    parse=parse_limit_names,
    default=frozenset(),
    default_text="",
    meaning="Limits that are only tried: what they would refuse is counted and logged, and let through. `all`, or some "
    "of principal, client, tool, repository, concurrency and address, with commas between.",
)
VARIABLES: Final[tuple[Variable[object], ...]] = (
    MAX_CONCURRENT_CALLS,
    CALLS_PER_MINUTE,
    RATE_CLASSES,
    CLIENT_CALLS_PER_MINUTE,
    TOOL_CALLS_PER_MINUTE,
    REPOSITORY_WRITES_PER_DAY,
    KEPT_RESULTS_MAX_BYTES,
    ADDRESS_REQUESTS_PER_MINUTE,
    LIMITS_SHADOW,
)
