// Opens the page in a real Chromium and behaves like a reader: scrolls, stays, follows a link, leaves.
// usage: browser.mjs GATE person|headless; prints the answers that the browser got, as JSON.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [gate, who] = process.argv.slice(2);
// Node 18, as Debian has it, knows no import.meta.dirname.
const folder = fileURLToPath(new URL(".", import.meta.url));
const modules = process.env.CLIENT_MODULES;
const types = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" };

const server = createServer(async (request, response) => {
  const path = normalize(new URL(request.url, "http://x").pathname);
  const file = path === "/" ? join(folder, "page.html") : join(modules, path);
  for (const candidate of [file, `${file}.js`]) {
    const content = await readFile(candidate).catch(() => null);
    if (content) return response.writeHead(200, { "content-type": types[extname(candidate)] ?? "text/plain" }).end(content);
  }
  response.writeHead(404).end();
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
// The trackers keep silent in a browser that says it is automated.
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: [...quiet, "--disable-blink-features=AutomationControlled"] });
const headless = await (await browser.newContext()).newPage().then((page) => page.evaluate(() => navigator.userAgent));
if (!headless.includes("HeadlessChrome")) throw new Error(`not a headless browser's User-Agent: ${headless}`);
const userAgent = who === "person" ? headless.replace("HeadlessChrome", "Chrome") : headless;
const page = await (await browser.newContext({ userAgent })).newPage();

const answers = [];
page.context().on("response", (response) => {
  const request = response.request();
  if (response.url().startsWith(gate)) answers.push({ method: request.method(), status: response.status(), body: request.postData() });
});
await page.goto(`http://127.0.0.1:${server.address().port}/?gate=${encodeURIComponent(gate)}`);
await page.locator("html[data-ready=yes]").waitFor({ state: "attached" });
await page.mouse.wheel(0, 3000);
// The current tracker tells of engagement once it has lasted three seconds, when a single-page site's next page ends it.
await page.waitForTimeout(3500);
await page.evaluate(() => history.pushState({}, "", "/next"));
await page.waitForTimeout(500);
await page.click("#out");
await page.waitForTimeout(500);
await browser.close();
server.close();
console.log(JSON.stringify(answers));
