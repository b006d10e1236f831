"""Makes of wagons that a scenario can name, with real lengths, and single wagons drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from imagery.errors import ConfigError
from imagery.synthetic.layout import Colour
from imagery.synthetic.wagons import WagonSpec

_OXIDE: tuple[Colour, ...] = ((110, 66, 52), (92, 60, 50), (128, 82, 66), (138, 66, 58), (86, 70, 62))
_DULL: tuple[Colour, ...] = ((112, 112, 110), (82, 84, 86), (58, 60, 62), (70, 92, 76))
_PALE: tuple[Colour, ...] = ((222, 220, 212), (205, 203, 196), (186, 184, 178))

COVERS: Mapping[str, tuple[Colour, ...]] = MappingProxyType(
    {
        "blue": ((42, 78, 158), (60, 105, 190), (35, 60, 120), (95, 140, 205)),
        "white": ((225, 225, 222), (205, 205, 200)),
        "green": ((52, 92, 62), (70, 125, 85)),
        "grey": ((128, 130, 132), (96, 98, 102)),
    }
)
"""Colours of tarpaulins by name. Colours stand here, not in the painter's palettes, so that the 10 m scenes
stay the same when the painter of single wagons learns new ones."""


@dataclass(frozen=True)
class Make:
    """One make: of fixed size, in a few colours."""

    form: str
    """Key into wagons.FORMS."""
    length_m: float
    """Over the end walls."""
    gap_m: float
    """Between the end walls of two coupled wagons of this make."""
    width_m: float
    """Of the body."""
    height_m: float
    """Above rail."""
    colours: tuple[Colour, ...]
    """Of body or roof."""
    load: str = "empty"
    """What it carries where the scenario does not say."""


STOCK: Mapping[str, Make] = MappingProxyType(
    {
        # Lengths over couplers (length + gap): 13.92 m, 16.97 m and 19.62 m are the common Russian makes.
        "gondola": Make("gondola", 12.78, 1.14, 3.16, 3.48, _OXIDE + _DULL),
        "boxcar": Make("boxcar", 15.75, 1.22, 3.25, 4.70, _OXIDE + _DULL + _PALE),
        "container flat": Make("container flat", 18.40, 1.22, 2.50, 3.90, _OXIDE, "boxes"),
        "short flat": Make("container flat", 6.06, 1.00, 2.50, 3.90, _OXIDE, "boxes"),
        "flat": Make("flat", 13.40, 1.22, 2.87, 1.30, ((122, 104, 84), (118, 116, 110), (96, 78, 64))),
        "tank": Make("tank", 10.80, 1.22, 3.00, 4.60, _DULL + _PALE),
        "hopper": Make("covered hopper", 13.20, 1.20, 3.20, 4.60, _PALE),
        "locomotive": Make("locomotive", 16.50, 1.05, 3.00, 4.30, ((52, 96, 66), (110, 46, 44))),
    }
)
"""Makes by the name that a scenario gives them. Sources: makers' catalogues, see docs/sample-archive.md."""


def make(name: str) -> Make:
    """The make of that name.

    Raises:
        ConfigError: There is none; the message lists those there are.
    """
    if name not in STOCK:
        raise ConfigError(f"unknown wagon {name!r}: known are {', '.join(STOCK)}")
    return STOCK[name]


def draw_wagon(
    rng: np.random.Generator,
    name: str,
    tarp: str = "none",
    load: str = "empty",
    length_m: float | None = None,
) -> WagonSpec:
    """One wagon of a make, with its own colour, wear and stains.

    Args:
        rng: Source of randomness.
        name: Key into STOCK.
        tarp: ``none`` or a key of COVERS.
        load: As in WagonSpec; the make's own where ``empty``.
        length_m: Over the end walls; the make's own where None.

    Raises:
        ConfigError: The make or the tarpaulin is unknown.
    """
    chosen = make(name)
    if tarp != "none" and tarp not in COVERS:
        raise ConfigError(f"unknown tarpaulin {tarp!r}: known are none, {', '.join(COVERS)}")
    covers = COVERS[tarp] if tarp != "none" else ((0, 0, 0),)
    return WagonSpec(
        form=chosen.form,
        length_m=length_m or chosen.length_m,
        width_m=chosen.width_m,
        height_m=chosen.height_m,
        colour=_shade(rng, chosen.colours[rng.integers(len(chosen.colours))]),
        load=chosen.load if load == "empty" else load,
        tarp=tarp,
        tarp_colour=_shade(rng, covers[rng.integers(len(covers))]),
        tarp_shape=str(rng.choice(["taut", "ridged", "sagging"])),
        wear=float(rng.uniform(0.1, 0.6)),
        seed=int(rng.integers(1 << 30)),
    )


def _shade(rng: np.random.Generator, colour: Colour) -> Colour:
    red, green, blue = (int(min(250, max(8, part * rng.uniform(0.88, 1.1)))) for part in colour)
    return red, green, blue
