"""Fails when a file uses what the oldest Python does not have: check_floor.py FOLDER; prints how many files it read.

The grammar is checked by the compiler itself; of the library, the names are listed that are newer and tempting.
"""

import ast
import pathlib
import sys

FLOOR = (3, 9)

#: Attributes and imports that came after the floor, with the version that brought them.
NEWER = {
    "aclosing": "3.10",
    "anext": "3.10",
    "batched": "3.12",
    "bit_count": "3.10",
    "chdir": "3.11",
    "EncodingWarning": "3.10",
    "ExceptionGroup": "3.11",
    "file_digest": "3.11",
    "get_annotations": "3.10",
    "orig_argv": "3.10",
    "override": "3.12",
    "pairwise": "3.10",
    "ParamSpec": "3.10",
    "process_cpu_count": "3.13",
    "process_group": "3.11",
    "reveal_type": "3.11",
    "root_dir": "3.10",
    "Self": "3.11",
    "StrEnum": "3.11",
    "TaskGroup": "3.11",
    "timeout_at": "3.11",
    "tomllib": "3.11",
    "TypeAlias": "3.10",
    "TypeGuard": "3.10",
    "walk_up": "3.12",
}
#: Keyword arguments that came after the floor.
NEWER_KEYWORDS = {"strict": "3.10 (zip)", "process_group": "3.11", "slots": "3.10", "kw_only": "3.10"}


def problems(path):
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source, str(path), feature_version=FLOOR)
    postponed = any(isinstance(n, ast.ImportFrom) and n.module == "__future__" for n in tree.body)
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.Name):
            names = [node.id]
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
        elif isinstance(node, ast.Call):
            for keyword in node.keywords:
                if keyword.arg in NEWER_KEYWORDS:
                    yield node.lineno, "%s= is from Python %s" % (keyword.arg, NEWER_KEYWORDS[keyword.arg])
        elif isinstance(node, ast.Match if hasattr(ast, "Match") else ()):
            yield node.lineno, "match is from Python 3.10"
        elif isinstance(node, (ast.FunctionDef, ast.AnnAssign)) and not postponed:
            for annotation in annotations_of(node):
                if any(isinstance(part, ast.BinOp) for part in ast.walk(annotation)):
                    yield node.lineno, "X | Y in an annotation is from Python 3.10"
        for name in names:
            if name in NEWER:
                yield node.lineno, "%s is from Python %s" % (name, NEWER[name])


def annotations_of(node):
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [a for a in [*(argument.annotation for argument in arguments), node.returns] if a is not None]


def main(folder):
    files = sorted(pathlib.Path(folder).rglob("*.py"))
    found = ["%s:%d: %s" % (path.name, line, text) for path in files for line, text in problems(path)]
    print("\n".join(found) or "%d files" % len(files))
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
