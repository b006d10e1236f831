"""Outside figures against a run: who is paired with whom, and what the differences say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.verdicts.outside import Agreement, agreements, compare_table, told, write_compared
from imagery.errors import InputError


def run_of(path, rows, simulated=False):
    names = ["site", "scene_id", "taken_at", "gsd_m", "quantity", "value", "low", "high", "method"]
    pd.DataFrame(rows, columns=names).assign(simulated=simulated).to_parquet(path / "measurements.parquet")
    return path


def figures(path, *lines, head="site,date,quantity,value"):
    (path / "figures.csv").write_text("\n".join([head, *lines]) + "\n")
    return path / "figures.csv"


DAY = [
    ("yard", "coarse", "2023-10-05T02:16:00Z", 10.0, "railcar_equivalents", 80.0, 50.0, 110.0, "profile"),
    ("yard", "fine", "2023-10-05T01:40:00Z", 0.5, "railcars", 70.0, 65.0, 76.0, "strips"),
    ("yard", "later", "2023-10-09T01:40:00Z", 0.5, "railcars", 30.0, 25.0, 36.0, "strips"),
]


def test_the_finest_direct_count_of_the_day_is_the_pair(tmp_path):
    table = compare_table(run_of(tmp_path, DAY), figures(tmp_path, "yard,2023-10-05,railcars,73"))
    (row,) = table.to_dict("records")
    assert (row["scene_id"], row["our_quantity"], row["difference"]) == ("fine", "railcars", -3.0)
    assert row["holds"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("elsewhere,2023-10-05,railcars,73", "no image of 'elsewhere'"),
        ("yard,2023-10-05,teu,73", "does not measure 'teu'"),
        ("yard,2023-10-07,railcars,73", "2 days away"),
        ("yard,autumn,railcars,73", "is not written as"),
        ("yard,2023-10-05,railcars,many", "is no number"),
        ("yard,2023-10-05,railcars,inf", "is no number"),
    ],
)
def test_what_cannot_be_compared_says_why(tmp_path, line, why):
    table = compare_table(run_of(tmp_path, DAY), figures(tmp_path, line))
    assert not table["comparable"][0]
    assert why in table["reason"][0]
    (one,) = agreements(table)
    assert (one.pairs, one.unpaired) == (0, 1)
    assert "none of 1 figures" in next(told([one]))


@pytest.mark.parametrize("simulated", [False, True])
def test_simulated_pixels_are_said(tmp_path, simulated):
    run = run_of(tmp_path, DAY, simulated)
    (one,) = agreements(compare_table(run, figures(tmp_path, "yard,2023-10-05,railcars,73")))
    assert one.simulated == simulated
    assert ("SIMULATED" in next(told([one]))) == simulated


def test_without_a_count_its_equivalents_answer(tmp_path):
    table = compare_table(run_of(tmp_path, DAY[:1]), figures(tmp_path, "yard,2023-10-05,railcars,73"))
    assert table["our_quantity"][0] == "railcar_equivalents"


def test_a_time_of_day_counts_where_one_is_given(tmp_path):
    line = "yard,2023-10-05T01:00:00Z,railcars,73"
    path = run_of(tmp_path, DAY)
    assert compare_table(path, figures(tmp_path, line), days=0.02)["reason"][0].startswith("the nearest")
    assert compare_table(path, figures(tmp_path, line), days=0.03)["comparable"][0]


@given(
    st.lists(st.integers(-400, 400), min_size=2, max_size=30),
    st.integers(-50, 50),
)
def test_a_constant_shift_is_all_bias(tmp_path_factory, theirs, shift):
    path = tmp_path_factory.mktemp("run")
    days = np.arange("2020-01-01", len(theirs) + np.datetime64("2020-01-01"), dtype="datetime64[D]")
    ours = [
        ("y", f"s{i}", f"{day}T00:00:00Z", 1.0, "railcars", v + shift, v + shift - 5.0, v + shift + 5.0, "m")
        for i, (day, v) in enumerate(zip(days, theirs, strict=True))
    ]
    lines = [f"y,{day},railcars,{v}" for day, v in zip(days, theirs, strict=True)]
    (one,) = agreements(compare_table(run_of(path, ours), figures(path, *lines), days=0.5))
    assert isinstance(one, Agreement)
    assert one.bias == pytest.approx(shift)
    assert one.agreement_high - one.agreement_low == pytest.approx(0, abs=1e-9)
    assert one.coverage == (1.0 if abs(shift) <= 5 else 0.0)
    assert one.coverage_low <= one.coverage <= one.coverage_high


def test_columns_are_carried_and_no_cell_runs(tmp_path):
    file = figures(
        tmp_path, "yard,2023-10-05,railcars,73,=HYPERLINK(1)", head="site,date,quantity,value,source"
    )
    write_compared(compare_table(run_of(tmp_path, DAY), file), tmp_path / "out.csv")
    back = pd.read_csv(tmp_path / "out.csv")
    assert back["source"][0] == "'=HYPERLINK(1)"
    assert back["our_value"][0] == 70


def test_a_table_without_its_columns_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="lacks the columns quantity"):
        compare_table(run_of(tmp_path, DAY), figures(tmp_path, "a,b,c", head="site,date,value"))
    taken = figures(tmp_path, "y,2023-01-01,q,1,2", head="site,date,quantity,value,holds")
    with pytest.raises(InputError, match="already has the columns holds"):
        compare_table(run_of(tmp_path, DAY), taken)
    with pytest.raises(InputError, match="no table of a run"):
        compare_table(tmp_path / "none", figures(tmp_path, "y,2023-01-01,q,1"))
