"""Every command has its page, and what the pages name is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from evidence.cli import app

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = DOCS / "commands"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)\s]+))?\)")


def commands(group=None, before=""):
    """Each command and what it is."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


KNOWN = dict(commands())


def options_of(command):
    return {
        text for one in command.params for text in (*one.opts, *one.secondary_opts) if text.startswith("--")
    }


def slug(title):
    """The anchor that a heading has on the web."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def test_every_command_has_a_page_and_every_page_a_command():
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    assert pages == {name.replace(" ", "-") for name in KNOWN}
    index = (PAGES / "README.md").read_text()
    assert all(f"({name.replace(' ', '-')}.md)" in index for name in KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_a_page_says_what_the_command_takes_and_leaves(name):
    page = (PAGES / f"{name.replace(' ', '-')}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# yardwatch {name}\n")
    examples = [line.strip() for line in page.splitlines() if line.startswith("    ")]
    assert examples
    assert all(line.startswith(f"yardwatch {name}") for line in examples)
    assert "**Writes** " in page
    assert "**Exit code** 0 " in page
    options = options_of(KNOWN[name]) | {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page)) <= options
    # What has to be given is on the page.
    needed = {one.opts[0] for one in KNOWN[name].params if one.required and one.opts[0].startswith("--")}
    assert all(option in page for option in needed)


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        there = (path.parent / target).resolve()
        assert there.exists(), f"{path.name}: {target}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, titles), f"{path.name}: {target}#{anchor}"


def test_the_index_leads_to_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.glob("*.md")} | {"commands/README.md"}
    assert {target for target, _ in LINK.findall(index)} >= pages - {"README.md"}


def test_help_needs_no_heavy_library():
    said = "import sys, evidence.cli; print(sorted({'torch', 'rasterio', 'scipy', 'cv2'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
