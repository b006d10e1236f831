"""Pictures as a reader meets them: with their boxes, scale, and what they are in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evidence.report.content import Picture
from evidence.report.images import Bar, Encoded, encode, scale_bar
from evidence.report.words import anchors, count, moment

PICTURES_BYTES = 9_000_000
"""All pictures together, before base64 adds a third: keeps the page under 15 MB."""
PICTURE_BYTES = 700_000
"""One picture at most."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture with its boxes."""

    anchor: str
    """HTML id."""
    picture: Picture
    """As given."""
    encoded: Encoded
    """As embedded."""
    bar: Bar | None
    """Scale bar, where the scale is known."""
    boxes: tuple[tuple[str, str], ...]
    """Points of each box's outline as SVG writes them, and its label."""
    facts: str
    """Date, sensor, scale and number of boxes."""
    alt: str
    """What a reader who cannot see it must know."""


def frames(pictures: Sequence[Picture]) -> list[Frame]:
    """Each picture ready for the page, by site and date; all of them together keep it under 15 MB."""
    share = min(PICTURE_BYTES, PICTURES_BYTES // max(1, len(pictures)))
    ordered = sorted(pictures, key=lambda p: (p.site, moment(p.taken_at), p.scene_id))
    names = anchors("picture", (f"{p.site} {p.scene_id}" for p in ordered))
    return [_picture(picture, anchor, share) for picture, anchor in zip(ordered, names, strict=True)]


def _picture(picture: Picture, anchor: str, share: int) -> Frame:
    boxes = count(len(picture.boxes), "box").replace("boxs", "boxes")
    scale = "" if picture.gsd_m is None else f", {picture.gsd_m:.3g} m a pixel"
    facts = f"{moment(picture.taken_at)} UTC, {picture.sensor}{scale}, {boxes}"
    if picture.taken_at is None:
        facts = facts.replace(" UTC", "", 1)
    name = "SIMULATED picture" if picture.simulated else "Picture"
    labels = picture.labels or ("",) * len(picture.boxes)
    return Frame(
        anchor,
        picture,
        encode(picture, share),
        scale_bar(picture),
        tuple(
            (" ".join(f"{x:.1f},{y:.1f}" for x, y in corners), label)
            for corners, label in zip(picture.boxes, labels, strict=True)
        ),
        facts,
        f"{name} of {picture.scene_id}: {facts}. {picture.caption}",
    )
