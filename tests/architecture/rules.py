"""The rules of the house that no other checker knows, as functions from one room's source to its findings.

Each takes a parsed room and returns sentences; `test_rules.py` shows every rule a violation, `test_house.py` shows it
the package. A rule has its exceptions beside it, each with the reason.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MAX_LINES: Final = 320  # "about 300", with room for the line that is needed today
NAMELESS: Final = ("utils", "util", "helpers", "helper", "common", "manager", "misc")
CLOCK: Final = "aegis_trio.model.clock"
TIME_OF_DAY: Final = frozenset(
    {
        "time.time",
        "time.time_ns",
        "time.clock_gettime",
        "time.clock_gettime_ns",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
    }
)

# Where a fault of any kind may be caught, by the name of the function: its callers rely on it to contain.
CONTAINERS: Final = frozenset({"contained", "_contained"})
# The process's own edge: every exception that gets there becomes an exit code.
PROCESS_EDGES: Final = frozenset({"aegis_trio.__main__", "aegis_trio.cli.demo", "aegis_trio.cli.serve"})

# Nurseries that outlive a function: the hub's, in which sessions live longer than a request, and that of a response
# body which is itself the session. Nothing else may hand its children to somebody else.
# `open_connection` (console) lends its own to trio-websocket, whose reader ends with it: the library has no other way
# to take a stream that we made, and does not close one that it made.
NURSERY_KEEPERS: Final = frozenset({"Hub", "SessionHub", "SessionBody", "open_connection"})

# Rooms that open files: each opens what the operator named, or what it named itself, never what a client did.
FILE_OPENERS: Final = {
    "aegis_trio.audit": "the log and its folder (AUDIT_LOG_PATH)",
    "aegis_trio.auth": "files of keys and tokens that the operator names",
    "aegis_trio.cli": "commands act on the operator's files",
    "aegis_trio.config": ".env and X_FILE",
    "aegis_trio.store": "the store and its folder (STORE_PATH)",
    "aegis_trio.toolsets.operations.table": "the table of operations, which stands in the package beside it",
    "aegis_trio.demo_forge": "its own world, and the folder given by --state",
}
_OPENING_FUNCTIONS: Final = frozenset(
    {
        *("open", "io.open", "io.FileIO", "trio.open_file", "sqlite3.connect"),
        *("os.open", "os.remove", "os.unlink", "os.rename", "os.replace", "os.mkdir", "os.makedirs", "os.rmdir"),
        *("os.listdir", "os.scandir", "os.walk", "os.stat", "os.link", "os.symlink", "os.truncate", "os.chmod"),
    }
)
_OPENING_MODULES: Final = ("shutil.", "tempfile.", "dbm.", "shelve.", "zipfile.", "tarfile.")
_OPENING_METHODS: Final = frozenset(
    {
        *("read_text", "read_bytes", "write_text", "write_bytes", "open", "unlink", "mkdir", "rmdir"),
        *("symlink_to", "hardlink_to", "iterdir", "rglob"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One module, read and parsed."""

    name: str
    text: str
    tree: ast.Module
    imports: dict[str, str]

    @property
    def docstring(self) -> str:
        """What the room says about itself."""
        return ast.get_docstring(self.tree) or ""


def parse_room(name: str, text: str) -> Room:
    """Make a room of *text*."""
    tree = ast.parse(text)
    return Room(name=name, text=text, tree=tree, imports=_imports(tree))


def read_rooms(package: Path) -> Iterator[Room]:
    """Read every room of *package*."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield parse_room(".".join(part for part in parts if part != "__init__"), path.read_text(encoding="utf-8"))


def is_described(room: Room) -> list[str]:
    """A room says what it is; an empty `__init__.py` has nothing to say."""
    return [] if room.docstring or not room.text.strip() else ["has no docstring"]


def is_small(room: Room) -> list[str]:
    """A bigger room is usually two, or says after `Room:` why it is one."""
    lines = len(room.text.splitlines())
    if lines <= MAX_LINES or "Room:" in room.docstring:
        return []
    return [
        f"has {lines} lines, more than {MAX_LINES}: make two rooms, or give the reason after `Room:` in its docstring"
    ]


def is_named(room: Room) -> list[str]:
    """A name says what is inside, which these words do not."""
    words = re.split(r"[._]", room.name)
    return [f"is called {word!r}, which tells nothing" for word in NAMELESS if word in words]


def asks_the_clock(room: Room) -> list[str]:
    """The time of day comes from the clock that was handed in, so that a test can set it."""
    if room.name == CLOCK:
        return []
    return [
        f"line {node.lineno}: uses {meaning}; take a WallClock instead"
        for node in ast.walk(room.tree)
        if isinstance(node, ast.Attribute | ast.Name) and (meaning := _meaning(room, node)) in TIME_OF_DAY
    ]


def contains_only_where_named(room: Room) -> list[str]:
    """Only a function called `contained` may catch everything; elsewhere a bug must be seen."""
    if room.name in PROCESS_EDGES:
        return []
    return [
        f"line {handler.lineno}: catches everything outside a function called `contained`"
        for functions, handler in _with_functions(room.tree)
        if isinstance(handler, ast.ExceptHandler) and _catches_everything(handler) and not CONTAINERS & set(functions)
    ]


def keeps_nurseries_local(room: Room) -> list[str]:
    """Who holds a nursery decides over the life of tasks that are not his: nurseries are neither kept nor passed."""
    findings: list[str] = []
    for names, node in _with_functions(room.tree):
        if NURSERY_KEEPERS & set(names):
            continue
        findings.extend(f"line {line}: {what}" for line, what in _nursery_leaks(node))
    return findings


def opens_only_its_own(room: Room) -> list[str]:
    """Files are opened in few rooms, and nowhere by a name that came from outside."""
    allowed = any(room.name == opener or room.name.startswith(f"{opener}.") for opener in FILE_OPENERS)
    findings: list[str] = []
    for node in ast.walk(room.tree):
        if not isinstance(node, ast.Call) or not (what := _opening(room, node)):
            continue
        if not allowed:
            findings.append(f"line {node.lineno}: {what} in a room that opens no files")
        named = sorted(
            {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and part.id.startswith("raw_")}
        )
        if named:
            findings.append(f"line {node.lineno}: {what} with {', '.join(named)}, which came from outside")
    return findings


RULES: Final[tuple[Callable[[Room], list[str]], ...]] = (
    is_described,
    is_small,
    is_named,
    asks_the_clock,
    contains_only_where_named,
    keeps_nurseries_local,
    opens_only_its_own,
)


def _imports(tree: ast.Module) -> dict[str, str]:
    """Return local name → what it stands for, for every import at any depth."""
    meanings: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                meanings[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                meanings[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return meanings


def _meaning(room: Room, node: ast.expr) -> str:
    """Spell a dotted expression with its imports resolved: `dt.now` after `from datetime import datetime as dt`."""
    if isinstance(node, ast.Name):
        return room.imports.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_meaning(room, node.value)}.{node.attr}"
    return "?"


def _opening(room: Room, call: ast.Call) -> str | None:
    meaning = _meaning(room, call.func)
    if meaning == "tarfile.open" and not call.args and any(given.arg == "fileobj" for given in call.keywords):
        return None  # it reads a stream that is given
    if meaning in _OPENING_FUNCTIONS or meaning.startswith(_OPENING_MODULES):
        return f"calls {meaning}"
    if isinstance(call.func, ast.Attribute) and call.func.attr in _OPENING_METHODS:
        return f"calls .{call.func.attr}"
    return None


def _catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in _EVERYTHING) for kind in kinds)


_EVERYTHING: Final = frozenset({"Exception", "BaseException"})


def _with_functions(tree: ast.AST, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], ast.AST]]:
    """Walk *tree*, giving with each node the names of the functions and classes around it."""
    for node in ast.iter_child_nodes(tree):
        inner = names
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = (*names, node.name)
        yield inner, node
        yield from _with_functions(node, inner)


def _nursery_leaks(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        kept = any(isinstance(target, ast.Attribute) for target in targets)
        if kept and isinstance(node.value, ast.Name) and "nursery" in node.value.id:
            yield node.lineno, "keeps a nursery in an attribute"
        if isinstance(node, ast.AnnAssign) and _is_nursery_type(node.annotation):
            yield node.lineno, "declares a nursery as an attribute"
    elif isinstance(node, ast.arg) and (node.arg.endswith("nursery") or _is_nursery_type(node.annotation)):
        yield node.lineno, f"takes a nursery as argument {node.arg!r}"
    elif isinstance(node, ast.Call):
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        if any(isinstance(value, ast.Name) and value.id.endswith("nursery") for value in values):
            yield node.lineno, "passes a nursery on"


def _is_nursery_type(annotation: ast.expr | None) -> bool:
    return annotation is not None and "Nursery" in ast.unparse(annotation)
