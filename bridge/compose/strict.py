"""Rewrites what Jinja's own code would let through, in every tree before it is compiled: bodies and partials alike."""

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

LOOP_STEP = "step"


class Strict(NodeTransformer):
    """Prints only what can stand in a text, counts what is made and gone through, and lets partials see all names."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Concat:  # noqa: D102, N802 (the visitor's naming)
        # Jinja's ~ prints whatever stands beside it: let each side pass the same rule as an output.
        return nodes.Concat([_through("printable", self.visit(side)) for side in node.nodes], lineno=node.lineno)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: D102, N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            # A key written in the template is a name like any other, and may be shown in a reason.
            return nodes.Getattr(node.node, node.arg.value, node.ctx, lineno=node.lineno)
        if isinstance(node.arg, nodes.Slice):
            # Jinja writes a slice as Python's own, which asks nobody, and warns on standard error of 1[2:3].
            ends = [end or nodes.Const(None) for end in (node.arg.start, node.arg.stop, node.arg.step)]
            return nodes.Filter(node.node, "sliced", ends, [], None, None, lineno=node.lineno)
        return node

    def visit_List(self, node: nodes.List) -> nodes.Expr:  # noqa: D102, N802
        self.generic_visit(node)
        return _through("paid", node) if node.items else node

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Expr:  # noqa: D102, N802
        self.generic_visit(node)
        return _through("paid", node) if node.items and node.ctx == "load" else node

    def visit_Dict(self, node: nodes.Dict) -> nodes.Expr:  # noqa: D102, N802
        self.generic_visit(node)
        return _through("paid", node) if node.items else node

    def visit_For(self, node: nodes.For) -> nodes.For:  # noqa: D102, N802
        self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_counting(node.lineno), lineno=node.lineno))
        if node.test is not None:
            # An item that the loop passes over takes time too.
            node.test = nodes.And(_counting(node.lineno), node.test, lineno=node.lineno)
        return node

    def _with_context(self, node: nodes.Node) -> nodes.Node:
        # Without it a macro would know no customer, and Jinja would keep one module for all threads.
        self.generic_visit(node)
        node.with_context = True  # type: ignore[attr-defined]  # each of the three has it
        return node

    visit_Include = visit_Import = visit_FromImport = _with_context  # noqa: N815


def _through(name: str, value: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, [], [], None, None, lineno=value.lineno)


def _counting(line: int) -> nodes.Expr:
    """The language's own step(), which is always true."""
    return nodes.Call(nodes.EnvironmentAttribute(LOOP_STEP, lineno=line), [], [], None, None, lineno=line)
