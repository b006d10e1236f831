"""The rules of the house (docs/architecture.md), checked on the source itself."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STOREYS = ("imagery", "models", "evidence")
SOURCES = [path for storey in STOREYS for path in sorted((ROOT / storey).rglob("*.py"))]
MAY_IMPORT = {
    "torch": ("models/wagons/", "models/occupancy/learn.py"),
    "rasterio": ("imagery/sources/",),
    "pystac": ("imagery/sources/",),
    "obstore": ("imagery/sources/stores/bucket.py",),
    "xarray": ("imagery/cubes.py", "imagery/sources/"),
}


def relative(path):
    return path.relative_to(ROOT).as_posix()


def imports(path, *, top_only=False):
    """Dotted names that a file imports, with the node that does it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: write absolute imports"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


def arrows(path):
    return {name for name in imports(path) if name in MODULES} - {module_name(path)}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_only_go_down(path):
    floor = STOREYS.index(path.relative_to(ROOT).parts[0])
    above = set(STOREYS[floor + 1 :])
    assert not {name for name in imports(path) if name.split(".")[0] in above}


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_guests_stay_in_their_rooms(path):
    for guest, rooms in MAY_IMPORT.items():
        if any(name.split(".")[0] == guest for name in imports(path)):
            assert relative(path).startswith(rooms), f"{guest} belongs in {rooms}"


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_stand_at_the_top(path):
    """Late imports hide circles; only these may delay them, to start fast."""
    late_by_rule = (
        "evidence/cli/",
        "evidence/run.py",
        "imagery/cubes.py",
        "models/wagons/registry.py",
        "models/occupancy/registry.py",
    )
    if not relative(path).startswith(late_by_rule):
        late = set(imports(path)) - set(imports(path, top_only=True))
        assert not late, f"imports inside functions or conditions: {sorted(late)}"


def test_there_are_no_circles():
    graph = {name: arrows(path) for name, path in MODULES.items()}
    done = set()

    def visit(name, trail):
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for target in sorted(graph[name]):
                # A package's own __init__ is run before its rooms; it must stay empty of them.
                visit(target, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_only_evidence_speaks_above_observe():
    """Above observe.py there are no pixels, only numbers.

    pictures.py, crops.py, overlays.py and review/pictures.py show them again, doctor.py tries one, and what
    a user draws on them (labels, axes) is read and written in rooms of its own.
    """
    allowed = {
        f"evidence/{name}.py"
        for name in (
            "observe",
            "crops",
            "pictures",
            "doctor",
            "labels/overlays",
            "labels/scoring",
            "labels/adapting",
            "labels/tracing",
            "review/pictures",
        )
    }
    openers = {relative(path) for path in SOURCES if "imagery.reader" in arrows(path)}
    assert {name for name in openers if name.startswith("evidence/")} <= allowed


def test_stats_never_see_a_pixel():
    for path in (ROOT / "models" / "stats").rglob("*.py"):
        assert not {name for name in arrows(path) if name.startswith("imagery.") and "errors" not in name} - {
            "imagery.period",
            "imagery.period.Period",
        }


def test_tests_hold_no_package():
    assert not (ROOT / "tests" / "__init__.py").exists()
