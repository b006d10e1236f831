"""Valid documents of every kind that is read, for fuzz_targets.py to spoil."""

from __future__ import annotations

import hashlib
import json

PRODUCT = "S2A_MSIL2A_20230913T021541_N0509_R003_T52TFM_20230913T051541"
BOX = (130.60, 42.40, 130.62, 42.42)
RING = [[130.60, 42.40], [130.62, 42.40], [130.62, 42.42], [130.60, 42.42], [130.60, 42.40]]


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def _feature(kind: str, points: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": points}}


SITE = as_json(
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
OSM = as_json(
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
COCO = as_json(
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
DRAWN = as_json({"type": "FeatureCollection", "features": [_feature("Polygon", [RING], label="railcar")]})
DOTA = b"imagesource:x\ngsd:0.5\n4 5 24 5 24 11 4 11 railcar 0\n4 15 24 15 24 21 4 21 ignore 1\n"
PLANET = as_json(
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
    as_json(
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


IMD = b"""version = "28.3";
bandId = "Multi";
BEGIN_GROUP = BAND_B
\tabsCalFactor = 1.26e-02;
\teffectiveBandwidth = 5.43e-02;
END_GROUP = BAND_B
BEGIN_GROUP = IMAGE_1
\tsatId = "WV02";
\tfirstLineTime = 2023-09-13T02:16:00.5Z;
\tmeanSunAz = 164.0;
\tmeanSunEl = 41.0;
\tmeanOffNadirViewAngle = 12.1;
\tcloudCover = 0.02;
END_GROUP = IMAGE_1
END;
"""
DIMAP = b"""<?xml version="1.0"?><Dimap_Document><Dataset_Sources><Strip_Source><MISSION>PHR</MISSION>
<MISSION_INDEX>1A</MISSION_INDEX><IMAGING_DATE>2023-09-13</IMAGING_DATE><IMAGING_TIME>02:16:00.5Z</IMAGING_TIME>
</Strip_Source></Dataset_Sources><Raster_Data><Raster_Dimensions><NBANDS>4</NBANDS></Raster_Dimensions>
<Raster_Index_List><Raster_Index><BAND_ID>B2</BAND_ID><BAND_INDEX>1</BAND_INDEX></Raster_Index>
<Raster_Index><BAND_ID>B1</BAND_ID><BAND_INDEX>2</BAND_INDEX></Raster_Index>
<Raster_Index><BAND_ID>B0</BAND_ID><BAND_INDEX>3</BAND_INDEX></Raster_Index>
<Raster_Index><BAND_ID>B3</BAND_ID><BAND_INDEX>4</BAND_INDEX></Raster_Index></Raster_Index_List>
<Data_Files><Data_File tile_R="1" tile_C="1"><DATA_FILE_PATH href="IMG_PHR1A_R1C1.TIF"/>
</Data_File></Data_Files>
</Raster_Data><Geometric_Data><Located_Geometric_Values><LOCATION_TYPE>Center</LOCATION_TYPE>
<TIME>2023-09-13T02:16:00.5Z</TIME><SUN_AZIMUTH>164</SUN_AZIMUTH><SUN_ELEVATION>41</SUN_ELEVATION>
<VIEWING_ANGLE>8</VIEWING_ANGLE></Located_Geometric_Values></Geometric_Data>
<Radiometric_Data><RADIOMETRIC_PROCESSING>BASIC</RADIOMETRIC_PROCESSING></Radiometric_Data></Dimap_Document>"""
FIGURES = b"site,date,quantity,value\nyard,2023-09-13,railcars,12\nyard,2023-09-14T02:16:00Z,railcars,9\n"
VERDICTS = as_json(
    [
        {
            "claim_id": "a",
            "verdict": "undecided",
            "reason": "why",
            "scene_ids": ["S2A"],
            "value": 3.5,
            "low": 1,
            "high": 5,
        }
    ]
)
TRUTH = as_json(
    {"scenes": [{"site": "yard", "day": "2023-09-13", "railcars": 12, "occupied_track_m": 150.5}]}
)
BEST = as_json(
    {
        "best": {"detector": "edges"},
        "of_settings": 2,
        "quantity": "railcars",
        "chosen on": {"pairs": 3, "mean_absolute": 1.5},
        "reported on": {"pairs": 2, "mean_absolute": 2.5},
    }
)
BOXES = as_json(
    {
        "image": "a.png",
        "gsd_m": 0.5,
        "boxes": [{"cx": 9, "cy": 8, "length_px": 28, "width_px": 6, "angle_deg": 3.5}],
        "ignore": [[[0, 0], [9, 9]]],
    }
)
ENGINE = as_json({"engine": "torch", "matrix_limit_gflops": 40.0, "images": "painted", "engines": []})
PAGE = as_json(
    {
        "type": "FeatureCollection",
        "features": [OFFERED],
        "links": [{"rel": "next", "href": "https://example.org/search?page=2", "method": "GET"}],
    }
)
CATALOGUE = as_json(
    {
        "type": "FeatureCollection",
        "features": [OFFERED],
        "links": [{"rel": "child", "href": "./item.json"}, {"rel": "item", "href": "catalog.json"}],
    }
)
OVERPASS = as_json(
    {
        "osm3s": {"timestamp_osm_base": "2023-09-13T02:16:00Z"},
        "elements": json.loads(OSM),
    }
)
LANDED = as_json({"assets": {"B04": {"href": "B04.tif", "file:size": 5}}})
SAID = as_json(
    [
        {
            "who": "me",
            "when": "2023-09-13T02:16:00Z",
            "content": "0" * 64,
            "site": "yard",
            "scene_id": "S2A",
            "action": action,
            "box": box,
            "at": at,
        }
        for action, box, at in (
            ("accept", "m0", None),
            ("add", None, [9.5, 8.0, 28.0, 6.0, 3.5]),
            ("reject", "p1", None),
            ("done", None, None),
        )
    ]
)
CONFIG = {"tiles": ["tiles"], "detector": "edges", "target": "2023-09-10/2023-09-20", "title": "fuzz"}
DOSSIER = as_json(
    {
        "config": CONFIG,
        "inputs": {"tiles/a.tif": {"bytes": 4, "sha256": hashlib.sha256(b"none").hexdigest()}},
        "software": {"code_sha256": "0" * 64},
        "verdicts": json.loads(VERDICTS),
        "measurements": "site,scene_id,quantity,method,value,low,high\nyard,S2A,railcars,edges,3,1,5\n",
        "steps": [{"step": "take in", "read": {}, "wrote": {}}],
    }
)
NAMES = (
    f"{PRODUCT}_B04_10m",
    "S1A_IW_GRDH_1SDV_20230913T212400_20230913T212425_050310_060E7A_5C1B",
    "20230913_021600_78_2461_3B_AnalyticMS_SR",
    "T52TFM_20230913T021541_B8A_20m",
)
WISHES = (
    {"action": "accept", "box": "m0", "at": None},
    {"action": "add", "box": None, "at": [9.5, 8.0, 28.0, 6.0, 3.5]},
)
PUBLIC_KEY = b"""-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""
