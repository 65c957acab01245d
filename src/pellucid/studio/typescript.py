"""The messages as TypeScript: `python -m pellucid.studio.typescript FOLDER` writes the page's copy."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from types import ModuleType

from pellucid.studio.messages import arithmetic, export, maps, models, notebook, questions, training

MODULES = (models, maps, arithmetic, questions, training, export, notebook)
PACKAGE = "pellucid.studio.messages."
NAMES = {"str": "string", "int": "number", "float": "number", "bool": "boolean", "None": "null"}
HEADER = "// Written by pellucid.studio.typescript from src/pellucid/studio/messages/.\n"


def typescript() -> dict[str, str]:
    """The page's files by name: one for each module of messages, and one that exports them all."""
    names = [_short(module) for module in MODULES]
    index = "".join(f'export type * from "./{name}";\n' for name in names)
    return {**{f"{_short(m)}.ts": _module(m) for m in MODULES}, "index.ts": f"{HEADER}{index}"}


def _short(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _module(module: ModuleType) -> str:
    """One module's messages in their order, behind what it takes from others."""
    imported, written = [], []
    for statement in ast.parse(inspect.getsource(module)).body:
        if isinstance(statement, ast.ClassDef):
            written.append(_interface(statement))
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            written.append(f"export type {statement.targets[0].id} = {_type(statement.value)};\n")
        elif isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(PACKAGE):
            names = ", ".join(alias.name for alias in statement.names)
            source = (statement.module or "").rpartition(".")[2]
            imported.append(f'import type {{ {names} }} from "./{source}";\n')
    return "\n".join([HEADER + "".join(imported), *written])


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
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in typescript().items():
        (folder / name).write_text(text, encoding="utf-8")
