"""Small changes of a module: a condition turned round, a comparison flipped, a call or a yield
left out, a result lost. One is made in the memory of this process; the file stays as it is."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

PAIRS = [("Eq", "NotEq"), ("Is", "IsNot"), ("In", "NotIn"), ("Lt", "LtE"), ("Gt", "GtE")]
FLIPPED = {getattr(ast, one): getattr(ast, two) for p in PAIRS for one, two in (p, p[::-1])}


class Change(NamedTuple):
    """Of one node inside one function of a module, both as they are counted there."""

    path: Path
    function: int
    node: int
    line: int
    kind: str

    @contextmanager
    def made(self) -> Iterator[set[int]]:
        """Wherever the function is known. Gives the identity of its code as it was."""
        new = self._compile()
        known = [one for one in gc.get_objects() if type(one) is FunctionType]
        olds = {one: one.__code__ for one in known if _name(one.__code__) == _name(new)}
        for function in olds:
            function.__code__ = new
        yield set(map(id, olds.values()))
        for function, old in olds.items():
            function.__code__ = old

    def _compile(self) -> CodeType:
        tree = ast.parse(self.path.read_text())
        function = list(_functions_in(tree.body))[self.function]
        _alter(list(ast.walk(function))[self.node])
        first = min(each.lineno for each in (function, *function.decorator_list))
        whole = compile(ast.fix_missing_locations(tree), str(self.path), "exec")
        return next(code for code in _codes_in(whole) if _name(code)[1:] == (function.name, first))


def changes_of(path: Path) -> Iterator[Change]:
    """All that there are."""
    for number, function in enumerate(_functions_in(ast.parse(path.read_text()).body)):
        line = function.lineno
        for at, node in enumerate(ast.walk(function)):
            line = getattr(node, "lineno", line)
            kind = _alter(node)
            if kind:
                yield Change(path, number, at, line, kind)


def _name(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_name, code.co_firstlineno


def _functions_in(body: Iterable[ast.stmt]) -> Iterator[ast.FunctionDef]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions_in(node.body)
        elif isinstance(node, ast.FunctionDef):
            yield node


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes_in(each)


def _alter(node: ast.AST) -> str:
    """Change the node, and say how; empty where it is of no kind that is changed.

    What is left out or lost stays in the code, so that it knows the same names.
    """
    match node:
        case ast.If() | ast.IfExp() | ast.While():
            node.test = ast.UnaryOp(ast.Not(), node.test)
            return "turned round"
        case ast.comprehension(ifs=[*_, last]):
            node.ifs[-1] = ast.UnaryOp(ast.Not(), last)
            return "turned round"
        case ast.Compare(ops=[operator]):
            node.ops = [FLIPPED[type(operator)]()]
            return "flipped"
        case ast.Expr(ast.Call() | ast.Yield() | ast.YieldFrom() as value):
            node.value = ast.IfExp(ast.Constant(True), ast.Constant(None), value)
            return "left out"
        case ast.Return(ast.expr() as value) if getattr(value, "value", True):
            both = ast.Tuple([value, ast.Constant(None)], ast.Load())
            node.value = ast.Subscript(both, ast.Constant(1), ast.Load())
            return "lost"
    return ""
