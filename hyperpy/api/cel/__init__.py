"""CEL, the expression language of validation rules and admission policies, with Kubernetes' own libraries.

    env = cel.environment({"self": types.of_schema(schema, root=True), "oldSelf": types.DYN})
    program = env.compile("self.spec.replicas <= 10")   # CelError: the text does not compile
    program.returns                                     # "bool"
    program.evaluate({"self": obj, "oldSelf": old})     # CelError: it fails for these values

Nothing is loaded before the first `environment`. An environment costs about a millisecond, a program 50-200 µs; both
are to be kept. Source: "Common Expression Language in Kubernetes".
"""

from __future__ import annotations

from collections.abc import Mapping

from hyperpy.api.cel import types
from hyperpy.api.cel.protocol import Access, Answer, CelError, Environment, Input, Program
from hyperpy.api.cel.types import Type

__all__ = ["Access", "Answer", "CelError", "Environment", "Input", "Program", "Type", "environment", "types"]


def environment(variables: Mapping[str, Type]) -> Environment:
    """A place to compile expressions that may use these variables.

    Args:
        variables: name -> type; `types.DYN` allows everything at compile time. A name may hold dots.
    """
    from hyperpy.api.cel import runtime

    return runtime.environment(tuple(variables.items()))
