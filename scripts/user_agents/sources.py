"""The registries' packages: installed by their ordinary clients under .tools/, read from there."""

import json
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools" / "user_agents"
PYTHON_PACKAGES = ["crawler-user-agents", "crawlerdetect", "device-detector", "fake-useragent", "pyyaml"]
NODE_PACKAGES = ["isbot", "user-agents", "top-user-agents"]


def install(refresh=False):
    """Installs what is missing; with `refresh` asks the registries for newer versions."""
    python = TOOLS / "venv" / "bin" / "python"
    if not python.exists():
        venv.create(TOOLS / "venv", with_pip=True)
    if refresh or not all(_has_python(name) for name in PYTHON_PACKAGES):
        run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", *PYTHON_PACKAGES)
    if refresh or not all((TOOLS / "node_modules" / name).exists() for name in NODE_PACKAGES):
        latest = [f"{name}@latest" for name in NODE_PACKAGES] if refresh else NODE_PACKAGES
        run("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", TOOLS, *latest)


def run(*command, **options):
    try:
        return subprocess.run([str(part) for part in command], check=True, **options)
    except FileNotFoundError:
        sys.exit(f"{command[0]}: not found; it is needed to compare with the registries' packages")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(str(part) for part in command)}: ended with {error.returncode}")


def site_packages():
    return next((TOOLS / "venv" / "lib").glob("python*/site-packages"))


def _has_python(name):
    return any(site_packages().glob(f"{name.replace('-', '_')}-*.dist-info"))


def versions():
    """Name and version of each source, for the headers of the lists."""
    found = {"isbot": json.loads((TOOLS / "node_modules/isbot/package.json").read_text())["version"]}
    for name in ("crawler-user-agents", "crawlerdetect"):
        folder = next(site_packages().glob(f"{name.replace('-', '_')}-*.dist-info"))
        found[name] = folder.name.removesuffix(".dist-info").rsplit("-", 1)[1]
    return found


def isbot():
    """isbot's expressions."""
    script = "process.stdout.write(JSON.stringify(require('isbot').list))"
    return json.loads(run("node", "-e", script, cwd=TOOLS, capture_output=True).stdout)


def crawler_user_agents():
    """crawler-user-agents' entries: pattern, url, tags, instances."""
    return json.loads((site_packages() / "crawleruseragents/crawler-user-agents.json").read_text())


def crawlerdetect():
    """CrawlerDetect's expressions."""
    script = "import json; from crawlerdetect.providers.crawlers import data; print(json.dumps(data))"
    return json.loads(run(TOOLS / "venv/bin/python", "-c", script, capture_output=True).stdout)
