"""Every function of the package runs with its annotations checked, shapes among them."""

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable
from typing import Any, get_args, get_type_hints

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import jaxtyping
from beartype import beartype

_with_shapes = jaxtyping.jaxtyped


def _checked(*, typechecker: Callable[..., Any]) -> Callable[[Any], Any]:
    """jaxtyping's decorator, or beartype's alone where no shape is named.

    jaxtyping binds the arguments of each call to their names anew. That takes longer than the small functions do
    which place thousands of things in a world, and which name no shape.
    """

    def decorated(what: Any) -> Any:
        if inspect.isfunction(what) and not _names_shapes(what):
            return _unless_disabled(beartype(what), what)
        if dataclasses.is_dataclass(what) and not _names_shapes(what.__init__):
            what.__init__ = _unless_disabled(beartype(what.__init__), what.__init__)
            return what
        return _with_shapes(what, typechecker=typechecker)

    return decorated


def _names_shapes(function: Callable[..., Any]) -> bool:
    """Whether annotations have an array anywhere; so, too, where they name what is not there yet."""

    def has_array(hint: Any) -> bool:
        is_array = inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray)
        return is_array or any(has_array(part) for part in get_args(hint))

    try:
        return any(has_array(hint) for hint in get_type_hints(function).values())
    except NameError:
        return True


def _unless_disabled(checked: Callable[..., Any], plain: Callable[..., Any]) -> Callable[..., Any]:
    """The one, or the other where jaxtyping's checks are switched off."""

    @functools.wraps(plain)
    def either(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return (plain if jaxtyping.config.jaxtyping_disable else checked)(*args, **kwargs)

    return either


jaxtyping.jaxtyped = _checked
jaxtyping.install_import_hook("triptych", "beartype.beartype").__enter__()
