"""The messages as TypeScript: `python -m pellucid.studio.typescript FILE` writes the page's copy."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path

from pellucid.studio.messages import arithmetic, export, maps, models, questions, training

MODULES = (models, maps, arithmetic, questions, training, export)
NAMES = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "None": "null"}
HEADER = "// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.\n"


def typescript() -> str:
    """All messages, in the order of their modules."""
    written = [HEADER]
    statements = [statement for module in MODULES for statement in ast.parse(inspect.getsource(module)).body]
    for statement in statements:
        if isinstance(statement, ast.ClassDef):
            written.append(_interface(statement))
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            written.append(f"export type {statement.targets[0].id} = {_type(statement.value)};\n")
    return "\n".join(written)


def _interface(statement: ast.ClassDef) -> str:
    words = ast.get_docstring(statement) or ""
    comment = "\n".join(f" * {line}".rstrip() for line in words.splitlines())
    fields = [
        _field(field.target.id, field.annotation)
        for field in statement.body
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
    ]
    return "\n".join(["/**", comment, " */", f"export interface {statement.name} {{", *fields, "}\n"])


def _field(name: str, annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "NotRequired":
        return f"  {name}?: {_type(annotation.slice)};"
    return f"  {name}: {_type(annotation)};"


def _type(annotation: ast.expr) -> str:
    """One annotation; a kind that the messages do not use is an error rather than `unknown`."""
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            written = f"{_type(left)} | {_type(right)}"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=options)):
            written = " | ".join(ast.unparse(option).replace("'", '"') for option in options)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            inner = _type(item)
            written = f"({inner})[]" if " | " in inner else f"{inner}[]"
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=items)):
            written = f"[{', '.join(_type(item) for item in items)}]"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, value])):
            written = f"Record<string, {_type(value)}>"
        case ast.Constant(value=None):
            written = "null"
        case ast.Name(id=name):
            written = NAMES.get(name, name)
        case _:
            raise TypeError(
                f"a message's type is one that TypeScript has, received {ast.unparse(annotation)}"
            )
    return written


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(typescript(), encoding="utf-8")
