"""Arithmetic, comparison and pointwise mathematics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from getspec.ops.base import (
    DTYPES,
    DType,
    ShapeError,
    Tensor,
    broadcast,
    elementwise,
    function,
    promote,
    require_float,
    saves,
)

if TYPE_CHECKING:
    from getspec.ops.storage import Held, Tape


def _arithmetic(name: str, sign: str, doc: str, *, floats: bool = False) -> None:
    def rule(a: Tensor, b: Tensor) -> Tensor:
        dtype = promote(a, b)
        if dtype == "bool" or (floats and dtype == "int"):
            raise ShapeError(
                f"`{sign}` is not defined for {a} and {b}", help="cast one side: cast(x, float)"
            )
        return Tensor(dtype, broadcast(a, b))

    rule.__doc__ = doc
    function(name, reference=f"NumPy broadcasting; written `a {sign} b`")(rule)


_arithmetic("add", "+", "Sum.")
_arithmetic("subtract", "-", "Difference.")
_arithmetic("multiply", "*", "Product, element by element.")
_arithmetic("divide", "/", "Quotient of floats.", floats=True)
_arithmetic("floor_divide", "//", "Quotient rounded down.")
_arithmetic("remainder", "%", "Remainder with the divisor's sign.")
_arithmetic("power", "**", "Power.", floats=True)


@saves("add", "subtract")
def _keeps_nothing(tape: Tape, out: Tensor, a: Any, b: Any) -> Held:
    return tape.pointwise(out, a, b)


@saves("multiply")
def _multiply_saves(tape: Tape, out: Tensor, a: Any, b: Any) -> Held:
    """The other factor, where it is a tensor."""
    from getspec.ops.storage import Held

    both = isinstance(a, Held) and isinstance(b, Held)
    return tape.times(out, a, b) if both else tape.pointwise(out, a, b)


@saves("divide", "floor_divide")
def _divide_saves(tape: Tape, out: Tensor, a: Any, b: Any) -> Held:
    """A number over a tensor is the tensor's reciprocal, which is kept, times the number."""
    from getspec.ops.storage import Held

    if not isinstance(b, Held):
        return tape.pointwise(out, a)
    if not isinstance(a, Held):
        inverse = tape.pointwise(out, b)
        if b.grad:
            tape.save(inverse)
        return tape.pointwise(out, inverse)
    if a.grad or b.grad:
        tape.save(b)
    if b.grad:
        tape.save(a)
    return tape.pointwise(out, a, b)


@saves("remainder")
def _remainder_saves(tape: Tape, out: Tensor, a: Any, b: Any) -> Held:
    from getspec.ops.storage import Held

    if isinstance(a, Held) and isinstance(b, Held) and b.grad:
        tape.save(a, b)
    return tape.pointwise(out, a, b)


@saves("power")
def _power_saves(tape: Tape, out: Tensor, a: Any, b: Any) -> Held:
    """The base, and where the exponent is a tensor also that and the result."""
    from getspec.ops.storage import Held

    made = tape.pointwise(out, a, b)
    if made.grad:
        tape.save(*(x for x in (a, b) if isinstance(x, Held)))
        if isinstance(b, Held):
            tape.save(made)
    return made


def _comparison(name: str, sign: str, *, ordered: bool) -> None:
    def rule(a: Tensor, b: Tensor) -> Tensor:
        if ordered and "bool" in (a.dtype, b.dtype):
            raise ShapeError(f"`{sign}` is not defined for {a} and {b}")
        return Tensor("bool", broadcast(a, b))

    rule.__doc__ = f"Where a {sign} b."
    function(name, reference=f"NumPy broadcasting; written `a {sign} b`")(rule)


_comparison("equal", "==", ordered=False)
_comparison("not_equal", "!=", ordered=False)
_comparison("less", "<", ordered=True)
_comparison("less_equal", "<=", ordered=True)
_comparison("greater", ">", ordered=True)
_comparison("greater_equal", ">=", ordered=True)


@saves("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
@saves("logical_and", "logical_or")
def _truth(tape: Tape, out: Tensor, a: Any, b: Any) -> Held:
    return tape.pointwise(out, a, b)


def _logical(name: str, sign: str, doc: str) -> None:
    def rule(a: Tensor, b: Tensor) -> Tensor:
        if (a.dtype, b.dtype) != ("bool", "bool"):
            raise ShapeError(f"`{sign}` joins bool tensors, these are {a} and {b}")
        return Tensor("bool", broadcast(a, b))

    rule.__doc__ = doc
    function(name, reference=f"written `a {sign} b`")(rule)


_logical("logical_and", "&", "Where both are True.")
_logical("logical_or", "|", "Where at least one is True.")


@function("logical_not", reference="written `~x`")
def logical_not(x: Tensor) -> Tensor:
    """Where x is False."""
    if x.dtype != "bool":
        raise ShapeError(f"`~` inverts bool tensors, this is {x}", argument="x")
    return x


@function("negative", reference="written `-x`")
def negative(x: Tensor) -> Tensor:
    """-x."""
    if x.dtype == "bool":
        raise ShapeError(f"`-` is not defined for {x}", help="~x", argument="x")
    return x


@function("abs", reference="torch.abs")
def absolute(x: Tensor) -> Tensor:
    """Absolute value."""
    if x.dtype == "bool":
        raise ShapeError(f"abs is not defined for {x}", argument="x")
    return x


@function("sign", reference="torch.sign")
def sign(x: Tensor) -> Tensor:
    """-1, 0 or 1."""
    if x.dtype == "bool":
        raise ShapeError(f"sign is not defined for {x}", argument="x")
    return x


def _float_math(name: str, doc: str) -> None:
    def rule(x: Tensor) -> Tensor:
        require_float(x, name)
        return x

    rule.__doc__ = doc
    function(name, reference=f"torch.{name}")(rule)


_float_math("exp", "e to the x.")
_float_math("log", "Natural logarithm.")
_float_math("sqrt", "Square root.")
_float_math("rsqrt", "1 / sqrt(x).")
_float_math("sin", "Sine.")
_float_math("cos", "Cosine.")
_float_math("lgamma", "Natural logarithm of the gamma function.")


@saves("exp", "sqrt", "rsqrt")
def _result(tape: Tape, out: Tensor, x: Held) -> Held:
    """The derivative is written in terms of the result."""
    made = tape.pointwise(out, x)
    if x.grad:
        tape.save(made)
    return made


@saves("log", "sin", "cos", "lgamma", "abs")
def _argument(tape: Tape, out: Tensor, x: Held) -> Held:
    if x.grad:
        tape.save(x)
    return tape.pointwise(out, x)


@saves("negative", "sign", "logical_not")
def _neither(tape: Tape, out: Tensor, x: Held) -> Held:
    return tape.pointwise(out, x)


def _extreme(name: str, doc: str) -> None:
    def rule(a: Tensor, b: Tensor) -> Tensor:
        dtype = promote(a, b)
        if dtype == "bool" or a.dtype != b.dtype:
            raise ShapeError(f"{name} wants two tensors of one number type, these are {a} and {b}")
        return Tensor(dtype, broadcast(a, b))

    rule.__doc__ = doc
    function(name, reference=f"torch.{name}")(rule)


_extreme("maximum", "The larger, element by element.")
_extreme("minimum", "The smaller, element by element.")


@saves("maximum", "minimum")
def _extreme_saves(tape: Tape, out: Tensor, a: Any, b: Any) -> Held:
    """Both: which of them won is asked again."""
    from getspec.ops.storage import Held

    made = tape.pointwise(out, a, b)
    if made.grad:
        tape.save(*(x for x in (a, b) if isinstance(x, Held)))
    return made


@function("where", reference="torch.where")
def where(condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """`a` where the condition is True, `b` elsewhere; all three broadcast."""
    if condition.dtype != "bool":
        raise ShapeError(
            f"the condition is a bool tensor, this is {condition}", argument="condition"
        )
    if a.dtype != b.dtype:
        raise ShapeError(f"both branches have one dtype, these are {a} and {b}")
    return Tensor(a.dtype, broadcast(condition, a, b))


@saves("where")
def _where_saves(tape: Tape, out: Tensor, condition: Held, a: Any, b: Any) -> Held:
    made = tape.pointwise(out, condition, a, b)
    if made.grad:
        tape.save(condition)
    return made


@function("masked_scatter", reference="torch.Tensor.masked_scatter")
def masked_scatter(x: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`x`, with the elements where the mask is True replaced by those of `source`, in order."""
    if mask.dtype != "bool":
        raise ShapeError(f"the mask is a bool tensor, this is {mask}", argument="mask")
    if source.dtype != x.dtype:
        raise ShapeError(f"source has the dtype of {x}, this is {source}", argument="source")
    if broadcast(x, mask) != x.shape:
        raise ShapeError(f"the mask {mask} does not broadcast to {x}", argument="mask")
    return x


@saves("masked_scatter")
def _masked_scatter_saves(tape: Tape, out: Tensor, x: Held, mask: Held, source: Held) -> Held:
    made = tape.new(out, x.grad or source.grad)
    if made.grad:
        tape.save(mask)
    return made


@function("cast", reference="torch.Tensor.to; `float` is the dtype the model runs in")
def cast(x: Tensor, dtype: DType) -> Tensor:
    """The same values in another dtype: float, float32, int or bool."""
    if dtype not in DTYPES:
        raise ShapeError(f"dtype is one of {', '.join(DTYPES)}", argument="dtype")
    return x.with_dtype(dtype)


@saves("cast")
def _cast_saves(tape: Tape, out: Tensor, x: Held, dtype: str) -> Held:
    """Nothing; a cast to the dtype that a tensor has already is that tensor."""
    own = {"float": "float32"} if tape.policy.itemsize == 4 else {}
    if own.get(x.type.dtype, x.type.dtype) == own.get(out.dtype, out.dtype):
        return replace(x, type=out)
    return tape.pointwise(out, x)


elementwise("add", "subtract", "multiply", "divide", "floor_divide", "remainder", "power")
elementwise("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
elementwise("logical_and", "logical_or", "logical_not", "where", "masked_scatter", "cast")
elementwise("negative", "abs", "sign", "exp", "log", "sqrt", "rsqrt", "sin", "cos", "lgamma")
elementwise("maximum", "minimum")
