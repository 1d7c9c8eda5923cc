"""Runs the console blocks of a page in one shell, prints what happens, and compares it with what the page shows.

usage: console.py PAGE
"""

import re
import subprocess
import sys
from pathlib import Path

MARK = "@@console@@"


def steps(text):
    """Each command with the lines that the page shows after it."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.S | re.M):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def run(shell, command):
    shell.stdin.write(f"{command}\necho {MARK}\n")
    shell.stdin.flush()
    lines = []
    # A command may end without a line end.
    for line in shell.stdout:
        text = line.rstrip("\n")
        if text.endswith(MARK):
            rest = text.removesuffix(MARK)
            return lines + ([rest] if rest else [])
        lines.append(text)
    sys.exit(f"the shell ended at: {command}")


shell = subprocess.Popen(["bash", "-m"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=1, text=True)
faults = 0
# What the shell says of having no terminal.
run(shell, "true")
page = steps(Path(sys.argv[1]).read_text())
for command, shown in page:
    print(f"$ {command}", flush=True)
    printed = run(shell, command)
    for line in printed:
        print(line, flush=True)
    if [line for line in printed if line] != [line for line in shown if line]:
        faults += 1
        print(f"!! the page shows: {shown}", flush=True)
shell.stdin.close()
shell.terminate()
print(f"{len(page)} commands, {faults} differ from the page")
sys.exit(1 if faults or not page else 0)
