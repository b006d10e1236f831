"""Labels that a user brings: every format gives the same boxes, and a wrong file is a clear error."""

import json
import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from imagery.errors import InputError, YardwatchError
from imagery.grid import local_grid, pixel_to_lonlat, pixel_to_map, square_utm
from models.detections import Detections
from models.wagons.labels import classes_of, find_sheets, labels_on, sheets_of
from models.wagons.marks import turned_box
from models.wagons.score import Tally, match

PLAIN = local_grid(300, 400, 0.5)
UTM = GeoBox((300, 400), Affine(0.5, 0, 500_000, 0, -0.5, 4_700_000), "EPSG:32652")
BOXES = np.array(
    [[100.0, 80.0, 28.0, 6.0, 0.0], [210.0, 150.0, 26.0, 6.2, 35.0], [300.0, 200.0, 40.0, 6.0, -70.0]]
)
"""Railcars of 13 to 20 m."""


def corners(boxes=BOXES):
    return [turned_box(*box) for box in boxes]


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def one(path, native=PLAIN, **more):
    (sheet,) = find_sheets(path)
    return labels_on(sheet, native, **more)


def assert_same(labels, boxes=BOXES):
    """The boxes agree as areas, whichever way round they are written."""
    grid = local_grid(300, 400, labels.gsd_m)
    found = Detections(grid, labels.boxes, np.ones(len(labels.boxes)))
    assert match(found, boxes, iou=0.98).tally == Tally(len(boxes), 0, 0)
    assert (labels.boxes[:, 2] >= labels.boxes[:, 3]).all()


def polygon(ring, **properties):
    ring = np.asarray(ring).tolist()
    return {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    }


def collection(features, **members):
    return {"type": "FeatureCollection", "features": features, **members}


def own(boxes=BOXES, **more):
    keys = ("cx", "cy", "length_px", "width_px", "angle_deg")
    return {
        "image": "yard.png",
        "gsd_m": 0.5,
        "boxes": [dict(zip(keys, b, strict=True)) for b in boxes.tolist()],
        **more,
    }


def studio(boxes=BOXES, size=(400, 300), image="/data/upload/3/1f2e3d4c-yard.png", shape="rectanglelabels"):
    """Label Studio as its users get it: a box turns about its first corner, all in percent."""
    results = []
    for cx, cy, length, width, angle in boxes.tolist():
        ring = turned_box(cx, cy, length, width, angle)
        percent = ring / np.array(size) * 100
        value = {"points": percent.tolist()}
        if shape == "rectanglelabels":
            (x, y) = percent[0].tolist()
            value = {
                "x": x,
                "y": y,
                "width": length / size[0] * 100,
                "height": width / size[1] * 100,
                "rotation": angle % 360,
            }
        results.append(
            {
                "id": "a",
                "type": shape,
                "original_width": size[0],
                "original_height": size[1],
                "image_rotation": 0,
                "value": {**value, shape: ["Railcar"]},
            }
        )
    results.append({"type": "choices", "value": {"choices": ["clear"]}})
    return [{"id": 7, "data": {"image": image}, "annotations": [{"id": 1, "result": results}]}]


def coco(boxes=BOXES, **changes):
    annotations = [
        {"id": i, "image_id": 4, "category_id": 2, "segmentation": [ring.ravel().tolist()], "iscrowd": 0}
        | changes
        for i, ring in enumerate(corners(boxes))
    ]
    return {
        "images": [{"id": 4, "file_name": "images/yard.png", "width": 400, "height": 300}],
        "categories": [{"id": 2, "name": "wagon"}],
        "annotations": annotations,
    }


def dota(boxes=BOXES, tail="railcar 0"):
    lines = [" ".join(f"{v:.2f}" for v in ring.ravel()) + f" {tail}" for ring in corners(boxes)]
    return "\n".join(["imagesource:GoogleEarth", "gsd:0.5", *lines, ""])


FILES = {
    "own.json": own,
    "studio.json": studio,
    "studio-polygons.json": lambda: studio(shape="polygonlabels"),
    "studio-task.json": lambda: studio()[0],
    "coco.json": coco,
    "cvat.json": lambda: {
        **coco(),
        "annotations": [
            {
                "id": i,
                "image_id": 4,
                "category_id": 2,
                "segmentation": [],
                "bbox": [cx - length / 2, cy - width / 2, length, width],
                "attributes": {"rotation": angle},
            }
            for i, (cx, cy, length, width, angle) in enumerate(BOXES.tolist())
        ],
    },
    "dota.txt": dota,
    "pixels.geojson": lambda: collection([polygon(ring) for ring in corners()]),
    "flagged.geojson": lambda: collection([polygon(ring, coordinates="pixel") for ring in corners()]),
    "qgis.geojson": lambda: collection([polygon(ring * [1, -1]) for ring in corners()]),
    "scratch.geojson": lambda: collection(
        [polygon(ring * [1, -1]) for ring in corners()],
        crs={"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
    ),
    "misnamed.txt": own,
    "misnamed.json": dota,
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_the_same_boxes(tmp_path, name):
    labels = one(write(tmp_path / name, FILES[name]()))
    assert_same(labels)
    assert labels.gsd_m == 0.5
    assert not len(labels.doubtful)


@pytest.mark.parametrize("name", ["own.json", "studio.json", "coco.json", "dota.txt"])
def test_pixels_of_a_placed_image_are_its_own(tmp_path, name):
    assert_same(one(write(tmp_path / name, FILES[name]()), UTM))


@pytest.mark.parametrize("crs", [None, "EPSG:32652", "EPSG:4326", "urn:ogc:def:crs:OGC:1.3:CRS84"])
def test_polygons_on_the_map_land_on_the_image(tmp_path, crs):
    to_map = pixel_to_map if crs == "EPSG:32652" else pixel_to_lonlat
    member = {"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}
    file = write(
        tmp_path / "yard.geojson", collection([polygon(to_map(UTM, ring)) for ring in corners()], **member)
    )
    labels = one(file, UTM)
    assert_same(labels)
    assert labels.gsd_m == pytest.approx(0.5, rel=1e-3)
    with pytest.raises(InputError, match="no map position" if crs and "EPSG" in crs else "check the GSD"):
        one(file, PLAIN)


def test_labels_follow_the_image_onto_a_square_grid(tmp_path):
    # Pixels of a degree grid are not square on the ground: the image is read on UTM, the labels go with it.
    native = GeoBox((300, 400), Affine(6e-6, 0, 129.0, 0, -4.5e-6, 42.4), "EPSG:4326")
    grid = square_utm(native)
    labels = one(write(tmp_path / "a.json", own(BOXES[:1])), native, grid=grid)
    east = 28 * 6e-6 * 111_320 * math.cos(math.radians(42.4))
    assert labels.boxes[0, 2] * labels.gsd_m == pytest.approx(east, rel=0.01)


def test_classes_choose_what_is_a_railcar(tmp_path):
    table = coco()
    table["categories"].append({"id": 3, "name": "truck"})
    table["annotations"][1]["category_id"] = 3
    (sheet,) = find_sheets(write(tmp_path / "a.json", table))
    assert classes_of([sheet]) == {"wagon": 2, "truck": 1}
    assert len(labels_on(sheet, PLAIN).boxes) == 3
    assert_same(labels_on(sheet, PLAIN, classes=["wagon"]), BOXES[[0, 2]])
    with pytest.raises(InputError, match=r"no railcar is of class tank.*'truck', 'wagon'"):
        labels_on(sheet, PLAIN, classes=["tank"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.txt", dota(tail="railcar 1")),
        ("b.txt", dota(tail="ignore 0")),
        ("c.json", coco(iscrowd=1)),
        ("d.geojson", collection([polygon(ring, ignore=True) for ring in corners()])),
        ("e.json", own() | {"boxes": [{**box, "centre_inside": False} for box in own()["boxes"]]}),
    ],
)
def test_doubtful_railcars_are_neither_right_nor_wrong_to_find(tmp_path, name, value):
    labels = one(write(tmp_path / name, value))
    assert len(labels.boxes) == 0
    assert_same(labels.__class__(labels.image, labels.gsd_m, labels.doubtful, labels.boxes, ()))


def test_railcars_that_the_image_cuts_are_doubtful_and_those_outside_are_left_out(tmp_path):
    boxes = np.array([[100.0, 80, 28, 6, 0], [-4, 80, 28, 6, 0], [-400, 80, 28, 6, 0]])
    labels = one(write(tmp_path / "a.json", own(boxes)))
    assert_same(labels, boxes[:1])
    assert labels.doubtful[:, 0] == pytest.approx([-4], abs=1e-3)


def test_stretches_where_nobody_can_tell_stay_lines(tmp_path):
    line = {"type": "LineString", "coordinates": [[10, 250], [390, 250]]}
    feature = {"type": "Feature", "properties": {"ignore": True}, "geometry": line}
    labels = one(write(tmp_path / "a.geojson", collection([*(polygon(r) for r in corners()), feature])))
    assert [part.tolist() for part in labels.ignore] == [[[10, 250], [390, 250]]]
    again = one(write(tmp_path / "b.json", own(ignore=[[[10, 250], [390, 250]]])))
    assert [part.tolist() for part in again.ignore] == [[[10, 250], [390, 250]]]


def test_a_folder_gives_each_image_its_own_labels(tmp_path):
    folder = tmp_path / "labels"
    (folder / "deep").mkdir(parents=True)
    write(folder / "deep" / "East.v2.txt", dota(BOXES[:1]))
    write(folder / "west.txt", "")
    write(folder / "rest.json", coco(BOXES[1:]) | {"annotations": []})
    images = {"a": ["deep/east.v2", "east.v2.png"], "b": ["west.tif"], "c": ["yard.png"], "d": ["other.png"]}
    found = sheets_of(images, find_sheets(folder))
    assert {key: len(sheet.marks) for key, sheet in found.items()} == {"a": 1, "b": 0, "c": 0}
    write(folder / "west.geojson", collection([]))
    with pytest.raises(InputError, match=r"'west' stand in .*keep one"):
        find_sheets(folder)


def test_one_image_takes_the_only_labels_whatever_their_name(tmp_path):
    sheets = find_sheets(write(tmp_path / "mine.geojson", collection([polygon(r) for r in corners()])))
    assert sheets_of({"a": ["yard.png"]}, sheets) == {"a": sheets[0]}
    with pytest.raises(InputError, match=r"labels are of mine, images are a, b"):
        sheets_of({"a": ["yard.png"], "b": ["east.png"]}, sheets)


def test_one_geojson_may_hold_several_images(tmp_path):
    features = [
        polygon(ring, image=name) for ring, name in zip(corners(), ("a.png", "b.png", "b.png"), strict=True)
    ]
    sheets = find_sheets(write(tmp_path / "all.geojson", collection(features)))
    assert {sheet.image: len(sheet.marks) for sheet in sheets} == {"a.png": 1, "b.png": 2}


def test_the_painter_and_the_archive_write_labels(tmp_path):
    from imagery.synthetic.paint import paint_chip

    painted = paint_chip(np.random.default_rng(4), gsd_m=0.5, size=256)
    labels = one(write(tmp_path / "chip.json", painted.to_json()), local_grid(256, 256, 0.5))
    inside = ((painted.truth.boxes[:, :2] >= 0) & (painted.truth.boxes[:, :2] < 256)).all(axis=1)
    assert len(labels.boxes) == inside.sum() > 0
    lonlat = pixel_to_lonlat(UTM, np.array([[200.0, 150.0]]))[0].tolist()
    box = {"lon": lonlat[0], "lat": lonlat[1], "length_m": 20.0, "width_m": 3.0, "heading_deg": 120.0}
    truth = {"simulated": True, "scenes": [{"id": "coarse"}, {"id": "fine", "boxes": [box]}]}
    assert_same(one(write(tmp_path / "truth.json", truth), UTM), np.array([[200.0, 150, 40, 6, 30]]))


BAD = {
    "empty.json": ("", "no labels that are known"),
    "cut.json": ('{"boxes": [', "is not JSON"),
    "list.json": ([1, 2], "no labels that are known"),
    "notes.txt": ("see the wiki\n", "line 1 is 'see the wiki'.*DOTA"),
    "yolo.txt": ("0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2", "line 1"),
    "number.txt": ("a 1 2 3 4 5 6 7 railcar 0", "line 1: a coordinate is 'a'"),
    "nan.json": ({"boxes": [own()["boxes"][0] | {"cx": math.nan}]}, "box 1: cx is nan"),
    "huge.json": ({"boxes": [own()["boxes"][0] | {"cx": 10**400}]}, "box 1: cx is "),
    "flat.json": ({"boxes": [own()["boxes"][0] | {"width_px": 0}]}, "box 1: width_px is 0"),
    "gsd.json": (own(gsd_m=-1), "gsd_m is -1"),
    "line.json": (coco(segmentation=[[1, 1, 2, 2, 3, 3]]), "annotations 1 .id 0. has no area"),
    "odd.json": (coco(segmentation=[[1, 1, 2]]), "odd number"),
    "mask.json": (coco(segmentation={"counts": [1], "size": [1, 1]}), "is a mask: export outlines"),
    "orphan.json": (coco(image_id=9), "image_id is that of no image"),
    "points.geojson": (
        collection(
            [{"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": [1, 2]}}]
        ),
        "is a Point: draw each railcar as a polygon",
    ),
    "mixed.geojson": (
        collection([polygon(corners()[0], coordinates="pixel"), polygon(corners()[1])]),
        "write all alike",
    ),
    "two.json": ([studio()[0] | {"annotations": studio()[0]["annotations"] * 2}], "has 2 annotations"),
    "brush.json": (studio(shape="brushlabels"), "type 'brushlabels': use RectangleLabels"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_names_the_object_and_the_value(tmp_path, name):
    value, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        find_sheets(write(tmp_path / name, value))
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "grid", "message"),
    [
        ("a.json", coco(), local_grid(150, 200, 0.5), "400 x 300 pixels, the image has 200 x 150"),
        (
            "b.json",
            own(BOXES + np.array([5000, 0, 0, 0, 0])),
            PLAIN,
            "none of 3 railcars lies in 'yard.png'.*order and CRS",
        ),
        (
            "c.json",
            own(),
            local_grid(300, 400, 5.0),
            "railcars measure 140 m .median. at 5 m a pixel: check the GSD",
        ),
    ],
)
def test_labels_of_another_image_or_scale_are_refused(tmp_path, name, value, grid, message):
    with pytest.raises(InputError, match=message):
        one(write(tmp_path / name, value), grid)


def test_a_folder_without_labels_says_what_is_wanted(tmp_path):
    with pytest.raises(InputError, match=r"no label file.*Label Studio"):
        find_sheets(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        find_sheets(tmp_path / "none.json")


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)
WORDS = (
    "boxes ignore image gsd_m images annotations categories data result type value points "
    "segmentation bbox id image_id file_name width features geometry coordinates properties "
    "scenes simulated cx"
).split()


@st.composite
def damaged(draw):
    """A good file with one of its values replaced, or a mapping of the words that files use."""
    if draw(st.booleans()):
        return draw(st.dictionaries(st.sampled_from(WORDS), anything, max_size=5))
    table = json.loads(
        json.dumps(draw(st.sampled_from([own(), coco(), studio(), FILES["pixels.geojson"]()])))
    )
    at = table
    while isinstance(at, dict | list) and len(at):
        key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if draw(st.booleans()) or not isinstance(at[key], dict | list):
            at[key] = draw(anything)
            break
        at = at[key]
    return table


@given(damaged() | anything)
def test_any_json_is_labels_or_a_clear_error(tmp_path_factory, value):
    path = write(tmp_path_factory.getbasetemp() / "any.json", json.dumps(value))
    try:
        for sheet in find_sheets(path):
            assert np.isfinite(labels_on(sheet, UTM).boxes).all()
    except YardwatchError as error:
        said = str(error)
    else:
        return
    assert "any.json" in said


@given(st.text(max_size=80) | st.lists(st.floats().map(str) | st.text(max_size=3), max_size=12).map(" ".join))
def test_any_text_is_labels_or_a_clear_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        sheets = find_sheets(path)
    except YardwatchError as error:
        said = str(error)
    else:
        assert sheets
        return
    assert "any.txt" in said
