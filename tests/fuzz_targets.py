"""Every reader of what strangers send, and something valid to begin with: for test_fuzz.py and benchmarks.

A reader takes what it is given or raises a YardwatchError; anything else is a finding.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from evidence.claims import load_claims
from evidence.config import load_config
from evidence.dossier.verify import Broken, verify
from evidence.places.fetch_config import load_fetch_config
from evidence.places.new import write_site
from evidence.review.marks import load_marks
from imagery.errors import YardwatchError
from imagery.fetching.ledger import LEDGER, read_ledger
from imagery.reader import open_scene
from imagery.sites import load_site
from imagery.sources.files.write import write_cog
from imagery.sources.folders.folder import find_scenes
from imagery.sources.maps.osm import translate_map
from imagery.sources.offers import safe_href
from imagery.sources.stac import SENTINEL_2_COMMON
from imagery.sources.translate import Dialect, translate
from imagery.tracks import load_tracks
from models.wagons.labelfiles import read_sheets

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = "S2A_MSIL2A_20230913T021541_N0509_R003_T52TFM_20230913T051541"
BOX = (130.60, 42.40, 130.62, 42.42)
RING = [[130.60, 42.40], [130.62, 42.40], [130.62, 42.42], [130.60, 42.42], [130.60, 42.40]]
GRID = GeoBox((24, 32), Affine(10, 0, 633_000, 0, -10, 4_698_000), "EPSG:32652")
LARGER = GeoBox((64, 64), GRID.affine, GRID.crs)
DIALECT = Dialect(
    "fuzz",
    "sentinel-2-c1-l2a",
    "sentinel-2-l2a",
    SENTINEL_2_COMMON,
    level="L2A",
    table=("earth-search", "sentinel-2-c1-l2a"),
)
TOKENS = (
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b"NaN",
    b"Infinity",
    b"-0",
    b"1" * 400,
    b"9223372036854775808",
    b'""',
    b"[]",
    b"{}",
    b"[" * 600,
    b'{"a":' * 600,
    b"../../etc/passwd",
    b"/etc/passwd",
    b"file:///etc/passwd",
    b"/vsicurl/http://127.0.0.1/x",
    b"http://127.0.0.1:9/x",
    b"=cmd|' /C calc'!A0",
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'"\\ud800"',
    "\u202e".encode(),
    b"&a [*a]",
    b"!!python/object/apply:os.system [id]",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"2023-02-30",
    b"0000-00-00T00:00:00Z",
    b"99999-01-01",
    b"2" * 5000,
)
"""What has broken readers before: put in where a mutation asks for one."""

Edit = tuple[int, int, int]
"""Where, what kind, and how much of it."""


@dataclass(frozen=True)
class Target:
    """One reader."""

    name: str
    """In the table of results."""
    seeds: tuple[bytes, ...]
    """Valid input."""
    feed: Callable[[bytes, Path], object]
    """Reads bytes in an empty folder."""

    def take(self, data: bytes, folder: Path) -> None:
        """Read; errors that are raised on purpose are what is wanted of bad input."""
        with suppress(YardwatchError):
            self.feed(data, folder)


VALUES: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    float("inf"),
    10**400,
    "",
    "x" * 5000,
    [],
    {},
    [[[]]],
    [None] * 50,
    "../../etc/passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "/vsicurl/http://127.0.0.1/x",
    "\ud800",
    "\x00",
    "=1+1",
    {"type": "Polygon"},
    {"type": "GeometryCollection", "geometries": []},
    [181, 91],
    "2023-02-30",
    {"": {}},
)
"""What a node of a JSON document is put in place of."""


def mutated(seed: bytes, edits: Sequence[Edit]) -> bytes:
    """A seed with values of a document replaced, or bytes flipped, cut out, doubled, or a token put in."""
    document = _plain(seed)
    if document is not None and edits[0][1] % 2:
        for at, _, much in edits:
            nodes = list(_nodes(document))
            holder, key = nodes[at % len(nodes)] if nodes else ([document], 0)
            if much % 9 == 0:
                del holder[key]
            else:
                holder[key] = deepcopy(VALUES[much % len(VALUES)])
        return json.dumps(document).encode()
    return _spoilt(seed, edits)


def _nodes(document: Any) -> Iterator[tuple[Any, Any]]:
    """Each value of a document as its holder and its key there."""
    if not isinstance(document, dict | list):
        return
    for key, value in list(document.items() if isinstance(document, dict) else enumerate(document)):
        yield document, key
        yield from _nodes(value)


def _spoilt(seed: bytes, edits: Sequence[Edit]) -> bytes:
    data = bytearray(seed)
    for at, kind, much in edits:
        place = at % (len(data) + 1)
        length = 1 + much % 40
        match kind % 6:
            case 0 if place < len(data):
                data[place] ^= 1 << much % 8
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = data[place : place + length]
            case 3:
                data[place : place + much % 12] = TOKENS[much % len(TOKENS)]
            case 4 if much % 16 == 0:
                del data[place:]
            case _ if place < len(data):
                data[place] = much % 256
    return bytes(data)


def _file(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    def feed(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return feed


def _image(path: Path) -> int:
    """Reads a corner of every image in the file's folder; how many there are."""
    scenes = find_scenes([path.parent], gsd_m=1.0).scenes
    for scene in scenes:
        with open_scene(scene) as raster:
            raster.read((slice(0, 8), slice(0, 8)))
    return len(scenes)


def _item(data: bytes, folder: Path) -> object:
    write_cog(folder / "B04.tif", np.full((1, 24, 32), 900, np.uint16), GRID, ["B04"], nodata=0)
    (folder / "item.json").write_bytes(data)
    return _image(folder / "item.json")


def _delivered(name: str) -> Callable[[bytes, Path], object]:
    def feed(data: bytes, folder: Path) -> object:
        pixels = np.full((4, 24, 32), 900, np.uint16)
        write_cog(folder / "20230913_021600_78_2461_3B_AnalyticMS_SR.tif", pixels, GRID, list("bgrn"))
        return _file(name, _image)(data, folder)

    return feed


def _plain(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _answered(data: bytes, folder: Path) -> object:
    return translate(_plain(data), DIALECT, 130.6, lambda asset: safe_href(asset.get("href")))


def _mapped(data: bytes, folder: Path) -> object:
    elements = _plain(data)
    if not isinstance(elements, list):
        return None
    return write_site(folder / "fuzz.geojson", "fuzz", translate_map(elements, BOX), BOX, None)


def _sealed(data: bytes, folder: Path) -> object:
    (folder / "seal.json").write_bytes(data)
    with suppress(Broken):
        verify(folder)
    return None


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _feature(kind: str, points: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": points}}


SITE = _json(
    {
        "type": "FeatureCollection",
        "yardwatch": {"id": "yard", "name": "Yard", "uncertainty_m": 10},
        "features": [
            _feature("Polygon", [RING], role="footprint", id="footprint"),
            _feature("Polygon", [RING], role="search_box", id="box"),
            _feature(
                "LineString", [[130.605, 42.41], [130.615, 42.411]], role="track", id="track-1", source="me"
            ),
            _feature("Point", [130.61, 42.41], role="point", id="gate", source="me", uncertainty_m=5),
        ],
    }
)
ITEM = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "S2A_52TFM_20230913_0_L2A",
    "bbox": list(BOX),
    "collection": "sentinel-2-c1-l2a",
    "geometry": {"type": "Polygon", "coordinates": [RING]},
    "links": [],
    "properties": {
        "datetime": "2023-09-13T02:16:00Z",
        "s2:product_uri": f"{PRODUCT}.SAFE",
        "s2:processing_baseline": "05.09",
        "platform": "sentinel-2a",
        "eo:cloud_cover": 3.5,
        "proj:epsg": 32652,
        "view:sun_azimuth": 160.2,
        "view:sun_elevation": 48.5,
    },
    "assets": {
        "B04": {
            "href": "./B04.tif",
            "roles": ["data"],
            "type": "image/tiff; application=geotiff",
            "raster:bands": [{"scale": 1e-4, "offset": -0.1, "nodata": 0}],
        },
        "red": {
            "href": "https://example.org/B04.tif",
            "type": "image/tiff; application=geotiff",
            "raster:bands": [{"scale": 1e-4, "offset": -0.1, "nodata": 0, "data_type": "uint16"}],
        },
    },
}
OFFERED = {**ITEM, "assets": {"red": ITEM["assets"]["red"]}}
OWN = {**ITEM, "assets": {"B04": ITEM["assets"]["B04"]}}
OSM = _json(
    [
        {
            "type": "way",
            "id": 1,
            "version": 3,
            "tags": {"railway": "rail", "service": "yard"},
            "geometry": [{"lat": 42.41, "lon": 130.605}, {"lat": 42.411, "lon": 130.615}],
        },
        {
            "type": "way",
            "id": 2,
            "version": 1,
            "tags": {"landuse": "railway"},
            "geometry": [{"lat": y, "lon": x} for x, y in RING],
        },
        {
            "type": "relation",
            "id": 3,
            "version": 1,
            "tags": {"landuse": "harbour", "type": "multipolygon"},
            "members": [
                {
                    "type": "way",
                    "ref": 4,
                    "role": "outer",
                    "geometry": [{"lat": y, "lon": x} for x, y in RING],
                }
            ],
        },
        {
            "type": "node",
            "id": 5,
            "version": 1,
            "lat": 42.41,
            "lon": 130.61,
            "tags": {"seamark:type": "berth"},
        },
    ]
)
COCO = _json(
    {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
        "categories": [{"id": 1, "name": "railcar"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 1,
                "category_id": 1,
                "bbox": [4, 5, 20, 6],
                "segmentation": [[4, 5, 24, 5, 24, 11, 4, 11]],
            }
        ],
    }
)
DRAWN = _json({"type": "FeatureCollection", "features": [_feature("Polygon", [RING], label="railcar")]})
DOTA = b"imagesource:x\ngsd:0.5\n4 5 24 5 24 11 4 11 railcar 0\n4 15 24 15 24 21 4 21 ignore 1\n"
PLANET = _json(
    {
        "id": "20230913_021600_78_2461",
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [RING]},
        "properties": {
            "acquired": "2023-09-13T02:16:00.5Z",
            "item_type": "PSScene",
            "satellite_id": "2461",
            "instrument": "PSB.SD",
            "sun_azimuth": 164.5,
            "sun_elevation": 41.5,
            "view_angle": 3.2,
            "cloud_cover": 0.02,
            "gsd": 3.9,
        },
    }
)
MAXAR = b"""<?xml version="1.0"?><isd><IMD><VERSION>28.3</VERSION>
<BAND_C><ABSCALFACTOR>0.01</ABSCALFACTOR></BAND_C>
<IMAGE><SATID>WV02</SATID><FIRSTLINETIME>2023-09-13T02:16:00.5Z</FIRSTLINETIME><MEANSUNAZ>164</MEANSUNAZ>
<MEANSUNEL>41</MEANSUNEL></IMAGE></IMD>
<TIL><TILE><FILENAME>20230913_021600_78_2461_3B_AnalyticMS_SR.tif</FILENAME></TILE></TIL></isd>"""
ENTRY = (
    _json(
        {
            "site": "yard",
            "state": "fetched",
            "sensor": "sentinel-2-l2a",
            "provider": "p",
            "collection": "c",
            "kind": "offer",
            "id": "S2A",
            "solar_day": "2023-09-13",
            "taken_at": "2023-09-13T02:16:00Z",
        }
    )
    + b"\n"
)


def targets(folder: Path) -> list[Target]:
    """All readers; ``folder`` is where seeds that are images are painted."""
    pixels = np.random.default_rng(0).integers(1, 250, (3, 64, 64)).astype(np.uint8)
    write_cog(folder / "seed.tif", pixels, LARGER, ["red", "green", "blue"], nodata=0)
    xr.Dataset(
        {"B04": (("time", "y", "x"), np.full((2, 8, 9), 900, np.uint16))},
        {
            "time": np.array(["2023-09-13", "2023-09-18"], "datetime64[ns]"),
            "y": 4_698_000 - 10.0 * np.arange(8),
            "x": 633_000 + 10.0 * np.arange(9),
        },
        {"crs": "EPSG:32652"},
    ).to_netcdf(folder / "seed.nc", engine="h5netcdf")
    encoded = {
        end: cv2.imencode(end, np.moveaxis(pixels, 0, -1))[1].tobytes() for end in (".png", ".jpg", ".jp2")
    }
    claims = sorted((ROOT / "seeds" / "claims").glob("*.yaml"))[0].read_bytes()
    run, fetch = ((ROOT / "configs" / name).read_bytes() for name in ("sample.yaml", "fetch/sites.yaml"))
    return [
        Target("site file", (SITE,), _file("site.geojson", load_site)),
        Target("track file", (SITE,), _file("tracks.geojson", load_tracks)),
        Target("claims", (claims[:4000],), _file("claims.yaml", lambda path: load_claims([path]))),
        Target("run config", (run,), _file("run.yaml", load_config)),
        Target("fetch config", (fetch,), _file("fetch.yaml", load_fetch_config)),
        Target("STAC Item in a folder", (_json(OWN),), _item),
        Target("STAC Item of a catalogue", (_json(OFFERED),), _answered),
        Target("OpenStreetMap answer", (OSM,), _mapped),
        Target("label file", (COCO, DOTA, DRAWN), _file("labels.json", read_sheets)),
        Target("Planet description", (PLANET,), _delivered("20230913_021600_78_2461_metadata.json")),
        Target("Maxar description", (MAXAR,), _delivered("20230913_021600.XML")),
        Target("TIFF", ((folder / "seed.tif").read_bytes(),), _file("20230913_fuzz.tif", _image)),
        *(
            Target(name, (encoded[end],), _file(f"20230913_fuzz{end}", _image))
            for name, end in (("PNG", ".png"), ("JPEG", ".jpg"), ("JPEG 2000", ".jp2"))
        ),
        Target("NetCDF", ((folder / "seed.nc").read_bytes(),), _file("20230913_fuzz.nc", _image)),
        Target("ledger", (ENTRY * 2,), _file(LEDGER, read_ledger)),
        Target("marks of a review", (b"{}\n",), _file("marks.jsonl", load_marks)),
        Target("seal of a dossier", (b'{"seal_sha256": "00"}',), _sealed),
    ]
