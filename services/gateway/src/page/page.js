// Lists the operations of /openapi.json and tries them.

import { element, example, input, kind, prose, resolve, shape } from "/docs/form.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const byId = (id) => document.getElementById(id);
const token = byId("token");
let api;
let operations = [];

start().catch((error) => byId("main").replaceChildren(element("p", { class: "status bad" }, `The contract cannot be read: ${error.message}`)));

async function start() {
  token.value = sessionStorage.getItem("token") || "";
  token.addEventListener("input", () => { sessionStorage.setItem("token", token.value.trim()); tellCaller(); });
  byId("token-form").addEventListener("submit", (event) => event.preventDefault());
  tellCaller();
  api = await (await fetch("/openapi.json")).json();
  byId("version").textContent = api.info.version;
  operations = Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })));
  const order = new Map(api["x-order"].map((id, index) => [id, index]));
  operations.sort((a, b) => order.get(a.operationId) - order.get(b.operationId));
  list();
  byId("filter").addEventListener("input", list);
  window.addEventListener("hashchange", show);
  show();
}

/** Who the token says that one is. The service checks it; this only reads it. */
function tellCaller() {
  let told = "";
  try {
    const payload = token.value.trim().split(".")[1];
    if (payload) {
      const claims = JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/")));
      const left = claims.exp ? Math.round(claims.exp - Date.now() / 1000) : null;
      told = `${claims.sub} · ${claims.role} · ${claims.tenant}${left !== null && left < 0 ? " · expired" : ""}`;
    }
  } catch { told = "not a JWT"; }
  byId("caller").textContent = told;
}

function list() {
  const wanted = byId("filter").value.toLowerCase();
  const groups = api.tags.map((tag) => {
    const links = operations
      .filter((operation) => operation.tags.includes(tag.name))
      .filter((operation) => `${operation.method} ${operation.path} ${operation.operationId} ${operation.summary}`.toLowerCase().includes(wanted))
      .map((operation) => element("a", { href: `#${operation.operationId}`, title: `${operation.path}\n${operation.summary}` },
        element("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()),
        operation.operationId.split("_")[1]));
    return links.length ? element("section", {}, element("h2", {}, tag.name), ...links) : null;
  });
  byId("operations").replaceChildren(...groups.filter(Boolean));
  mark();
}

function mark() {
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === location.hash) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function show() {
  const operation = operations.find((operation) => `#${operation.operationId}` === location.hash);
  byId("main").replaceChildren(...(operation ? page(operation) : welcome()));
  mark();
  if (operation) byId("main").scrollIntoView();
  else if (location.hash) byId(location.hash.slice(1))?.scrollIntoView();
}

function welcome() {
  const reasons = api.components.schemas.Problem.properties.reason["x-enum-descriptions"];
  return [
    element("h2", {}, api.info.summary),
    element("p", {}, prose(api.info.description)),
    element("p", { class: "soft" }, "Paste a token above, choose an operation on the left, fill in its form and send it. The token stays in this tab."),
    element("h3", {}, "Services"),
    element("table", {}, element("tbody", {}, ...api.tags.map((tag) =>
      element("tr", {}, element("td", {}, tag.name), element("td", {}, prose(tag.description)))))),
    element("h3", {}, "Reasons of problems"),
    element("table", {}, element("tbody", {}, ...Object.entries(reasons).map(([reason, said]) =>
      element("tr", { id: reason }, element("td", {}, element("code", {}, reason)), element("td", {}, prose(said)))))),
  ];
}

function page(operation) {
  const parameters = (operation.parameters || []).map((parameter) => resolve(api, parameter));
  const content = Object.entries(operation.requestBody?.content || {})[0];
  const answer = operation.responses["200"];
  const answered = Object.values(answer.content || {})[0]?.schema;
  const answerBox = element("div", { "aria-live": "polite" });
  const form = element("form", { autocomplete: "off" });
  if (parameters.length) {
    form.append(element("div", { class: "fields" }, ...parameters.flatMap((parameter, index) => {
      const id = `parameter-${index}`;
      return [
        element("label", { for: id }, element("code", {}, parameter.name), parameter.required ? element("b", { title: "required" }, " *") : null),
        element("div", {}, input(api, parameter, id),
          element("small", {}, prose(parameter.description), " ", element("span", {}, `(${parameter.in}, ${kind(api, parameter.schema)})`))),
      ];
    })));
  }
  let body = null;
  if (content) {
    const lines = content[0] !== "application/json";
    const shown = example(api, content[1].schema);
    body = element("textarea", { id: "body", spellcheck: "false", "aria-label": "Request body" });
    body.value = lines ? `${JSON.stringify(shown)}\n` : JSON.stringify(shown, null, 2);
    form.append(element("h3", {}, `Body, ${content[0]}`), body);
  }
  const send = element("button", { class: "primary" }, "Send");
  const curl = element("button", { type: "button", onclick: () => copyCurl(operation, form, body, content?.[0], curl) }, "Copy as curl");
  form.append(element("div", { class: "send" }, send, curl));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    call(operation, form, body, content?.[0], send, answerBox);
  });
  return [
    element("h2", {}, operation.operationId.split("_")[1]),
    element("div", { class: "path" }, element("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()), element("span", {}, operation.path)),
    element("p", {}, prose(operation.description.replace(/ Roles: [^.]*\.$/, ""))),
    element("ul", { class: "chips", "aria-label": "Roles that may call it" }, ...operation.security[0].bearer.map((role) => element("li", {}, role))),
    element("h3", {}, "Try it"), form, answerBox,
    ...(content ? [element("h3", {}, "Fields of the body"), shape(api, content[1].schema)] : []),
    element("h3", {}, "Answer"), element("p", {}, prose(answer.description)), shape(api, answered),
    element("h3", {}, "Errors"),
    element("table", {}, element("tbody", {}, ...Object.entries(operation.responses).filter(([status]) => status !== "200").map(([status, response]) =>
      element("tr", {}, element("td", {}, status), element("td", {}, prose(resolve(api, response).description)))))),
  ];
}

/** The request that the form describes. */
function request(operation, form, body, type) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const field of form.querySelectorAll("[data-in]")) {
    const value = field.value.trim();
    if (field.dataset.in === "path") path = path.replace(`{${field.name}}`, encodeURIComponent(value));
    else if (value && field.dataset.in === "header") headers[field.name] = value;
    else if (value && field.dataset.several !== undefined) value.split(/\s+/).forEach((one) => query.append(field.name, one));
    else if (value) query.append(field.name, value);
  }
  if (token.value.trim()) headers.Authorization = `Bearer ${token.value.trim()}`;
  if (body) headers["Content-Type"] = type;
  const asked = query.toString();
  return { url: asked ? `${path}?${asked}` : path, method: operation.method.toUpperCase(), headers, body: body?.value };
}

async function call(operation, form, body, type, button, box) {
  const { url, method, headers, body: text } = request(operation, form, body, type);
  button.disabled = true;
  const begin = performance.now();
  try {
    const response = await fetch(url, { method, headers, body: text });
    const answer = await response.text();
    const took = Math.round(performance.now() - begin);
    box.replaceChildren(
      element("h3", {}, "What came back"),
      element("div", {}, element("span", { class: `status ${response.ok ? "good" : "bad"}` }, `${response.status} ${response.statusText}`),
        element("span", { class: "soft" }, ` ${took} ms, ${answer.length} characters, ${response.headers.get("content-type") || "no type"}`)),
      element("pre", {}, pretty(answer)));
  } catch (error) {
    box.replaceChildren(element("p", { class: "status bad" }, `The request did not arrive: ${error.message}`));
  } finally {
    button.disabled = false;
  }
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function copyCurl(operation, form, body, type, button) {
  const { url, method, headers, body: text } = request(operation, form, body, type);
  const quote = (value) => `'${value.replaceAll("'", "'\\''")}'`;
  const shown = { ...headers };
  if (shown.Authorization) shown.Authorization = "Bearer $TOKEN";
  const words = ["curl", "-X", method, quote(location.origin + url),
    ...Object.entries(shown).flatMap(([name, value]) => ["-H", value.includes("$TOKEN") ? `"${name}: ${value}"` : quote(`${name}: ${value}`)])];
  if (text) words.push("--data-binary", quote(text));
  navigator.clipboard.writeText(words.join(" ")).then(
    () => { button.textContent = "Copied"; setTimeout(() => { button.textContent = "Copy as curl"; }, 1500); },
    () => { button.textContent = "The clipboard is not to be had"; });
}
