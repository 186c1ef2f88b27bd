
"use strict";
// Closed forms over whole numbers: a BigInt is an integer, a Number a float, as in Python.
(() => {
  const facts = JSON.parse(document.getElementById("data").textContent);
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
  const rules = {
    "+": add,
    "-": (a, b) => both(a, b, (x, y) => x - y, (x, y) => x - y),
    "*": multiply,
    "/": (a, b) => both(a, b,
      (x, y) => (y === 0n || x % y !== 0n ? fail("a division leaves a remainder") : x / y),
      (x, y) => checked(x / y)),
    "//": (a, b) => both(a, b, floorDiv, (x, y) => checked(Math.floor(x / y))),
    "%": (a, b) => both(a, b, (x, y) => x - floorDiv(x, y) * y, (x, y) => checked(x - Math.floor(x / y) * y)),
    "**": (a, b) => both(a, b, (x, y) => (y < 0n ? Number(x) ** Number(y) : x ** y), (x, y) => checked(x ** y)),
    min: (...xs) => xs.reduce((a, b) => (less(b, a) ? b : a)),
    max: (...xs) => xs.reduce((a, b) => (less(a, b) ? b : a)),
    int: (x) => (isInt(x) ? x : BigInt(Math.trunc(checked(x)))),
    float: (x) => Number(x),
    round: (x) => (isInt(x) ? x : halfEven(checked(x))),
    sqrt: (x) => (x < 0 ? fail("root of a negative number") : Math.sqrt(Number(x))),
    log: (x) => (x <= 0 ? fail("logarithm of 0") : Math.log(Number(x))),
  };
  const side = (part, values) => (Array.isArray(part) ? polynomial(part, values) : part);
  const factor = (part, values) => (typeof part === "string"
    ? values.get(part) ?? fail(`${part} has no value`)
    : rules[part[0]](...part.slice(1).map((each) => side(each, values))));
  const polynomial = (terms, values) => terms.reduce(
    (sum, [number, ...parts]) => add(sum, parts.reduce((all, part) => multiply(all, factor(part, values)), BigInt(number))), 0n);
  const relations = {
    "==": (a, b) => a == b, "!=": (a, b) => a != b, "<": less, ">": (a, b) => less(b, a),
    "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
    "%": (a, b) => b != 0 && rules["%"](a, b) == 0,
  };
  const given = (value) => (value !== null && typeof value === "object" && "int" in value ? BigInt(value.int) : value);
  const same = (a, b) => (typeof a === "boolean" || typeof a === "string" ? a === b : a == b);

  // What keeps a formula from holding at some values, or null.
  const broken = (formula, values) => {
    for (const [name, value] of Object.entries(formula.fixed)) {
      if (values.has(name) && !same(values.get(name), given(value))) {
        return `${name} decides structure: only ${Object(value).int ?? value} is covered here, use the line below`;
      }
    }
    for (const [at, [relation, left, right, holds]] of formula.conditions.entries()) {
      try {
        if (relations[relation](side(left, values), side(right, values)) !== holds) {
          return formula.told.length ? `these sizes break a condition: ${formula.told.join(", ")}` : "these sizes do not fit together";
        }
      } catch (error) {
        return `these sizes do not fit together: ${error.message}`;
      }
    }
    return null;
  };

  // The fields.
  const form = document.getElementById("play");
  const initial = new Map();
  for (const { name, value } of facts.config) initial.set(name, given(value));
  for (const { name, value } of facts.sizes) initial.set(name, BigInt(value));
  const fields = [...form.querySelectorAll("input")].map((input) => ({
    input, name: input.dataset.set ?? input.dataset.shape, slider: input.type === "range",
  }));
  const setUp = () => {
    for (const { input, name, slider } of fields) {
      const value = initial.get(name);
      if (isInt(value)) {
        input.step = 1;
        input.min = value > 0n ? 1 : Number(value);
        if (slider) input.max = Number(value > 8n ? value * 3n : value + 16n);
      } else {
        input.step = slider ? 0.01 : "any";
        if (slider) { input.min = 0; input.max = Math.max(value * 3, 1); }
      }
      input.value = String(value);
      input.defaultValue = String(value);
    }
  };
  const read = () => {
    const values = new Map(initial);
    for (const { input, name, slider } of fields) {
      if (slider) continue;
      const text = input.value.trim(), whole = /^[+-]?\d+$/.test(text);
      if (isInt(initial.get(name))) values.set(name, whole ? BigInt(text) : null);
      else values.set(name, text !== "" && Number.isFinite(Number(text)) ? Number(text) : null);
    }
    return values;
  };

  // What is shown.
  const grouped = (x) => String(x).replace(/\B(?=(\d{3})+$)/g, ",");
  const short = (x) => {
    const number = Number(x), units = ["", "K", "M", "B", "T", "P", "E"];
    const step = Math.min(Math.max(Math.floor(Math.log10(Math.max(number, 1)) / 3), 0), 6);
    return step ? `${(number / 1000 ** step).toPrecision(3)}${units[step]}` : "";
  };
  const size = (x) => {
    let number = Number(x), step = 0;
    for (; number >= 1024 && step < 5; step += 1) number /= 1024;
    return step ? `${number.toPrecision(3)} ${["B", "KiB", "MiB", "GiB", "TiB", "PiB"][step]}` : "";
  };
  const show = (node, value, why, human) => {
    node.dataset.value = value === null ? "" : String(value);
    if (value === null) node.dataset.why = why;
    else delete node.dataset.why;
    node.textContent = value === null ? "–" : grouped(value);
    const words = value === null ? "" : human?.(value);
    if (words) {
      const aside = document.createElement("small");
      aside.textContent = words;
      node.append(" ", aside);
    }
  };
  const at = (formula, values) => {
    if (!formula) return [null, "there is no closed form of this"];
    const why = broken(formula, values);
    if (why) return [null, why];
    try {
      const value = polynomial(formula.poly, values);
      return isInt(value) ? [value, ""] : [null, "this is no whole number"];
    } catch (error) {
      return [null, error.message];
    }
  };
  const figures = document.querySelector(".figures");
  const rows = [...document.querySelectorAll("#tree tbody tr")].map((row) => ({
    copies: row.querySelector('[data-of="copies"]'),
    params: row.querySelector('[data-of="params"]'),
    share: row.querySelector("meter"),
  }));
  const precision = document.getElementById("precision");

  const update = () => {
    const values = read();
    const missing = [...values].filter(([, value]) => value === null).map(([name]) => name);
    const empty = missing.length ? [null, `${missing.join(", ")}: a number is missing here`] : null;
    const found = {};
    for (const of of ["params", "trainable", "flops", "kv"]) found[of] = empty ?? at(facts.formulas[of], values);
    if (found.kv[0] !== null) found.kv = [found.kv[0] * 2n, ""];
    const bytes = facts.precisions[precision.value];
    found.memory = found.params[0] === null || found.trainable[0] === null
      ? [null, found.params[1] || found.trainable[1]]
      : [found.params[0] * BigInt(bytes.parameter) + found.trainable[0] * BigInt(bytes.trained), ""];
    for (const node of figures.querySelectorAll("[data-of]")) {
      const of = node.dataset.of;
      show(node, ...found[of], of === "kv" || of === "memory" ? size : short);
    }
    const reasons = [...new Set(Object.entries(found)
      .filter(([of, [value]]) => value === null && facts.formulas[of]).map(([, [, why]]) => why))];
    document.getElementById("why").textContent = reasons.join("; ");
    const total = found.params[0];
    const unchanged = facts.config.every(({ name }) => same(values.get(name), initial.get(name)));
    rows.forEach((cells, number) => {
      const row = facts.rows[number];
      const part = (form, fixed) => (total === null ? null : form ? polynomial(form, values) : unchanged ? BigInt(fixed) : null);
      const why = found.params[1] || "how many there are follows the length of a pattern";
      const copies = part(row.copies, row.repeat), params = part(row.formula, row.params);
      show(cells.copies, copies, why);
      if (copies === 1n) cells.copies.textContent = "";
      show(cells.params, params, why);
      cells.share.value = params === null || !total ? 0 : Number((params * 10000n) / total) / 10000;
    });
    reproduce(values);
  };
  const written = (value) => (isInt(value) || typeof value !== "number" ? String(value) : Number.isInteger(value) ? `${value}.0` : String(value));
  const reproduce = (values) => {
    const sets = new Map();
    for (const { name } of facts.config) {
      const list = name.match(/^(.*)\[\d+\]$/);
      const key = list ? list[1] : name;
      const asked = Object.hasOwn(facts.set, key);
      if (same(values.get(name), initial.get(name)) && !asked) { if (!list || !sets.has(key)) continue; }
      sets.set(key, list ? null : written(values.get(name)));
    }
    for (const key of sets.keys()) {
      if (sets.get(key) !== null) continue;
      const items = facts.config.filter(({ name }) => name.startsWith(`${key}[`)).map(({ name }) => written(values.get(name)));
      sets.set(key, `[${items.join(",")}]`);
    }
    for (const [key, value] of Object.entries(facts.set)) {
      if (!sets.has(key) && typeof given(value) !== "object") sets.set(key, written(given(value)));
    }
    const words = [...sets].map(([key, value]) => ` --set '${key}=${value}'`.replace(/'([\w.=[\]-]*)'/, "$1"));
    document.getElementById("reproduce").textContent = `getspec count ${facts.spec}${words.join("")}`;
  };

  form.addEventListener("input", ({ target }) => {
    const name = target.dataset.set ?? target.dataset.shape;
    for (const field of fields) if (field.name === name && field.input !== target) field.input.value = target.value;
    update();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { setUp(); update(); }));
  document.getElementById("copy").addEventListener("click", async ({ target }) => {
    const code = document.getElementById("reproduce");
    try {
      await navigator.clipboard.writeText(code.textContent);
      target.textContent = "Copied";
      setTimeout(() => { target.textContent = "Copy"; }, 1500);
    } catch {
      getSelection().selectAllChildren(code);
    }
  });

  const theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = (isDark) => {
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    theme.setAttribute("aria-pressed", String(isDark));
  };
  theme.addEventListener("click", () => paint(document.documentElement.dataset.theme !== "dark"));
  dark.addEventListener("change", (event) => paint(event.matches));
  addEventListener("beforeprint", () => { for (const each of document.querySelectorAll("details")) each.open = true; });
  paint(dark.matches);
  setUp();
  update();
})();
