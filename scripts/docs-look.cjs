// Looks at each page of the book at a phone's and a desktop's width: nothing may be wider than the window. Leaves the pictures.
const { existsSync, mkdirSync, readdirSync } = require("fs");
const { join, relative, resolve } = require("path");
const puppeteer = require("puppeteer-core");

const [book, pictures] = process.argv.slice(2).map((path) => resolve(path));
const WIDTHS = { phone: 390, desktop: 1280 };

function pages(folder) {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return pages(path);
        return entry.name.endsWith(".html") && !["print.html", "404.html", "toc.html"].includes(entry.name) ? [path] : [];
    });
}

async function main() {
    mkdirSync(pictures, { recursive: true });
    const browser = await puppeteer.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--allow-file-access-from-files"] });
    const faults = [];
    let looked = 0;
    for (const path of pages(book)) {
        for (const [device, width] of Object.entries(WIDTHS)) {
            const page = await browser.newPage();
            await page.setViewport({ width, height: 900 });
            page.on("requestfailed", (request) => faults.push(`${relative(book, path)}: ${request.url()} is not there`));
            await page.goto(`file://${path}`, { waitUntil: "networkidle0" });
            const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            if (wider > 0) faults.push(`${relative(book, path)}: ${wider} pixels wider than a ${device}`);
            await page.screenshot({ path: join(pictures, `${relative(book, path).replaceAll("/", "-")}.${device}.png`) });
            await page.close();
            looked += 1;
        }
    }
    await browser.close();
    faults.forEach((fault) => console.error(fault));
    console.log(`docs: ${looked} views, ${faults.length} faults; pictures in ${relative(".", pictures)}`);
    if (faults.length || !existsSync(pictures)) process.exit(1);
}

main();
