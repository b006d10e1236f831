"""Makes of wagons that a scenario can name, with real lengths, and single wagons drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from imagery.errors import ConfigError
from imagery.synthetic.layout import Colour
from imagery.synthetic.wagons import FORMS, TARPS, WagonSpec


@dataclass(frozen=True)
class Make:
    """One make: its size is fixed, its colours are those of its form."""

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
    load: str = "empty"
    """What it carries where the scenario does not say."""


STOCK: Mapping[str, Make] = MappingProxyType(
    {
        # Lengths over couplers (length + gap): 13.92 m, 16.97 m and 19.62 m are the common Russian makes.
        "gondola": Make("gondola", 12.78, 1.14, 3.16, 3.48),
        "boxcar": Make("boxcar", 15.75, 1.22, 3.25, 4.70),
        "container flat": Make("container flat", 18.40, 1.22, 2.50, 3.90, "boxes"),
        "short flat": Make("container flat", 6.06, 1.00, 2.50, 3.90, "boxes"),
        "flat": Make("flat", 13.40, 1.22, 2.87, 1.30),
        "tank": Make("tank", 10.80, 1.22, 3.00, 4.60),
        "hopper": Make("covered hopper", 13.20, 1.20, 3.20, 4.60),
        "locomotive": Make("locomotive", 16.50, 1.05, 3.00, 4.30),
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
        tarp: ``none`` or a key of wagons.TARPS.
        load: As in WagonSpec; the make's own where ``empty``.
        length_m: Over the end walls; the make's own where None.

    Raises:
        ConfigError: The make or the tarpaulin is unknown.
    """
    chosen = make(name)
    if tarp != "none" and tarp not in TARPS:
        raise ConfigError(f"unknown tarpaulin {tarp!r}: known are none, {', '.join(TARPS)}")
    colours = FORMS[chosen.form].colours
    covers = TARPS[tarp] if tarp != "none" else ((0, 0, 0),)
    return WagonSpec(
        form=chosen.form,
        length_m=length_m or chosen.length_m,
        width_m=chosen.width_m,
        height_m=chosen.height_m,
        colour=_shade(rng, colours[rng.integers(len(colours))]),
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
