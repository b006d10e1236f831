"""How QGIS shows the shapes of a run: a style beside each layer, which it takes up by the file's name."""

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
    """Outlines in a colour by the values of one attribute."""

    attribute: str
    """Column."""
    colours: Mapping[str, str]
    """``red,green,blue`` by value; the empty value is all others."""


STYLES = {
    "detections": Style(
        "tarp",
        {
            "blue": "31,120,220",
            "white": "245,245,245",
            "green": "40,160,70",
            "grey": "150,150,150",
            "none": "230,161,0",
            "": "200,80,200",
        },
    ),
    "goods": Style("kind", {"stack": "214,69,30", "vessel": "30,90,160", "": "200,80,200"}),
}
"""By the layer's name, without its ending."""


def write_styles(out: Path) -> None:
    """Write ``NAME.qml`` into ``out`` beside each layer there that has a style."""
    for name, style in STYLES.items():
        if any((out / f"{name}{ending}").exists() for ending in LAYERS):
            with written(out / f"{name}.qml") as path:
                path.write_bytes(Xml.tostring(_qml(style), encoding="utf-8", xml_declaration=True))


def _qml(style: Style) -> Xml.Element:
    """QGIS's own XML, version 3: one category and one symbol a value."""
    root = Xml.Element("qgis", version="3.22", styleCategories="Symbology")
    renderer = Xml.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=style.attribute)
    categories, symbols = (Xml.SubElement(renderer, tag) for tag in ("categories", "symbols"))
    for number, (value, colour) in enumerate(style.colours.items()):
        label = value or "other"
        Xml.SubElement(categories, "category", value=value, label=label, symbol=str(number), render="true")
        symbol = Xml.SubElement(symbols, "symbol", type="fill", name=str(number), alpha="1")
        layer = Xml.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0"})
        options = Xml.SubElement(layer, "Option", type="Map")
        wanted = {
            "color": f"{colour},50",
            "style": "solid",
            "outline_color": f"{colour},255",
            "outline_style": "solid",
            "outline_width": "0.5",
            "outline_width_unit": "MM",
        }
        for name, text in wanted.items():
            Xml.SubElement(options, "Option", type="QString", name=name, value=text)
    return root
