"""The engines that are compared. Each takes values and says of each whether it is a bot."""

import json
import subprocess

from . import sources

BINARY = sources.ROOT / "target/release/trackgate"
SURE = {"crawler", "headless", "http_library"}
STRICT = SURE | {"suspected"}

ISBOT = "const {isbot} = require('isbot'); const v = JSON.parse(require('fs').readFileSync(0)); console.log(JSON.stringify(v.map(u => isbot(u))))"
CRAWLER_USER_AGENTS = """import json, re, sys
from crawleruseragents import CRAWLER_USER_AGENTS_DATA as data
union = re.compile("|".join(entry["pattern"] for entry in data))
json.dump([bool(union.search(value)) for value in json.load(sys.stdin)], sys.stdout)"""
CRAWLERDETECT = """import json, sys
from crawlerdetect import CrawlerDetect
detect = CrawlerDetect()
json.dump([bool(detect.is_crawler(value)) for value in json.load(sys.stdin)], sys.stdout)"""
# Plausible's own test: a bot of Matomo's list, or Headless Chrome. device-detector is LGPL: run here, never carried over.
DEVICE_DETECTOR = """import json, sys
from device_detector import DeviceDetector
def is_bot(value):
    detector = DeviceDetector(value, check_cache=False)
    detector.parse_bot()
    return bool(detector.is_bot() or "headless" in value.lower() and detector.parse().client_name() == "Headless Chrome")
json.dump([is_bot(value) for value in json.load(sys.stdin)], sys.stdout)"""


def build():
    """Builds trackgate as it is shipped."""
    sources.run("cargo", "build", "--release", "--quiet", "--bin", "trackgate", cwd=sources.ROOT)


def classes(values):
    """The class that trackgate gives each value."""
    return first_fields(values)


def dropped(values, vendor):
    """Of each value whether trackgate drops it at the vendor by default: its reason is `bot`."""
    return [reason == "bot" for reason in first_fields(values, "--vendor", vendor)]


def first_fields(values, *options):
    text = "".join(value + "\n" for value in values).encode()
    done = subprocess.run([BINARY, "classify-ua", *options, "-"], input=text, stdout=subprocess.PIPE, check=True)
    found = [line.split(b"\t", 1)[0].decode() for line in done.stdout.split(b"\n")[:-1]]
    if len(found) != len(values):
        raise SystemExit(f"trackgate classify-ua: expected {len(values)} lines, found {len(found)}")
    return found


def others():
    """{name: values -> verdicts} of the libraries compared with."""
    python = sources.TOOLS / "venv/bin/python"
    return {
        "isbot": lambda values: ask(["node", "-e", ISBOT], values),
        "crawler-user-agents": lambda values: ask([python, "-c", CRAWLER_USER_AGENTS], values),
        "CrawlerDetect": lambda values: ask([python, "-c", CRAWLERDETECT], values),
        "device-detector": lambda values: ask([python, "-c", DEVICE_DETECTOR], values),
    }


def ask(command, values):
    done = sources.run(*command, cwd=sources.TOOLS, input=json.dumps(values).encode(), stdout=subprocess.PIPE)
    return json.loads(done.stdout)
