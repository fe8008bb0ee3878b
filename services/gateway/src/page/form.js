// Schemas of the document as examples, tables and inputs.

/** An element with attributes and children; text is never read as HTML. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Text in which `code` between backticks is set apart. */
export function prose(text) {
  const out = document.createDocumentFragment();
  (text || "").split("`").forEach((piece, index) => {
    out.append(index % 2 ? element("code", {}, piece) : piece);
  });
  return out;
}

/** The schema itself, where it is a reference. */
export function resolve(api, schema) {
  let found = schema || {};
  const seen = new Set();
  while (found.$ref && !seen.has(found.$ref)) {
    seen.add(found.$ref);
    const target = found.$ref.slice(2).split("/").reduce((at, key) => at?.[key], api) || {};
    const { $ref, ...beside } = found;
    found = { ...target, ...beside };
  }
  return found;
}

function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A value that shows the shape of a schema: what is required, and what has a shape of its own. */
export function example(api, schema, depth = 0) {
  const found = resolve(api, schema);
  if (found.enum) return found.enum.find((value) => !String(value).endsWith("_UNSPECIFIED")) ?? found.enum[0];
  const type = Array.isArray(found.type) ? found.type[0] : found.type;
  if (type === "array") return depth > 5 ? [] : [example(api, found.items, depth + 1)];
  if (type === "object") {
    if (!found.properties) return found.additionalProperties ? { key: "value" } : {};
    const out = {};
    if (depth > 5) return out;
    const required = new Set([...(found.required || []), ...(found["x-required"] || [])]);
    for (const name of found["x-order"] || Object.keys(found.properties)) {
      const property = resolve(api, found.properties[name]);
      const plain = property.type !== "object" && property.type !== "array";
      if (property.readOnly || (plain && required.size > 0 && !required.has(name))) continue;
      out[name] = example(api, found.properties[name], depth + 1);
    }
    return out;
  }
  if (type === "boolean") return false;
  if (type === "integer" || type === "number") return found.minimum ?? (found.exclusiveMinimum ?? 0) + (found.exclusiveMinimum === undefined ? 0 : 1);
  if (found.format === "uuid") return uuid();
  if (found.format === "date-time") return new Date().toISOString();
  if (found.format === "int64" || found.format === "uint64") return found.pattern?.startsWith("^[1-9]") ? "1" : "0";
  if (found.pattern === "^[A-Z]{3}$") return "GBP";
  const resource = /^\^([a-zA-Z]+)\//.exec(found.pattern || "");
  return resource ? `${resource[1]}/…` : "";
}

/** A type and its constraints in a few words. */
export function kind(api, schema) {
  const found = resolve(api, schema);
  const name = schema?.$ref?.split(".").pop();
  const type = Array.isArray(found.type) ? found.type.join(" or ") : found.type;
  const words = [];
  if (type === "array") words.push(`list of ${kind(api, found.items)}`);
  else if (found.additionalProperties?.type) words.push(`map to ${found.additionalProperties.type}`);
  else if (name) words.push(name);
  else words.push(found.enum ? "one of" : found.format || type || "any");
  const bounds = [
    ["minLength", "at least", "characters"], ["maxLength", "at most", "characters"],
    ["minItems", "at least", "items"], ["maxItems", "at most", "items"], ["maxProperties", "at most", "entries"],
    ["minimum", "≥", ""], ["exclusiveMinimum", ">", ""], ["maximum", "≤", ""], ["exclusiveMaximum", "<", ""],
  ];
  for (const [key, before, after] of bounds) {
    if (found[key] !== undefined) words.push(`${before} ${found[key]} ${after}`.trim());
  }
  if (found.pattern && !found.format) words.push(found.pattern);
  return words.join(", ");
}

/** The fields of a schema as nested, foldable rows. */
export function shape(api, schema, depth = 0, inside = new Set()) {
  const found = resolve(api, schema);
  const items = found.type === "array" ? resolve(api, found.items) : found;
  const rows = element("div");
  if (items["x-enum-descriptions"]) {
    for (const [value, said] of Object.entries(items["x-enum-descriptions"])) {
      rows.append(element("div", {}, element("code", {}, value), " ", element("span", { class: "soft" }, prose(said))));
    }
  }
  if (!items.properties) return rows;
  const required = new Set([...(items.required || []), ...(items["x-required"] || [])]);
  for (const name of items["x-order"] || Object.keys(items.properties)) {
    const property = items.properties[name];
    const of = resolve(api, property);
    const head = [
      element("code", {}, name), required.has(name) ? element("b", { title: "required" }, " *") : null, " ",
      element("span", { class: "soft" }, kind(api, property), of.readOnly ? ", set by the server" : ""), " ", prose(of.description),
    ];
    const target = of.type === "array" ? of.items : property;
    const inner = resolve(api, target);
    const key = target?.$ref || "";
    if ((inner.properties || inner["x-enum-descriptions"]) && depth < 6 && !inside.has(key)) {
      rows.append(element("details", {}, element("summary", {}, ...head), shape(api, target, depth + 1, new Set([...inside, key]))));
    } else {
      rows.append(element("div", {}, ...head));
    }
  }
  return rows;
}

/** An input for a parameter. */
export function input(api, parameter, id) {
  const schema = resolve(api, parameter.schema);
  const attributes = { id, name: parameter.name, "data-in": parameter.in };
  const choices = schema.enum || (schema.type === "boolean" ? ["true", "false"] : null);
  if (choices) {
    return element("select", attributes,
      parameter.required ? null : element("option", { value: "" }, "not given"),
      ...choices.map((choice) => element("option", { value: choice }, choice)));
  }
  const several = schema.type === "array";
  return element("input", {
    ...attributes,
    "data-several": several,
    type: "text",
    inputmode: schema.type === "integer" ? "numeric" : null,
    placeholder: several ? "several: separate with spaces" : schema.format || "",
    spellcheck: "false",
    autocapitalize: "off",
  });
}
