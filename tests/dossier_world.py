"""A small dossier with made-up results, sealed by the same code as a run's."""

from evidence.config import RunConfig
from evidence.dossier.crate import Occasion
from evidence.dossier.package import TAKE_IN, UNSIGNED, Draft
from evidence.files import sha256, written

OCCASION = Occasion(
    "A yard", "yardwatch run a.yaml", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z", "0", True
)


def put(path, text):
    with written(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def world(folder, sealing=UNSIGNED, occasion=OCCASION, out="out"):
    """Two tiles, a site, and a run of three steps over them; gives the dossier's folder."""
    tiles, site = folder / "tiles", folder / "sites" / "yard.geojson"
    if not tiles.exists():
        put(tiles / "a_20230901.tif", "pixels of one day")
        put(tiles / "deep er" / "b_20230911.tif", "pixels of another")
        put(site, "{}")
    inputs = {str(path): sha256(path) for path in (*sorted(tiles.rglob("*.tif")), site)}
    out = folder / out
    draft = Draft(out, RunConfig(tiles=(tiles,), sites=(site,)), inputs)
    with draft.step("observe", [TAKE_IN]):
        put(
            out / "measurements.csv",
            "site,scene_id,quantity,method,value,low,high\nyard,a,railcars,m,3,2,4\n",
        )
        put(out / ".finished" / "a.npz", "a checkpoint")
    with draft.step("judge", [TAKE_IN, "observe"]):
        put(out / "verdicts.json", '[{"claim_id": "c", "verdict": "supported"}]\n')
    with draft.step("report", [TAKE_IN, "observe", "judge"]):
        put(out / "report" / "index.html", "<p>3 railcars</p>")
    return draft.seal(occasion, sealing)[0]
