"""Sensors, and what can be counted at which ground sample distance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagery.sensors import SENSORS, regime

ORDER = ["single", "track", "corridor", "none"]


@pytest.mark.parametrize(
    ("gsd", "expected"),
    [(0.3, "single"), (1.2, "single"), (1.5, "track"), (2.0, "track"), (5.0, "track"), (7.0, "track"),
     (10.0, "corridor"), (20.01, "corridor"), (30.02, "corridor"), (60.0, "none")],
)  # fmt: skip
def test_the_regimes(gsd, expected):
    assert regime(gsd) == expected


@given(st.floats(0.05, 100), st.floats(0.05, 100), st.sampled_from(sorted(SENSORS)))
def test_coarser_never_shows_more_and_no_file_more_than_its_sensor(one, other, key):
    finer, coarser = sorted((one, other))
    assert ORDER.index(regime(finer)) <= ORDER.index(regime(coarser))
    sensor = SENSORS[key]
    assert ORDER.index(sensor.regime(finer)) >= ORDER.index(regime(finer))
    assert ORDER.index(sensor.regime(finer)) >= ORDER.index(regime(sensor.gsd_m))


def test_sensors_are_what_they_say():
    assert all(key == sensor.id for key, sensor in SENSORS.items())
    assert SENSORS["sentinel-2-l2a"].gsd_m == 10
    assert SENSORS["sentinel-2-l2a"].regime(0.5) == "corridor"
    assert SENSORS["skysat"].regime(0.5) == "single"
    assert SENSORS["planetscope"].regime(3.0) == "track"
    assert SENSORS["rgb"].gsd_m == 0
    for sensor in SENSORS.values():
        names = {band.name for band in sensor.bands}
        assert len(names) == len(sensor.bands)
        assert all(set(order) <= names or not names for order in sensor.orders)
