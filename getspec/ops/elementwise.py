"""Arithmetic, comparison and pointwise mathematics."""

from __future__ import annotations

from getspec.ops.base import (
    DTYPES,
    DType,
    ShapeError,
    Tensor,
    broadcast,
    function,
    promote,
    require_float,
)


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


@function("cast", reference="torch.Tensor.to; `float` is the dtype the model runs in")
def cast(x: Tensor, dtype: DType) -> Tensor:
    """The same values in another dtype: float, float32, int or bool."""
    if dtype not in DTYPES:
        raise ShapeError(f"dtype is one of {', '.join(DTYPES)}", argument="dtype")
    return x.with_dtype(dtype)
