"""Finds every sentence for users in the source: in templates `_()` and `_n()`, in Python also errors and N_().

What the relay answers to client libraries is not among them: its refusals are its own, for programmers.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from meetings import errors
from meetings.config import PROJECT_ROOT

MARKS = {"_", "_n", "N_", "gettext", "ngettext"}
REFUSALS = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.MeetingsError) and value is not errors.MeetingsError
}
BRACES = re.compile(r"\{(\w*)[^}]*\}")


def of_python(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and _is_refusal(node)}
    marks = MARKS | (REFUSALS - _namesakes(tree)) | own | ({"text"} if _takes_text(tree) else set())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and _name(node.func) in marks:
            yield from _literals(node.args[0])


def _takes_text(tree: ast.Module) -> bool:
    """Whether `text` is ours here, and not SQLAlchemy's."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "meetings.errors"]
    return any(alias.name == "text" and alias.asname is None for node in imports for alias in node.names)


def _namesakes(tree: ast.Module) -> set[str]:
    """What is called like a refusal here and comes from elsewhere."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "meetings.errors"]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def _is_refusal(node: ast.ClassDef) -> bool:
    return any(_name(base) in REFUSALS | {"MeetingsError"} for base in node.bases)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _literals(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(words)):
            yield words
        case ast.IfExp(body=first, orelse=second):
            yield from _literals(first)
            yield from _literals(second)


def of_template(path: Path) -> Iterator[str]:
    tree = Environment(extensions=["jinja2.ext.do"]).parse(path.read_text())
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in MARKS and call.args:
            yield from (const.value for const in _constants(call.args[0]))


def _constants(node: nodes.Node) -> Iterator[nodes.Const]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node
    elif isinstance(node, nodes.CondExpr):
        yield from _constants(node.expr1)
        if node.expr2 is not None:
            yield from _constants(node.expr2)


def all_sentences() -> dict[str, str]:
    """Each sentence and the file where it stands."""
    found: dict[str, str] = {}
    places = [(path, of_python) for path in sorted((PROJECT_ROOT / "meetings").rglob("*.py"))]
    places += [(path, of_template) for path in sorted((PROJECT_ROOT / "web" / "templates").rglob("*.html"))]
    for path, read in places:
        for words in read(path):
            found.setdefault(words, str(path.relative_to(PROJECT_ROOT)))
    return found


def catalogue(locale: str = "en") -> dict[str, list[str]]:
    """Every translated sentence of a language, with its forms, from all features' files."""
    found: dict[str, list[str]] = {}
    for path in sorted((PROJECT_ROOT / "web" / "locale" / locale).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=locale):
                if message.id and not message.fuzzy:
                    key = message.id if isinstance(message.id, str) else message.id[0]
                    forms = message.string if isinstance(message.string, list | tuple) else [message.string]
                    found[key] = [str(form) for form in forms]
    return found


def placeholders(sentence: str) -> set[str]:
    return set(BRACES.findall(sentence))
