"""Which wagons there are: their forms, sizes, colours, loads and tarpaulins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imagery.errors import InputError
from imagery.synthetic.layout import Colour

KINDS = (
    "gondola",
    "boxcar",
    "flat",
    "container flat",
    "tank",
    "hopper",
    "locomotive",
    "coach",
    "other",
)
"""Kinds as they stand in the truth; an autorack is ``other``."""

TARPS: dict[str, tuple[Colour, ...]] = {
    "blue": ((42, 78, 158), (60, 105, 190), (35, 60, 120), (95, 140, 205), (120, 132, 185)),
    "white": ((225, 225, 222), (205, 205, 200), (238, 236, 228)),
    "green": ((52, 92, 62), (70, 125, 85), (45, 70, 50)),
    "grey": ((128, 130, 132), (96, 98, 102), (158, 158, 156)),
    "other": ((150, 105, 60), (165, 60, 45), (50, 50, 52), (205, 170, 60), (190, 165, 130)),
}
"""Colours of tarpaulins, by the name that the truth gives them."""


@dataclass(frozen=True)
class WagonSpec:
    """One wagon."""

    form: str = "gondola"
    """Key into FORMS: finer than the kind."""
    length_m: float = 12.8
    """Over the end walls; coupled neighbours stand 0.6 to 1.2 m apart."""
    width_m: float = 3.1
    """Of the body."""
    height_m: float = 3.5
    """Above rail."""
    colour: Colour = (110, 66, 52)
    """Of body or roof."""
    load: str = "empty"
    """``empty``, ``boxes`` or a key of loads.LOADS."""
    tarp: str = "none"
    """``none`` or a key of TARPS."""
    tarp_colour: Colour = (0, 0, 0)
    """Of the tarpaulin."""
    tarp_shape: str = "taut"
    """``taut``, ``ridged``, ``sagging`` or ``folded``; a folded one covers a part only."""
    wear: float = 0.3
    """Rust, dirt and fading, 0 to 1."""
    snow: float = 0.0
    """Share of the top under snow, 0 to 1."""
    seed: int = 0
    """Picks stains, loads and boxes."""
    make: int | None = None
    """Picks what wagons of one make share: ribs, hatches, bows. None takes the seed."""

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise InputError(f"unknown wagon form {self.form!r}; known are {', '.join(FORMS)}")
        if not (4.0 <= self.length_m <= 32.0 and 2.0 <= self.width_m <= 4.0 and 0.5 <= self.height_m <= 7.0):
            raise InputError(
                f"a wagon of {self.length_m} x {self.width_m} x {self.height_m} m: "
                "lengths run from 4 to 32 m, widths from 2 to 4 m, heights from 0.5 to 7 m"
            )
        if self.tarp != "none" and self.tarp not in TARPS:
            raise InputError(f"unknown tarpaulin {self.tarp!r}; known are none, {', '.join(TARPS)}")

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return FORMS[self.form].kind

    @property
    def hull(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Extent of the body along and across, metres from its middle."""
        x, y = self.length_m / 2, self.width_m / 2
        return (-x, x), (-y, y)


@dataclass(frozen=True)
class Form:
    """The range that wagons of one form are drawn from."""

    kind: str
    """One of KINDS."""
    lengths_m: tuple[tuple[float, float], ...]
    """Ranges of length, each as likely; a block has one length."""
    width_m: tuple[float, float]
    """Range."""
    height_m: tuple[float, float]
    """Range, above rail."""
    colours: tuple[Colour, ...]
    """Of body or roof."""
    loads: tuple[str, ...] = ("empty",)
    """Loads, each as likely."""
    tarp_share: float = 0.0
    """How many of a hundred blocks are covered, as a share."""


_OXIDE: tuple[Colour, ...] = ((110, 66, 52), (92, 60, 50), (128, 82, 66), (138, 66, 58), (86, 70, 62))
_DULL: tuple[Colour, ...] = (
    (112, 112, 110),
    (82, 84, 86),
    (58, 60, 62),
    (70, 92, 76),
    (66, 84, 112),
    (46, 46, 48),
)
_PALE: tuple[Colour, ...] = (
    (228, 226, 218),
    (205, 203, 196),
    (186, 184, 178),
    (222, 212, 190),
    (210, 176, 138),
)

FORMS: dict[str, Form] = {
    "gondola": Form(
        "gondola",
        ((12.2, 13.0), (12.4, 12.9), (13.5, 16.0), (9.0, 11.0), (16.0, 20.5)),
        (2.8, 3.2),
        (2.3, 3.8),
        _OXIDE + _DULL,
        ("empty", "empty", "coal", "coal", "ore", "scrap", "timber", "sand"),
        0.25,
    ),
    "boxcar": Form(
        "boxcar",
        ((12.5, 14.6), (13.8, 16.0), (15.2, 17.0), (16.8, 19.4), (19.5, 23.0), (7.0, 10.0)),
        (2.8, 3.25),
        (3.9, 5.0),
        _OXIDE
        + _DULL
        + _PALE
        + ((90, 112, 190), (120, 176, 196), (52, 82, 160), (190, 130, 60), (60, 110, 80)),
    ),
    "covered hopper": Form(
        "hopper", ((11.0, 14.0), (15.0, 18.5)), (2.9, 3.25), (4.2, 4.9), _PALE + _DULL[:2]
    ),
    "open hopper": Form(
        "hopper",
        ((9.0, 12.0), (12.0, 15.5)),
        (2.9, 3.2),
        (3.0, 4.2),
        _OXIDE + _DULL,
        ("empty", "coal", "ore", "sand"),
        0.1,
    ),
    "tank": Form(
        "tank",
        ((10.2, 12.0), (12.0, 13.6), (13.4, 17.0), (7.5, 9.5)),
        (2.6, 3.1),
        (3.9, 4.7),
        _PALE + _DULL + ((40, 42, 46), (44, 44, 44), (62, 78, 120), (150, 90, 60)),
    ),
    "flat": Form(
        "flat",
        ((12.2, 14.2), (13.0, 14.6), (17.5, 19.8), (8.5, 10.5), (24.0, 27.5)),
        (2.7, 3.15),
        (1.15, 1.35),
        ((122, 104, 84), (112, 92, 72), (118, 116, 110), (96, 78, 64), (134, 122, 104), (140, 138, 132)),
        ("empty", "empty", "timber", "planks", "boxes"),
        0.12,
    ),
    "container flat": Form(
        "container flat",
        ((12.8, 14.2), (17.8, 19.6), (24.5, 27.0), (16.0, 18.5)),
        (2.45, 2.9),
        (3.7, 4.1),
        ((96, 84, 74), (84, 84, 84), (104, 70, 58), (74, 76, 78)),
        ("boxes", "boxes", "boxes", "boxes", "boxes", "empty"),
    ),
    "autorack": Form(
        "other",
        ((26.5, 28.8), (24.5, 27.5)),
        (3.0, 3.25),
        (4.6, 5.8),
        (*_PALE, (150, 152, 152), (172, 150, 128)),
    ),
    "locomotive": Form(
        "locomotive",
        ((14.0, 16.5), (16.5, 19.5), (19.0, 22.5), (8.5, 11.0)),
        (2.8, 3.15),
        (4.0, 4.7),
        (
            (176, 48, 42),
            (72, 74, 78),
            (52, 96, 66),
            (46, 70, 130),
            (206, 150, 50),
            (110, 46, 44),
            (150, 150, 150),
        ),
    ),
    "coach": Form(
        "coach",
        ((22.5, 26.6), (23.5, 25.5)),
        (2.8, 3.1),
        (3.9, 4.5),
        ((190, 190, 188), (150, 152, 154), (98, 100, 102), (70, 96, 78), (118, 60, 52), (66, 84, 128)),
    ),
}
"""Forms of wagons. Ranges: rolling-stock catalogues and what yards show; colours as seen in full sun."""

COMMON = {
    "gondola": 0.27,
    "boxcar": 0.17,
    "covered hopper": 0.1,
    "open hopper": 0.05,
    "tank": 0.13,
    "flat": 0.09,
    "container flat": 0.1,
    "autorack": 0.05,
    "locomotive": 0.015,
    "coach": 0.025,
}
"""How common each form is over all yards."""


@dataclass(frozen=True)
class Placed:
    """A wagon on a track."""

    track: int
    """Index into Layout.tracks_m."""
    start_m: float
    """Distance along the track to the wagon's first end wall."""
    spec: WagonSpec
    """What stands there."""

    @property
    def end_m(self) -> float:
        """Distance along the track to the wagon's other end wall."""
        return self.start_m + self.spec.length_m


def random_spec(
    rng: np.random.Generator, form: str | None = None, tarp_share: float | None = None
) -> WagonSpec:
    """Draw one wagon.

    Args:
        rng: Source of randomness.
        form: Key into FORMS; drawn by how common it is if None.
        tarp_share: Chance that a wagon that can be covered is covered; the form's own if None.
    """
    if form is None:
        form = str(rng.choice(list(COMMON), p=np.array(list(COMMON.values())) / sum(COMMON.values())))
    kind = FORMS[form]
    length = rng.uniform(*kind.lengths_m[rng.integers(len(kind.lengths_m))])
    if rng.random() < 0.03:
        length = rng.uniform(6.0, 29.0)
    load = str(rng.choice(kind.loads))
    covered = rng.random() < (kind.tarp_share if tarp_share is None or not kind.tarp_share else tarp_share)
    tarp = str(rng.choice(list(TARPS), p=[0.38, 0.17, 0.15, 0.15, 0.15])) if covered else "none"
    return WagonSpec(
        form=form,
        length_m=float(length),
        width_m=float(rng.uniform(*kind.width_m)),
        height_m=float(rng.uniform(*kind.height_m)),
        colour=vary(rng, kind.colours[rng.integers(len(kind.colours))]),
        load=load,
        tarp=tarp,
        tarp_colour=vary(rng, TARPS[tarp][rng.integers(len(TARPS[tarp]))]) if covered else (0, 0, 0),
        tarp_shape=str(rng.choice(["taut", "ridged", "sagging", "folded"], p=[0.35, 0.3, 0.25, 0.1])),
        wear=float(rng.beta(1.6, 2.4)),
        seed=int(rng.integers(1 << 30)),
        make=int(rng.integers(1 << 30)),
    )


def vary(rng: np.random.Generator, colour: Colour) -> Colour:
    """A colour near to another."""
    value = np.clip(np.array(colour) * rng.uniform(0.82, 1.15) + rng.normal(0, 5, 3), 12, 250)
    return int(value[0]), int(value[1]), int(value[2])
