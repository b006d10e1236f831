import csv
import os
import re
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.claims import Claim, filter_claims, load_claims
from imagery.errors import InputError, YardwatchError
from imagery.period import Period

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("YARDWATCH_DATA", ROOT / "../shared/data"))
FACTS = DATA.parent / "facts" / "claims.csv"

ROW = {
    "id": "X01",
    "site": "tumangang",
    "quantity": "railcars",
    "unit": "railcars",
    "comparison": "about",
    "low": "73",
    "period": "2023-10-05",
    "text": "Many stood there.",
    "imagery": "commercial",
    "source": "somebody",
    "locator": "page 3",
    "testable": "true",
    "reason": "beware",
}


def written(folder, rows, name="claims.yaml"):
    path = folder / name
    path.write_text(rows if isinstance(rows, str) else yaml.safe_dump(rows), encoding="utf-8")
    return path


def row(**changes):
    changed = {**ROW, **changes}
    return {key: value for key, value in changed.items() if value != "drop"}


@pytest.fixture(scope="module")
def seeds():
    return load_claims([ROOT / "seeds/claims"])


# The claims that come with the project


@pytest.fixture(scope="module")
def facts():
    if not FACTS.exists():
        pytest.skip(f"{FACTS} is not here: set YARDWATCH_DATA to the real data")
    with FACTS.open(encoding="utf-8") as file:
        return {line["id"]: line for line in csv.DictReader(file)}


def report(claim):
    """Id of the report that a claim is a figure of: T05 for T05a."""
    return claim.id.rstrip("abcdefgh")


def test_every_published_figure_has_its_claims(seeds, facts):
    assert len(facts) == 67
    assert {report(claim) for claim in seeds if claim.id[0] != "A"} == set(facts)


def test_single_figures_stand_in_the_published_row(seeds, facts):
    """No figure is invented: each is in its row of the table, or its claim says that it is ours."""
    for claim in seeds:
        if claim.id[0] == "A" or claim.low in (None, 0.0):
            continue
        line = facts[report(claim)]
        said = " ".join(line[key] for key in ("figure", "unit", "place", "what", "note"))
        for word, digit in (("single", "1"), ("one", "1"), ("two", "2"), ("three", "3")):
            said = re.sub(rf"\b{word}\b", digit, said)
        numbers = {float(n) for n in re.findall(r"(?<![\d.])\d+(?:\.\d+)?", said)}
        numbers |= {n * factor for n in numbers for factor in (1e3, 1e6)}  # k, thousand, M
        assert claim.low in numbers or re.search(r"\bours\b", claim.reason), claim.id


def test_addresses_are_those_of_the_table(seeds, facts):
    for claim in seeds:
        if claim.locator.startswith("http"):
            assert claim.locator == facts[report(claim)]["url"]


def test_headline_claims(seeds):
    claims = {claim.id: claim for claim in seeds}
    assert (claims["T01"].comparison, claims["T01"].low) == ("about", 73)
    assert claims["T01"].period == Period(date(2023, 10, 5), date(2023, 10, 6))
    # The five years end before the day of the count, or the claim would contradict itself.
    assert claims["T02"].period == claims["T01"].period.before(5)
    assert (claims["T02"].comparison, claims["T02"].low) == ("at most", 20)
    assert claims["T09c"].low == 5 * claims["T09b"].low
    assert claims["T05d"].low == sum(claims[f"T05{part}"].low for part in "abc")
    assert claims["T08d"].low == sum(claims[f"T08{part}"].low for part in "abc")
    assert claims["T26f"].low == sum(claims[f"T26{part}"].low for part in "abce")
    assert claims["T27e"].low == sum(claims[f"T27{part}"].low for part in "abcd")
    assert claims["T22d"].low == claims["T22a"].low + 2 * claims["T22b"].low


def test_known_conflicts_are_named_on_both_sides(seeds):
    claims = {claim.id: claim for claim in seeds}
    for one, other in (("T01", "T09c"), ("T07c", "T08d"), ("T02", "T20e"), ("T02", "T22d"), ("R14a", "R14b")):
        assert other in claims[one].see_also
        assert one in claims[other].see_also
    assert {name for claim in seeds for name in claim.see_also} <= set(claims)
    assert not any(claim.id in claim.see_also for claim in seeds)


def test_what_no_imagery_can_test_says_so(seeds):
    never = {"containers_per_vessel", "munition_rounds", "arms_deliveries", "freight_t", "state_visits"}
    for claim in seeds:
        if claim.quantity in never:
            assert not claim.testable, claim.id
        if claim.quantity == "containers" and claim.period.days > 31:
            assert not claim.testable, claim.id
        assert claim.text.endswith(".")
    claims = {claim.id: claim for claim in seeds}
    for name in ("A04", "A11", "A15", "R01", "R12c", "R22", "R23a", "R24a", "R25a"):
        assert not claims[name].testable


def test_a_single_train_is_never_the_whole_yard(seeds):
    """One train's length held against all occupied track would be contradicted by the train beside it."""
    for claim in seeds:
        if claim.quantity == "occupied_track_m" and claim.low is not None and claim.id != "T21d":
            assert "ours" in claim.reason, claim.id


def test_sites_are_known_or_explained(seeds):
    known = {path.stem for path in (ROOT / "seeds/sites").glob("*.geojson")}
    assert {claim.site for claim in seeds} == known | {"khasan", "elsewhere"}


# Reading


def test_the_example_in_the_readme_is_a_claim(tmp_path):
    text = (ROOT / "seeds/README.md").read_text(encoding="utf-8")
    (claim,) = load_claims([written(tmp_path, text.split("```yaml\n")[1].split("```")[0])])
    assert (claim.id, claim.low, claim.see_also) == ("X01", 73.0, ("T09c",))


def test_round_trip(tmp_path):
    path = written(
        tmp_path, [row(see_also=["T01"]), row(id="X02", comparison="rises", low="drop", testable="false")]
    )
    first, second = load_claims([path])
    assert first == Claim(
        id="X01",
        site="tumangang",
        quantity="railcars",
        unit="railcars",
        comparison="about",
        low=73.0,
        high=73.0,
        period=Period(date(2023, 10, 5), date(2023, 10, 6)),
        text="Many stood there.",
        imagery="commercial",
        source="somebody",
        locator="page 3",
        testable=True,
        reason="beware",
        see_also=("T01",),
    )
    assert (second.low, second.high, second.testable, second.see_also) == (None, None, False, ())


def test_yaml_of_its_own_kind_is_read_as_written(tmp_path):
    text = written(tmp_path, [row()]).read_text()
    text = text.replace("'73'", "73").replace("'2023-10-05'", "2023-10-05").replace("'true'", "true")
    assert "'" not in text
    (claim,) = load_claims([written(tmp_path, text.replace("somebody", "no"))])
    assert (claim.low, claim.testable, claim.source) == (73.0, True, "no")
    assert str(claim.period) == "2023-10-05"


def test_between_and_month_and_span(tmp_path):
    between = row(comparison="between", low="40", high="290", period="2023-10/2023-11")
    (claim,) = load_claims([written(tmp_path, [between])])
    assert (claim.low, claim.high) == (40.0, 290.0)
    assert claim.period.days == 61


def test_folders_are_read_by_name_and_ids_are_unique_across_files(tmp_path):
    written(tmp_path, [row(id="B")], "b.yml")
    written(tmp_path, [row(id="A")], "a.yaml")
    written(tmp_path, "not read", "notes.txt")
    assert [claim.id for claim in load_claims([tmp_path])] == ["A", "B"]
    written(tmp_path, [row(id="A")], "c.yaml")
    with pytest.raises(InputError, match=r"c\.yaml: claim A is already in .*a\.yaml"):
        load_claims([tmp_path])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantitty": "x"}, "'X01' has unknown key 'quantitty': did you mean quantity"),
        ({"zzz": "x"}, "unknown key 'zzz': did you mean id, site"),
        ({"low": "drop"}, "'about' needs a figure in low"),
        ({"low": "many"}, "low is 'many': write a number"),
        ({"low": ["1"]}, r"low is \['1'\]: write a number"),
        ({"low": ".nan"}, "low is '.nan'"),
        ({"low": "nan"}, "is not finite"),
        ({"low": "inf"}, "is not finite"),
        ({"high": "80"}, "differ: write 'between'"),
        ({"comparison": "between"}, "high must exceed low"),
        ({"comparison": "rises", "low": "drop", "high": "3"}, "needs a figure in low"),
        ({"comparison": "roughly"}, "'roughly' is none of at least, at most"),
        ({"period": "autumn"}, "'X01': 'autumn' is no date"),
        ({"period": "2023-10-05/2023-10-01"}, "is empty: the end"),
        ({"period": "drop"}, "period is None"),
        ({"testable": "maybe"}, "testable is 'maybe': write true or false"),
        ({"text": " "}, "text is ' '"),
        ({"source": "drop"}, "source is None"),
        ({"reason": ["a"]}, "reason is"),
        ({"site": "Tumangang yard"}, "site 'Tumangang yard' is not a name"),
        ({"quantity": "rail cars"}, "quantity 'rail cars' is not a name"),
        ({"id": "T 1"}, "id 'T 1' is not a short name"),
        ({"id": "drop"}, "claim 1: id is None"),
        ({"see_also": "T01"}, "see_also is 'T01': write a list"),
        ({"see_also": [["T01"]]}, "see_also is"),
    ],
)
def test_wrong_rows_are_refused_with_the_value(tmp_path, changes, message):
    path = written(tmp_path, [row(**changes)])
    with pytest.raises(InputError, match=message) as refusal:
        load_claims([path])
    assert str(path) in str(refusal.value)


BOMB = "- &a [x, x]\n" + "".join(f"- &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "line 2 uses a YAML alias"),
        ("- &a\n  low: *a\n", "uses a YAML alias"),
        ("- id: X01\n  id: X02\n", "has key 'id' twice"),
        ("id: X01", "is not a list of claims"),
        ("", "is not a list of claims"),
        ("- 3", "claim 1 is '3': write a mapping"),
        ("- [unclosed", "is not YAML"),
        ("- {[a]: b}", "is not YAML"),
        ("- !!python/object/apply:os.getcwd []", r"claim 1 is \[\]"),
        ("- <<: {id: X01}", "unknown key '<<'"),
        ("[" * 600, "is not YAML"),
        ("- a\x00b", "is not YAML"),
        ("#" * (2**18 + 1), "larger than"),
    ],
)
def test_files_that_are_no_claims(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=message) as refusal:
        load_claims([path])
    assert str(path) in str(refusal.value)


def test_paths_that_hold_nothing(tmp_path):
    with pytest.raises(InputError, match=r"holds no \.yaml file"):
        load_claims([tmp_path])
    with pytest.raises(InputError, match="No such file"):
        load_claims([tmp_path / "none.yaml"])


# Choosing


def test_filters_hold_together(seeds):
    assert filter_claims(seeds) == seeds
    rajin = filter_claims(seeds, site="rajin")
    assert {claim.site for claim in rajin} == {"rajin"}
    never = filter_claims(rajin, testable=False)
    assert never
    assert not any(claim.testable for claim in never)
    assert set(never) | set(filter_claims(rajin, testable=True)) == set(rajin)
    cars = filter_claims(seeds, quantity="railcars", text="CSIS")
    assert {claim.id for claim in cars} >= {"T01", "T02", "A20"}
    assert filter_claims(seeds, text="t01")[0].id in {"T01", "A20"}
    assert filter_claims(seeds, text="no such words") == ()


# Whatever comes, only our own errors

YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
ANY_FILE = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])


def loads_or_refuses(path):
    with suppress(YardwatchError):
        load_claims([path])


@ANY_FILE
@given(st.binary(max_size=100))
def test_arbitrary_bytes(tmp_path, data):
    path = tmp_path / "any.yaml"
    path.write_bytes(data)
    loads_or_refuses(path)


@ANY_FILE
@given(st.text(alphabet=st.sampled_from("-:[]{}&*!|>%@?#,'\"~ \nab0."), max_size=60))
def test_arbitrary_yaml_signs(tmp_path, text):
    loads_or_refuses(written(tmp_path, text))


@ANY_FILE
@given(key=st.sampled_from([*ROW, "high", "see_also", "other"]), value=YAML)
def test_a_valid_claim_with_anything_in_one_field(tmp_path, key, value):
    loads_or_refuses(written(tmp_path, [{**ROW, key: value}]))
