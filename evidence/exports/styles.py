"""How QGIS shows the layers of a run: a style beside each, which it takes up by the file's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as Xml

from evidence.files import written

LAYERS = (".parquet", ".geojson")
"""Endings of layers that take a style of their name."""


@dataclass(frozen=True)
class Style:
    """Outlines or lines in a colour by the values of one attribute."""

    attribute: str
    """Column."""
    colours: Mapping[str, str]
    """``red,green,blue`` by value; the empty value is all others."""
    lines: bool = False
    """Whether the shapes are lines."""


@dataclass(frozen=True)
class Ramp:
    """One band of a raster in colours between which QGIS interpolates."""

    band: int
    """From 1."""
    stops: Mapping[float, str]
    """``#rrggbbaa`` by value, rising."""


OTHER = "200,80,200"
"""What has a value that no style names."""


STYLES = {
    "detections": Style(
        "tarp",
        {
            "blue": "31,120,220",
            "white": "245,245,245",
            "green": "40,160,70",
            "grey": "150,150,150",
            "none": "230,161,0",
            "": OTHER,
        },
    ),
    "goods": Style("kind", {"stack": "214,69,30", "vessel": "30,90,160", "": OTHER}),
    "trains": Style(
        "colour",
        {
            "blue": "31,120,220",
            "white": "245,245,245",
            "green": "40,160,70",
            "mixed": "230,161,0",
            "": OTHER,
        },
        lines=True,
    ),
}
"""By the layer's name, without its ending."""
FILLED = Ramp(1, {0.0: "#44015400", 0.25: "#3b528bb0", 0.5: "#21918cff", 0.75: "#5ec962ff", 1.0: "#fde725ff"})
"""Filled share of track: empty track is clear, so that the map below is seen (viridis, CC0)."""


def write_styles(out: Path) -> None:
    """Write ``NAME.qml`` into ``out`` beside each layer there that has a style."""
    for name, style in STYLES.items():
        if any((out / f"{name}{ending}").exists() for ending in LAYERS):
            write_qml(style, out / f"{name}.qml")


def write_qml(style: Style | Ramp, path: Path) -> None:
    """Write a style as QGIS's own XML, version 3."""
    root = Xml.Element("qgis", version="3.22", styleCategories="Symbology")
    if isinstance(style, Ramp):
        _ramp(style, root)
    else:
        _categories(style, root)
    with written(path) as part:
        part.write_bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))


def _categories(style: Style, root: Xml.Element) -> None:
    """One category and one symbol a value."""
    renderer = Xml.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=style.attribute)
    categories, symbols = (Xml.SubElement(renderer, tag) for tag in ("categories", "symbols"))
    kind, drawn = ("line", "SimpleLine") if style.lines else ("fill", "SimpleFill")
    for number, (value, colour) in enumerate(style.colours.items()):
        label = value or "other"
        Xml.SubElement(categories, "category", value=value, label=label, symbol=str(number), render="true")
        symbol = Xml.SubElement(symbols, "symbol", type=kind, name=str(number), alpha="1")
        layer = Xml.SubElement(symbol, "layer", {"class": drawn, "enabled": "1", "locked": "0"})
        options = Xml.SubElement(layer, "Option", type="Map")
        for name, text in (_line(colour) if style.lines else _outline(colour)).items():
            Xml.SubElement(options, "Option", type="QString", name=name, value=text)


def _outline(colour: str) -> dict[str, str]:
    return {
        "color": f"{colour},50",
        "style": "solid",
        "outline_color": f"{colour},255",
        "outline_style": "solid",
        "outline_width": "0.5",
        "outline_width_unit": "MM",
    }


def _line(colour: str) -> dict[str, str]:
    return {
        "line_color": f"{colour},255",
        "line_style": "solid",
        "line_width": "1.2",
        "line_width_unit": "MM",
        "capstyle": "flat",
    }


def _ramp(style: Ramp, root: Xml.Element) -> None:
    low, high = f"{min(style.stops):g}", f"{max(style.stops):g}"
    pipe = Xml.SubElement(root, "pipe")
    ends = {"classificationMin": low, "classificationMax": high}
    told = {"type": "singlebandpseudocolor", "band": str(style.band), "opacity": "1", "alphaBand": "-1"}
    renderer = Xml.SubElement(pipe, "rasterrenderer", {**told, **ends})
    shader = Xml.SubElement(
        Xml.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue=low,
        maximumValue=high,
    )
    for value, colour in style.stops.items():
        at = f"{value:g}"
        Xml.SubElement(shader, "item", value=at, label=at, color=colour[:7], alpha=str(int(colour[7:], 16)))
