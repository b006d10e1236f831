"""Providers' deliveries: read by their descriptions, masked by their masks, refused in contradiction."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from imagery.errors import UnreadableError
from imagery.reader import open_scene
from imagery.sources.deliveries.xmlfile import read_xml
from imagery.sources.files.write import write_cog
from imagery.sources.folders.describe import describe
from imagery.sources.folders.folder import find_scenes
from imagery.visibility import believable, shares

BGRN = ("blue", "green", "red", "nir")
ID = "20231005_021500_07_2455"
SKY = "20231005_021651_ssc12_u0001"
MAXAR = "23OCT05021500-{}-012345678010_01_P001"
PHR = "PHR1A_PMS_202310050215599_ORT_1234-001"
TIME = datetime(2023, 10, 5, 2, 15, 0, 500_000, tzinfo=UTC)


def image(path, bands=4, *, value=100, dtype=np.uint16, step=3.0, pixels=None, size=8):
    """An image whose file names no band, as these providers write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grid = GeoBox((size, size), Affine(step, 0, 560_000, 0, -step, 4_690_000), "EPSG:32652")
    pixels = np.full((bands, size, size), value, dtype) if pixels is None else pixels
    write_cog(path, pixels, grid, [""] * len(pixels))
    return path


def planet_json(folder, id_=ID, **properties):
    facts = {
        "acquired": "2023-10-05T02:15:00.500Z", "cloud_cover": 0.02, "gsd": 3.9, "instrument": "PSB.SD",
        "item_type": "PSScene", "pixel_resolution": 3, "provider": "planetscope", "satellite_id": "2455",
        "sun_azimuth": 164.5, "sun_elevation": 41.5, "view_angle": 3.2, **properties,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{id_}_metadata.json"
    path.write_text(json.dumps({"type": "Feature", "id": id_, "geometry": None, "properties": facts}))
    return path


def planet_xml(path, factors=(2e-5, 3e-5, 4e-5, 5e-5), bands=None):
    each = "".join(
        f"<ps:bandSpecificMetadata><ps:bandNumber>{i}</ps:bandNumber>"
        f"<ps:reflectanceCoefficient>{factor}</ps:reflectanceCoefficient></ps:bandSpecificMetadata>"
        for i, factor in enumerate(factors, start=1)
    )
    path.write_text(
        '<ps:EarthObservation xmlns:ps="p" xmlns:eop="e" xmlns:opt="o">'
        "<eop:shortName>PlanetScope</eop:shortName><eop:serialIdentifier>2455</eop:serialIdentifier>"
        "<eop:acquisitionDate>2023-10-05T02:15:00.5+00:00</eop:acquisitionDate>"
        "<opt:illuminationAzimuthAngle>164.5</opt:illuminationAzimuthAngle>"
        "<opt:illuminationElevationAngle>41.5</opt:illuminationElevationAngle>"
        "<ps:spaceCraftViewAngle>-3.2</ps:spaceCraftViewAngle>"
        "<opt:cloudCoverPercentage>2</opt:cloudCoverPercentage>"
        f"<ps:numBands>{bands or len(factors)}</ps:numBands>{each}</ps:EarthObservation>"
    )
    return path


def only(path):
    found = find_scenes([path])
    assert found.refused == ()
    (scene,) = found.scenes
    return scene


def refusal(path):
    found = find_scenes([path])
    assert found.scenes == ()
    (refused,) = found.refused
    return refused


def angles(scene):
    return scene.sun_azimuth_deg, scene.sun_elevation_deg, scene.off_nadir_deg


def values(scene, bands=None):
    with open_scene(scene) as raster:
        return raster.read(bands=bands).pixels[:, 0, 0].tolist()


def test_planetscope_reflectance_is_read_and_its_other_products_are_not_counted_again(tmp_path):
    planet_json(tmp_path)
    image(tmp_path / f"{ID}_3B_AnalyticMS_SR_clip.tif")
    image(tmp_path / f"{ID}_3B_AnalyticMS.tif")
    image(tmp_path / f"{ID}_3B_Visual.tif", 3, dtype=np.uint8)
    scene = only(tmp_path)
    assert scene.id == f"{ID}_3B_AnalyticMS_SR_clip"
    assert (scene.sensor, scene.taken_at, scene.bands) == ("planetscope", TIME, BGRN)
    assert angles(scene) == (164.5, 41.5, 3.2)
    assert scene.properties["eo:cloud_cover"] == 2
    assert scene.properties["platform"] == "2455"
    assert scene.properties["values"] == "surface reflectance"
    assert scene.properties["same_acquisition"] == f"{ID}_3B_AnalyticMS.tif, {ID}_3B_Visual.tif"
    assert "Planet" in scene.properties["licence"]
    assert values(scene) == pytest.approx([0.01] * 4)


def test_what_the_description_says_comes_before_the_name(tmp_path):
    planet_json(
        tmp_path, "20200101_000000_07_ffff", acquired="2023-10-05T02:15:00.5Z", item_type="SkySatScene"
    )
    image(tmp_path / "20200101_000000_07_ffff_3B_AnalyticMS.tif")
    scene = only(tmp_path)
    assert (scene.sensor, scene.taken_at) == ("skysat", TIME)
    assert scene.properties["time_from"] == "20200101_000000_07_ffff_metadata.json"


def test_a_picture_of_level_1_gives_way_and_three_bands_may_be_analytic(tmp_path):
    planet_json(tmp_path)
    image(tmp_path / f"{ID}_1B_AnalyticMS.tif")
    image(tmp_path / f"{ID}_1B_udm2.tif", 8, dtype=np.uint8)
    image(tmp_path / f"{ID}_3B_Analytic.tif", 3)
    assert only(tmp_path).bands == ("red", "green", "blue")


def test_a_broken_description_is_refused_once_and_takes_its_image_with_it(tmp_path):
    planet_json(tmp_path).write_text('{"type": ')
    image(tmp_path / f"{ID}_3B_AnalyticMS.tif")
    assert refusal(tmp_path).reason == "unreadable"


def test_eight_bands_by_name_and_a_visual_alone(tmp_path):
    planet_json(tmp_path / "a")
    image(tmp_path / "a" / f"{ID}_3B_AnalyticMS_SR_8b_harmonized_clip.tif", 8)
    eight = only(tmp_path / "a")
    assert eight.bands == ("coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir")
    planet_json(tmp_path / "b")
    image(tmp_path / "b" / f"{ID}_3B_Visual.tif", 3, dtype=np.uint8)
    assert only(tmp_path / "b").bands == ("red", "green", "blue")


def test_radiance_becomes_reflectance_band_by_band(tmp_path):
    image(tmp_path / f"{ID}_3B_AnalyticMS.tif", value=1000)
    planet_xml(tmp_path / f"{ID}_3B_AnalyticMS_metadata.xml")
    scene = only(tmp_path)
    assert (scene.taken_at, angles(scene)) == (TIME, (164.5, 41.5, 3.2))
    assert scene.properties["values"] == "top-of-atmosphere reflectance"
    assert scene.properties["eo:cloud_cover"] == 2
    assert values(scene) == pytest.approx([0.02, 0.03, 0.04, 0.05])
    assert values(scene, ["nir", "blue"]) == pytest.approx([0.05, 0.02])
    (row,) = describe(find_scenes([tmp_path]))
    assert "5e-05" in row.dtype


def udm2(**bands):
    """Eight bands of 8 x 8 pixels, each true in the rows given."""
    names = ("clear", "snow", "shadow", "haze_light", "haze_heavy", "cloud", "confidence", "unusable")
    pixels = np.zeros((8, 8, 8), np.uint8)
    for name, (rows, value) in bands.items():
        pixels[names.index(name), rows] = value
    return pixels


def test_udm2_masks_as_scene_classes_do_and_is_no_scene(tmp_path):
    planet_json(tmp_path)
    image(tmp_path / f"{ID}_3B_AnalyticMS_SR.tif")
    pixels = udm2(
        clear=(slice(0, 2), 1), snow=(2, 1), shadow=(3, 1), haze_light=(4, 1), cloud=(slice(5, 7), 1),
        confidence=(slice(0, 8), 80), unusable=([6, 7], [[4], [1]]),
    )  # fmt: skip
    image(tmp_path / f"{ID}_3B_udm2.tif", pixels=pixels)
    scene = only(tmp_path)
    assert scene.bands == (*BGRN, "SCL")
    with open_scene(scene) as raster:
        tile = raster.read()
        half = raster.read(shape=(4, 4))
    assert tile.band("SCL")[:, 0].tolist() == [5, 5, 11, 3, 10, 9, 1, 0]
    assert tile.pixels[0, 0, 0] == pytest.approx(0.01)
    seen = shares(tile)
    assert (seen.clear, seen.snow, seen.clouded, seen.missing) == (0.25, 0.125, 0.375, 0.25)
    assert believable(tile)[:, 0].tolist() == [True, True, True, False, False, False, False, False]
    assert set(half.band("SCL").ravel().tolist()) <= {5, 11, 3, 10, 9, 1, 0}


def test_a_mask_alone_is_no_image_and_with_an_image_needs_no_description(tmp_path):
    image(tmp_path / "a" / f"{ID}_3B_udm2.tif", 8, dtype=np.uint8)
    image(tmp_path / "a" / "yard.tif", 1)
    assert [scene.id for scene in find_scenes([tmp_path / "a"]).scenes] == ["yard"]
    image(tmp_path / "b" / f"{ID}_3B_AnalyticMS.tif")
    image(
        tmp_path / "b" / f"{ID}_3B_AnalyticMS_DN_udm.tif",
        pixels=np.array([[[0, 1], [2, 4]]], np.uint8),
        size=2,
    )
    scene = only(tmp_path / "b")
    assert scene.taken_at == datetime(2023, 10, 5, 2, 15, tzinfo=UTC)
    with open_scene(scene) as raster:
        classes = raster.read().band("SCL")
    assert classes[:2, :2].tolist() == [[7, 0], [9, 1]]


def test_a_mask_of_another_form_is_told_when_it_is_opened(tmp_path):
    planet_json(tmp_path)
    image(tmp_path / f"{ID}_3B_AnalyticMS.tif")
    image(tmp_path / f"{ID}_3B_udm2.tif", 3, dtype=np.uint8)
    with pytest.raises(UnreadableError, match=r"udm2 mask: .* has 3 bands"):
        open_scene(only(tmp_path))


def test_skysat_pansharpened_before_analytic_each_with_its_own_mask(tmp_path):
    planet_json(tmp_path, SKY, item_type="SkySatScene", provider="skysat", satellite_id="SSC12", gsd=0.72)
    image(tmp_path / f"{SKY}_pansharpened.tif", step=0.5)
    image(tmp_path / f"{SKY}_pansharpened_udm2.tif", 8, value=0, dtype=np.uint8, step=0.5)
    image(tmp_path / f"{SKY}_analytic.tif", step=0.8)
    image(tmp_path / f"{SKY}_analytic_udm2.tif", 8, value=0, dtype=np.uint8, step=0.8)
    scene = only(tmp_path)
    assert (scene.sensor, scene.properties["gsd"], scene.bands) == ("skysat", 0.72, (*BGRN, "SCL"))
    assert [asset.path.name for asset in scene.assets] == [
        f"{SKY}_pansharpened.tif",
        f"{SKY}_pansharpened_udm2.tif",
    ]
    (row,) = describe(find_scenes([tmp_path]))
    assert (row.regime, row.refused) == ("single", "")


IMD = """version = "28.3";
bandId = "Multi";
panSharpenAlgorithm = "None";
bitsPerPixel = 16;
productLevel = "LV2A";
{bands}
BEGIN_GROUP = IMAGE_1
\tsatId = "WV02";
\tfirstLineTime = 2023-10-05T02:15:00.500000Z;
\tmeanSunAz = 164.5;
\tmeanSunEl = 41.5;
\tmeanOffNadirViewAngle = 12.3;
\tcloudCover = 0.05;
\tTLCList = (
( 0, 0.0),
( 1, 0.5) );
END_GROUP = IMAGE_1
END;
"""
GROUP = "BEGIN_GROUP = BAND_{}\n\tabsCalFactor = {};\n\teffectiveBandwidth = 5.0e-02;\nEND_GROUP = BAND_{}"


def imd(names="BGRN", factor=1e-2):
    return IMD.format(bands="\n".join(GROUP.format(n, factor * (i + 1), n) for i, n in enumerate(names)))


def test_maxar_tiles_are_one_scene_each_with_the_facts_of_the_imd(tmp_path):
    for tile in ("_R1C1", "_R1C2"):
        image(tmp_path / (MAXAR.format(f"M2AS{tile}") + ".TIF"))
    image(tmp_path / (MAXAR.format("M2AS") + "-BROWSE.JPG"), 3, dtype=np.uint8)
    (tmp_path / (MAXAR.format("M2AS") + ".IMD")).write_text(imd())
    (tmp_path / (MAXAR.format("M2AS") + ".XML")).write_text("<isd><IMD></IMD></isd>")
    found = find_scenes([tmp_path])
    assert found.refused == ()
    assert [scene.properties["tile"] for scene in found.scenes] == ["R1C1", "R1C2"]
    for scene in found.scenes:
        assert (scene.sensor, scene.taken_at, scene.bands) == ("worldview-2", TIME, BGRN)
        assert angles(scene) == (164.5, 41.5, 12.3)
        assert scene.properties["eo:cloud_cover"] == 5
        assert scene.properties["delivery"] == "LV2A Multi"
        assert values(scene) == pytest.approx([20, 40, 60, 80])


def test_maxar_xml_and_pansharpened_values_are_no_radiance(tmp_path):
    bands = "".join(
        f"<BAND_{n}><ABSCALFACTOR>0.01</ABSCALFACTOR><EFFECTIVEBANDWIDTH>0.05</EFFECTIVEBANDWIDTH></BAND_{n}>"
        for n in "RGB"
    )
    (tmp_path / (MAXAR.format("S2AS") + ".XML")).write_text(
        f"<isd><IMD><PANSHARPENALGORITHM>GSP</PANSHARPENALGORITHM>{bands}<IMAGE><SATID>GE01</SATID>"
        "<FIRSTLINETIME>2023-10-05T02:15:00.500000Z</FIRSTLINETIME><MEANSUNAZ>164.5</MEANSUNAZ>"
        "<MEANSUNEL>41.5</MEANSUNEL><MEANOFFNADIRVIEWANGLE>12.3</MEANOFFNADIRVIEWANGLE>"
        "<CLOUDCOVER>-999</CLOUDCOVER></IMAGE></IMD></isd>"
    )
    image(tmp_path / (MAXAR.format("S2AS") + ".TIF"), 3, step=0.5)
    scene = only(tmp_path)
    assert (scene.sensor, scene.bands, angles(scene)) == (
        "geoeye-1",
        ("red", "green", "blue"),
        (164.5, 41.5, 12.3),
    )
    assert scene.properties["pansharpened"] is True
    assert "eo:cloud_cover" not in scene.properties
    assert values(scene) == [100, 100, 100]


def dimap(hrefs, bands=("B2", "B1", "B0", "B3"), count=None, gain=10.0):
    files = "".join(
        f'<Data_File tile_R="1" tile_C="{i}"><DATA_FILE_PATH href="{href}"/></Data_File>'
        for i, href in enumerate(hrefs, start=1)
    )
    places = "".join(
        f"<Raster_Index><BAND_ID>{b}</BAND_ID><BAND_INDEX>{i}</BAND_INDEX></Raster_Index>"
        for i, b in enumerate(bands, start=1)
    )
    gains = "".join(
        f"<Band_Radiance><BAND_ID>{b}</BAND_ID><GAIN>{gain}</GAIN><BIAS>1</BIAS></Band_Radiance>"
        for b in bands
    )
    return (
        f"<Dimap_Document><Raster_Data><Data_Files>{files}</Data_Files><NBANDS>{count or len(bands)}</NBANDS>"
        f"{places}</Raster_Data>{gains}<RADIOMETRIC_PROCESSING>BASIC</RADIOMETRIC_PROCESSING>"
        "<Located_Geometric_Values><LOCATION_TYPE>TopCenter</LOCATION_TYPE><TIME>2023-10-05T02:14:59Z</TIME>"
        "<SUN_AZIMUTH>1</SUN_AZIMUTH></Located_Geometric_Values>"
        "<Located_Geometric_Values><LOCATION_TYPE>Center</LOCATION_TYPE><TIME>2023-10-05T02:15:00.500Z</TIME>"
        "<VIEWING_ANGLE>12.3</VIEWING_ANGLE><INCIDENCE_ANGLE>13.9</INCIDENCE_ANGLE>"
        "<SUN_AZIMUTH>164.5</SUN_AZIMUTH><SUN_ELEVATION>41.5</SUN_ELEVATION></Located_Geometric_Values>"
        "<MISSION>PHR</MISSION><MISSION_INDEX>1A</MISSION_INDEX><PROCESSING_LEVEL>ORTHO</PROCESSING_LEVEL>"
        "<SPECTRAL_PROCESSING>PMS</SPECTRAL_PROCESSING><CLOUD_COVERAGE>4</CLOUD_COVERAGE></Dimap_Document>"
    )


def test_airbus_bands_stand_in_the_order_of_the_file(tmp_path):
    names = [f"IMG_{PHR}_R1C{i}.TIF" for i in (1, 2)]
    for name in names:
        image(tmp_path / name, step=0.5)
    image(tmp_path / f"PREVIEW_{PHR}.JPG", 3, dtype=np.uint8)
    (tmp_path / f"DIM_{PHR}.XML").write_text(dimap(names))
    found = find_scenes([tmp_path])
    assert found.refused == ()
    assert [scene.properties["tile"] for scene in found.scenes] == ["R1C1", "R1C2"]
    scene = found.scenes[0]
    assert (scene.sensor, scene.taken_at, scene.bands) == ("pleiades", TIME, ("red", "green", "blue", "nir"))
    assert angles(scene) == (164.5, 41.5, 12.3)
    assert scene.properties["delivery"] == "ORTHO PMS"
    assert scene.properties["incidence_deg"] == 13.9
    assert values(scene) == [11, 11, 11, 11]


def test_a_description_that_points_out_of_the_folder_or_at_nothing_is_refused(tmp_path):
    image(tmp_path / "secret.TIF")
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / f"DIM_{PHR}.XML"
    path.write_text(dimap(["../secret.TIF"]))
    assert refusal(tmp_path / "in").reason == "outside-folder"
    path.write_text(dimap(["gone.TIF"]))
    assert refusal(tmp_path / "in").reason == "assets-missing"


def planet_of_three(folder):
    planet_json(folder)
    image(folder / f"{ID}_3B_AnalyticMS.tif", 3)
    return "3 bands"


def planet_of_eight(folder):
    image(folder / f"{ID}_3B_AnalyticMS.tif")
    planet_xml(folder / f"{ID}_3B_AnalyticMS_metadata.xml", bands=8)
    return "8"


def planet_of_three_factors(folder):
    image(folder / f"{ID}_3B_AnalyticMS.tif")
    planet_xml(folder / f"{ID}_3B_AnalyticMS_metadata.xml", factors=(1, 2, -3), bands=4)
    return "-3"


def maxar_of_eight(folder):
    image(folder / (MAXAR.format("M2AS") + ".TIF"))
    (folder / (MAXAR.format("M2AS") + ".IMD")).write_text(imd(["C", "B", "G", "Y", "R", "RE", "N", "N2"]))
    return "rededge"


def airbus_of_three(folder):
    image(folder / f"IMG_{PHR}_R1C1.TIF")
    (folder / f"DIM_{PHR}.XML").write_text(dimap([f"IMG_{PHR}_R1C1.TIF"], ("B2", "B1", "B0")))
    return "red, green, blue"


def airbus_of_five(folder):
    image(folder / f"IMG_{PHR}_R1C1.TIF")
    (folder / f"DIM_{PHR}.XML").write_text(dimap([f"IMG_{PHR}_R1C1.TIF"], count=5))
    return "5 bands"


@pytest.mark.parametrize(
    "write",
    [
        planet_of_three,
        planet_of_eight,
        planet_of_three_factors,
        maxar_of_eight,
        airbus_of_three,
        airbus_of_five,
    ],
)
def test_bands_that_contradict_the_image_are_refused_with_the_value(tmp_path, write):
    value = write(tmp_path)
    refused = refusal(tmp_path)
    assert refused.reason == "band-mismatch"
    assert value in refused.detail


@pytest.mark.parametrize(
    "changed", [{"acquired": "yesterday"}, {"sun_elevation": 410}, {"view_angle": "steep"}], ids=str
)
def test_a_description_that_makes_no_sense_is_refused_and_its_image_with_it(tmp_path, changed):
    planet_json(tmp_path, **changed)
    image(tmp_path / f"{ID}_3B_AnalyticMS.tif")
    assert str(next(iter(changed.values()))) in refusal(tmp_path).detail


@pytest.mark.parametrize(
    "text",
    ['<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "<!DOCTYPE a><a/>",
     '<!DOCTYPE a [<!ENTITY x "yy"><!ENTITY z "&x;&x;">]><a>&z;</a>'],
)  # fmt: skip
def test_xml_with_a_document_type_is_refused(tmp_path, text):
    path = tmp_path / f"DIM_{PHR}.XML"
    path.write_text(text)
    with pytest.raises(UnreadableError) as caught:
        read_xml(path)
    assert caught.value.reason == "unsafe-xml"
    image(tmp_path / f"IMG_{PHR}_R1C1.TIF")
    assert refusal(tmp_path).reason == "unsafe-xml"


def test_xml_that_is_deep_long_or_broken_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "x.xml"
    for text in ("<a>" * 5000, "<a>", "", "plain", '<?xml version="1.0" encoding="odd"?><a/>', "<a>&b;</a>"):
        path.write_text(text)
        with pytest.raises(UnreadableError):
            read_xml(path)
    monkeypatch.setattr("imagery.sources.deliveries.xmlfile.MAX_XML_BYTES", 10)
    path.write_text("<a>1234567890</a>")
    with pytest.raises(UnreadableError, match="larger"):
        read_xml(path)


WORDS = st.sampled_from(
    ["<isd>", "</isd>", "<IMD>", "</IMD>", "<BAND_R>", "</BAND_R>", "<Dimap_Document>", "</Dimap_Document>",
     "<NBANDS>9</NBANDS>", "<Data_File><DATA_FILE_PATH href='../x'/></Data_File>", "BEGIN_GROUP = BAND_B\n",
     "END_GROUP = BAND_B\n", "satId = \"WV02\";\n", "absCalFactor = nan;\n", "firstLineTime = 9999;\n",
     "meanSunEl = 1e999;\n", 
     "{\"properties\": ", "{\"acquired\": 7, ", "\"cloud_cover\": 1e400", "}", "<", "\0"]
)  # fmt: skip
NAMES = (f"{ID}_metadata.json", f"{ID}_3B_AnalyticMS_metadata.xml", f"DIM_{PHR}.XML",
         MAXAR.format("M2AS") + ".IMD",
         MAXAR.format("M2AS") + ".XML")  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder with an image of each provider."""
    folder = tmp_path_factory.mktemp("odd")
    image(folder / f"{ID}_3B_AnalyticMS.tif", size=2)
    image(folder / f"IMG_{PHR}_R1C1.TIF", size=2)
    image(folder / (MAXAR.format("M2AS") + ".TIF"), size=2)
    return folder


@settings(max_examples=50, deadline=None)
@given(name=st.sampled_from(NAMES), words=st.lists(WORDS | st.text(max_size=12), max_size=8))
def test_no_description_however_odd_ends_in_a_traceback(images, name, words):
    (images / name).write_text("".join(words), encoding="utf-8", errors="replace")
    try:
        found = find_scenes([images])
    finally:
        (images / name).unlink()
    assert len(describe(found)) == len(found.scenes) + len(found.refused) >= 3
