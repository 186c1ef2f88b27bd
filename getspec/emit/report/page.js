
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

  // A name that decides structure and has another value than the formula is for, or undefined.
  const decided = (formula, values) => Object.entries(formula.fixed)
    .find(([name, value]) => values.has(name) && !same(values.get(name), given(value)));
  // What the values fail to meet among some conditions of a model, or null.
  const unmet = (model, conditions, values) => {
    for (const { words, relation, left, right, holds } of conditions.map((each) => model.conditions[each])) {
      try {
        if (relations[relation](side(left, values), side(right, values)) !== holds) return `this needs: ${words}`;
      } catch (error) {
        return `this needs: ${words} (${error.message})`;
      }
    }
    return null;
  };
  // What keeps a formula from holding at some values, or null. A spec has to be legal for any of its numbers: what the config
  // needs for one formula, it needs for all.
  const broken = (model, formula, values) => {
    const [name, value] = decided(formula, values) ?? [];
    if (name) return `${name} decides structure, and the formula is that of ${name} = ${Object(value).int ?? value}: run the line below`;
    const others = Object.values(model.formulas).filter((each) => !each.missing && !decided(each, values));
    const needs = others.flatMap(({ conditions }) => conditions.filter((each) => !model.conditions[each].run_time));
    return unmet(model, [...formula.conditions, ...needs], values);
  };

  // The fields.
  const form = document.getElementById("play");
  const starting = (model) => new Map([
    ...model.config.map(({ name, value }) => [name, given(value)]),
    ...model.sizes.map(({ name, value }) => [name, BigInt(value)]),
  ]);
  const other = facts.other, own = starting(facts), others = other ? starting(other) : new Map();
  const initial = new Map([...others, ...own]);
  // The values of the second model: run-time sizes are fed to both, and what was changed is changed in both.
  const isSize = (model, name) => model.sizes.some((each) => each.name === name);
  const ofOther = (values) => new Map([...others].map(([name, value]) => {
    const chosen = values.get(name), told = !own.has(name) || isSize(facts, name) || !same(chosen, initial.get(name));
    return [name, told && chosen !== null && typeof chosen === typeof value ? chosen : value];
  }));
  const fields = [...form.querySelectorAll("input")].map((input) => ({
    input, name: input.dataset.set ?? input.dataset.shape, slider: input.type === "range",
  }));
  // A slider moves by the largest power of two that divides its value and leaves it some places: widths stay round.
  const stride = (value) => {
    let step = 1n;
    while (value > 0n && value % (step * 2n) === 0n && step * 16n <= value) step *= 2n;
    return step;
  };
  const setUp = () => {
    for (const { input, name, slider } of fields) {
      const value = initial.get(name), runTime = "shape" in input.dataset;
      if (isInt(value)) {
        const step = slider ? stride(value) : 1n;
        input.step = String(step);
        input.min = String(value > 0n ? step : value);
        if (slider) input.max = String(runTime ? value * 32n : value > 8n ? value * 3n : value + 16n);
      } else {
        const top = value > 0 ? 10 ** Math.ceil(Math.log10(2 * value)) : 1;
        input.step = slider ? String(top / 100) : "any";
        if (slider) { input.min = String(Math.min(value, 0)); input.max = String(top); }
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
    node.textContent = value === null ? "\u2013" : grouped(value);
    const words = value === null ? "" : human?.(value);
    if (words) {
      const aside = document.createElement("small");
      aside.textContent = words;
      node.append(" ", aside);
    }
  };
  const at = (model, formula, values) => {
    if (formula.missing) return [null, formula.missing];
    const why = broken(model, formula, values);
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
    share: row.lastElementChild.appendChild(document.createElement("meter")),
  }));
  const precision = document.getElementById("precision");
  const spoken = document.getElementById("spoken");
  const wholeTotal = document.getElementById("total");
  let later = 0;
  const speak = (words) => {
    clearTimeout(later);
    later = setTimeout(() => { spoken.textContent = words; }, 600);
  };
  const attended = (x) => (x === 0n ? "no causal attention" : size(x));
  const human = { params: short, trainable: short, flops: short, kv: attended, cache: attended, memory: size };

  // Every figure of a model at some values, each with the reason where there is none.
  const worked = (model, values, wrong) => {
    const found = {};
    for (const of of Object.keys(model.formulas)) found[of] = wrong ?? at(model, model.formulas[of], values);
    const bytes = facts.precisions[precision.value];
    for (const of of ["kv", "cache"]) {
      if (found[of][0] !== null) found[of] = [found[of][0] * BigInt(bytes.parameter), ""];
    }
    found.memory = found.params[0] === null || found.trainable[0] === null
      ? [null, found.params[1] || found.trainable[1]]
      : [found.params[0] * BigInt(bytes.parameter) + found.trainable[0] * BigInt(bytes.trained), ""];
    return found;
  };
  const reasonsOf = (model, found) => Object.entries(found)
    .filter(([of, [value]]) => value === null && !model.formulas[of]?.missing)
    .map(([, [, why]]) => (model === facts ? why : `${model.model}: ${why}`));
  // How far a number of the second model is from that of the first, as `diff` says it.
  const apart = (first) => (second) => {
    if (first === null) return "";
    const delta = second - first, sign = delta < 0n ? "" : "+";
    const share = first > 0n ? ` (${sign}${(Number((delta * 1000000n) / first) / 10000).toFixed(2)} %)` : "";
    return delta === 0n ? "the same" : `${sign}${grouped(delta)}${share}`;
  };
  const update = () => {
    const values = read();
    const missing = [...values].filter(([, value]) => value === null).map(([name]) => name);
    const below = [...values].filter(([name, value]) => isInt(value) && value < 0n && initial.get(name) >= 0n).map(([name]) => name);
    const wrong = missing.length ? [null, `${missing.join(", ")}: a number is missing`]
      : below.length ? [null, `${below.join(", ")}: below 0`] : null;
    const found = worked(facts, new Map([...own.keys()].map((name) => [name, values.get(name)])), wrong);
    const second = other && worked(other, ofOther(values), wrong);
    for (const node of figures.querySelectorAll("[data-of]")) {
      const of = node.dataset.of;
      if ("other" in node.dataset) show(node, ...second[of], apart(found[of][0]));
      else show(node, ...found[of], human[of]);
    }
    const reasons = wrong ? [wrong[1]] : [...reasonsOf(facts, found), ...(other ? reasonsOf(other, second) : [])];
    document.getElementById("why").textContent = [...new Set(reasons)].join("; ");
    const total = found.params[0];
    show(wholeTotal, ...found.params);
    const unchanged = facts.config.every(({ name }) => same(values.get(name), initial.get(name)));
    rows.forEach((cells, number) => {
      const row = facts.rows[number];
      const part = (form, fixed) => {
        if (total === null || (!form && !unchanged)) return null;
        try { return form ? polynomial(form, values) : BigInt(fixed); } catch { return null; }
      };
      const why = found.params[1] || "how many there are follows the length of a pattern";
      const copies = part(row.copies, row.repeat), params = part(row.formula, row.params);
      show(cells.copies, copies, why);
      if (copies === 1n) cells.copies.textContent = "";
      show(cells.params, params, why);
      cells.share.setAttribute("aria-label", `share of ${row.path}`);
      cells.share.value = params === null || !total ? 0 : Number((params * 10000n) / total) / 10000;
    });
    reproduce(values);
  };
  // The commands that print the same numbers.
  const written = (value) => (isInt(value) || typeof value !== "number" ? String(value)
    : Number.isInteger(value) && !/e/.test(String(value)) ? `${value}.0` : String(value));
  const quoted = (word) => (/^[\w.,:=@%+/-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);
  const items = (name, values) => {
    if (values.has(name)) return written(values.get(name));
    const found = [];
    while ([...values.keys()].some((each) => each.startsWith(`${name}[${found.length}]`))) {
      found.push(items(`${name}[${found.length}]`, values));
    }
    return `[${found.join(",")}]`;
  };
  const told = (model, values, before) => {
    const settings = new Map(Object.entries(model.set));
    for (const { name } of model.config) {
      const whole = name.split("[")[0];
      if (values.get(name) !== null && !same(values.get(name), before.get(name))) settings.set(whole, items(whole, values));
    }
    return [model.spec, ...[...settings].flatMap(([name, value]) => ["--set", `${name}=${value}`])].map(quoted);
  };
  const reproduce = (values) => {
    const words = told(facts, values, own);
    document.getElementById("reproduce").textContent = ["getspec count", ...words].join(" ");
    if (other) {
      document.getElementById("reproduce-other").textContent = ["getspec count", ...told(other, ofOther(values), others)].join(" ");
    }
    const costs = document.getElementById("costs");
    if (costs) {
      const shape = facts.sizes.filter(({ given }) => given).map(({ name }) => `${name}=${values.get(name) ?? ""}`).join(",");
      const choice = precision.value === precision.options[0].value ? [] : ["--dtype", precision.value];
      costs.textContent = ["getspec cost", ...words, ...(shape ? ["--shape", quoted(shape)] : []), ...choice].join(" ");
    }
    const total = document.querySelector('.figures [data-of="params"]').dataset.value;
    speak(total ? `${grouped(total)} parameters` : document.getElementById("why").textContent);
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

  // Rows of the table fold: a row that others stand below has a button.
  const lines = [...document.querySelectorAll("#tree tbody tr")];
  const folded = new Set();
  const fold = () => {
    let hidden = Infinity;
    lines.forEach((line, number) => {
      const { depth } = facts.rows[number];
      if (depth <= hidden) hidden = Infinity;
      line.hidden = depth > hidden;
      if (!line.hidden && folded.has(line)) hidden = depth;
      line.querySelector("button")?.setAttribute("aria-expanded", String(!folded.has(line)));
    });
  };
  lines.forEach((line, number) => {
    const inside = (facts.rows[number + 1]?.depth ?? 0) > facts.rows[number].depth;
    const mark = document.createElement(inside ? "button" : "span");
    mark.className = "fold";
    if (inside) {
      mark.type = "button";
      mark.setAttribute("aria-label", `parts of ${facts.rows[number].path}`);
      mark.addEventListener("click", () => { folded.delete(line) || folded.add(line); fold(); });
    }
    line.querySelector("th").prepend(mark);
  });
  addEventListener("hashchange", () => {
    const row = document.getElementById(location.hash.slice(1));
    if (row?.hidden) { folded.clear(); fold(); row.scrollIntoView(); }
  });
  fold();

  // Paper is light, and nothing on it can be opened.
  let shown = "";
  addEventListener("beforeprint", () => {
    shown = document.documentElement.dataset.theme;
    paint(false);
    for (const each of document.querySelectorAll("details")) each.open = true;
  });
  addEventListener("afterprint", () => paint(shown === "dark"));
  paint(dark.matches);
  setUp();
  update();
})();
