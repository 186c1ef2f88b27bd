const isInt = (x) => typeof x === "bigint";
  const both = (a, b, ints, floats) => (isInt(a) && isInt(b) ? ints(a, b) : floats(Number(a), Number(b)));
  const fail = (why) => { throw new RangeError(why); };
  const floorDiv = (a, b) => {
    if (b === 0n) fail("division by 0");
    const q = a / b;
    return a % b !== 0n && (a < 0n) !== (b < 0n) ? q - 1n : q;
  };
  const checked = (x) => (Number.isFinite(x) ? x : fail("no finite number"));
  const add = (a, b) => both(a, b, (x, y) => x + y, (x, y) => x + y);
  const multiply = (a, b) => both(a, b, (x, y) => x * y, (x, y) => x * y);
  const less = (a, b) => a < b; // JavaScript compares whole numbers and floats exactly
  const halfEven = (x) => {
    const down = Math.floor(x), rest = x - down;
    return BigInt(rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down);
  };
  // As Python divides: the remainder is exact, and has the sign of the divisor.
  const floatMod = (x, y) => {
    const rest = checked(x % y);
    return rest !== 0 && (rest < 0) !== (y < 0) ? rest + y : rest;
  };
  const floatFloorDiv = (x, y) => {
    const rest = checked(x % y), below = rest !== 0 && (rest < 0) !== (y < 0) ? 1 : 0;
    const quotient = (x - rest) / y - below, down = Math.floor(quotient);
    return quotient - down > 0.5 ? down + 1 : down;
  };
  // The last digit of these differs from machine to machine, and a whole number may hang on it.
  const unsure = (name) => fail(`${name} of floats may round otherwise here than in a command`);
  const rules = {
    "+": add,
    "-": (a, b) => both(a, b, (x, y) => x - y, (x, y) => x - y),
    "*": multiply,
    "/": (a, b) => both(a, b,
      (x, y) => (y === 0n || x % y !== 0n ? fail("a division leaves a remainder") : x / y),
      (x, y) => checked(x / y)),
    "//": (a, b) => both(a, b, floorDiv, floatFloorDiv),
    "%": (a, b) => both(a, b, (x, y) => x - floorDiv(x, y) * y, floatMod),
    "**": (a, b) => both(a, b, (x, y) => (y < 0n ? unsure("a power") : x ** y), () => unsure("a power")),
    min: (...xs) => xs.reduce((a, b) => (less(b, a) ? b : a)),
    max: (...xs) => xs.reduce((a, b) => (less(a, b) ? b : a)),
    int: (x) => (isInt(x) ? x : BigInt(Math.trunc(checked(x)))),
    float: (x) => Number(x),
    round: (x) => (isInt(x) ? x : halfEven(checked(x))),
    sqrt: (x) => (x < 0 ? fail("root of a negative number") : Math.sqrt(Number(x))),
    log: () => unsure("a logarithm"),
  };
  
const cases = JSON.parse(require("fs").readFileSync("cases.json"));
const r = (x) => (x[0] === "i" ? BigInt(x[1]) : Number(x[1]));
const bad = {}; let n = 0;
for (const [op, args, want] of cases) {
  let got = null;
  try { got = rules[op](...args.map(r)); } catch (e) { if (!(e instanceof RangeError)) { got = "EXC " + e; } }
  if (typeof got === "number" && !Number.isFinite(got)) got = null;
  const w = want === null ? null : r(want);
  const ok = typeof got === typeof w && (got === w);
  if (!ok) { n++; (bad[op] ??= []).push([args.map((x) => x[1]).join(" "), String(want && want[1]), String(got), typeof got]); }
}
for (const op in bad) console.log(op, bad[op].length, JSON.stringify(bad[op].slice(0, 4)));
console.log("differ", n, "of", cases.length);
