"""The language of the templates: Jinja in a sandbox, plain text, with a short list of filters.

One for each state of the folder: its partials belong to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from jinja2 import FunctionLoader, Template, Undefined, nodes
from jinja2.exceptions import SecurityError, TemplateRuntimeError, TemplateSyntaxError
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bridge.compose import allowed
from bridge.compose.budget import bounded, join_bounded, paid, step
from bridge.compose.strict import Strict
from bridge.compose.values import Missing, Part, RawObject, ValueList, printable

MAX_NUMBER_BITS = 256


@dataclass(frozen=True, kw_only=True)
class Partial:
    """A piece of text, or macros, that templates include or import: a file `_*.txt`. `exports` are importable names."""

    name: str
    path: str
    source: str
    exports: frozenset[str] = frozenset()


class Language(ImmutableSandboxedEnvironment):
    """Jinja as the templates speak it. One instance serves all threads: it is not changed after it is made."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(join_bounded)

    def __init__(self, partials: Iterable[Partial] = (), broken: Iterable[str] = ()) -> None:
        self.partials: Mapping[str, Partial] = {partial.name: partial for partial in partials}
        self.broken = frozenset(broken)
        # No escaping: the output is plain text, and & must arrive as &.
        super().__init__(
            undefined=Missing,
            finalize=printable,
            autoescape=False,
            loader=FunctionLoader(self._source_of),
            auto_reload=False,
            cache_size=-1,
        )
        self.globals = {"namespace": self.globals["namespace"]}
        self.filters = dict(allowed.filters())
        self.tests = dict(allowed.tests())

    def _source_of(self, name: str) -> tuple[str, str, None] | None:
        partial = self.partials.get(name)
        return (partial.source, partial.path, None) if partial else None

    def get_template(self, name: Any, parent: Any = None, globals: Any = None) -> Template:  # noqa: A002 (Jinja's)
        """A partial, compiled. To include or import one is a step."""
        step()
        return super().get_template(name, parent, globals)

    @staticmethod
    def step() -> bool:
        """What each item of a loop calls, and to call is a step."""
        return True

    def call(self, context: Context, function: Any, /, *args: Any, **named: Any) -> Any:
        """The result of a macro or a method."""
        step()
        for argument in (*args, *named.values()):
            paid(argument)
        owner = getattr(function, "__self__", None)
        if isinstance(owner, str):
            bounded(owner)
        return paid(super().call(context, function, *args, **named))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The part of a value behind a dot; Missing where there is none."""
        if isinstance(obj, Part):
            return obj.get(attribute)
        if isinstance(obj, Missing):
            return obj.part(f".{attribute}")
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, RawObject):
            return obj[attribute] if attribute in obj else Missing(name=f"{obj.path}.{attribute}")
        if isinstance(obj, ValueList):
            return Missing(name=f"{obj.path}.{attribute}")
        if (isinstance(obj, str) and attribute not in allowed.TEXT_METHODS) or isinstance(obj, int | float):
            return self.unsafe_undefined(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The part of a value in brackets; Missing where there is none."""
        step()
        # A key computed at run time may hold a person's data, and a missing value's name is shown and logged.
        key = f"[{argument}]" if isinstance(argument, int) else "[...]"
        if isinstance(obj, Missing):
            return obj.part(key)
        if isinstance(obj, Part):
            return obj.get(argument) if argument in obj else Missing(name=f"{obj.path}{key}")
        if isinstance(obj, Undefined | str) and isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, RawObject | ValueList):
            try:
                return obj[argument]
            except (LookupError, TypeError):
                return Missing(name=f"{obj.path}{key}")
        return super().getitem(obj, argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The result of an operator that could print a structure or fill the memory."""
        if operator == "**":
            raise SecurityError("the operator ** is not available")
        if operator == "%" and isinstance(left, str):
            return allowed.percent(left, right if isinstance(right, tuple) else (right,))
        if operator == "*" and not all(isinstance(side, int | float | Decimal | Undefined) for side in (left, right)):
            raise SecurityError("only numbers can be multiplied")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, int) and result.bit_length() > MAX_NUMBER_BITS:
            raise TemplateRuntimeError("the number grows beyond any sum of money")
        return paid(result)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        # Jinja's hook for what is done to every tree before it becomes code: of bodies, expressions and partials.
        return super()._generate(Strict().visit(source), name, filename, defer_init)

    def compile_body(self, tree: nodes.Template, filename: str) -> Template:
        """The compiled body; errors while it renders name `filename`."""
        tree.set_environment(self)
        code = self.compile(tree, name=None, filename=filename)
        # Not make_globals(): each rendering copies them, and copying its ChainMap takes longer than a short text.
        return self.template_class.from_code(self, code, self.globals, None)

    def parse_expression(self, source: str) -> nodes.Template:
        """An expression's tree: a template that sets `result` to it.

        Raises TemplateSyntaxError.
        """
        parser = Parser(self, source, state="variable")
        expression = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError("more than one expression", parser.stream.current.lineno, None, None)
        return nodes.Template([nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)], lineno=1)


LANGUAGE = Language()
