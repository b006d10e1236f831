"""A STAC API on this machine, for tests: searches, pages by POST, serves COGs in ranges, and fails on demand.

Tests get one through the ``stac_server`` fixture. Benchmarks and subprocesses may load this file by its path.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import uvicorn
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from imagery.sources.files.write import write_cog

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "in": lambda a, b: a in b,
}
REFLECTANCE = {"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": -0.1}
CLASSES = {"nodata": 0, "data_type": "uint8"}


@dataclass
class Fault:
    """What is done to matching requests: ``status`` (with ``retry_after``), ``reset`` or ``short`` in
    mid-body, ``slow`` (``seconds`` between quarters of the body), ``garbage`` (no JSON, no TIFF)."""

    path: str
    kind: str
    status: int = 500
    retry_after: str | None = None
    after: int = 0
    times: int | None = 1
    seconds: float = 0.05
    hits: int = 0

    def strikes(self, path: str) -> bool:
        if not re.search(self.path, path):
            return False
        self.hits += 1
        last = None if self.times is None else self.after + self.times
        return self.hits > self.after and (last is None or self.hits <= last)


@dataclass
class Served:
    """One request and what was answered."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes = b""
    status: int = 0
    sent: int = 0

    @property
    def range(self) -> str | None:
        return self.headers.get("range")


@dataclass
class Lock:
    """A folder that needs a token; each token opens it ``uses`` times (None: for ever)."""

    path: str
    uses: int | None
    left: dict[str, float] = field(default_factory=dict)


class StacServer:
    """The server. ``url`` is its address; everything can be changed while it runs."""

    def __init__(self) -> None:
        self.reset(Path("."))
        # With the protocol named asyncio switches Nagle's algorithm off: 40 ms less a request.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        routes = [
            Route("/", self._root),
            Route("/conformance", lambda _: JSONResponse({"conformsTo": self._conforms()})),
            Route("/collections", self._collections),
            Route("/collections/{collection}", self._collection),
            Route("/collections/{collection}/items", self._items),
            Route("/search", self._search, methods=["GET", "POST"]),
            Route("/sas/token/{account}/{container}", self._token),
            Route("/files/{path:path}", self._file),
            Route("/eodata/{path:path}", self._file),  # the same as a bucket
        ]
        config = uvicorn.Config(
            self._app(Starlette(routes=routes)), log_config=None, lifespan="off", ws="none", access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def reset(self, folder: Path) -> None:
        """Forget everything; files are served from ``folder`` under ``/files``."""
        self.folder = folder
        self.collections: dict[str, list[dict[str, Any]]] = {}
        self.faults: list[Fault] = []
        self.locks: list[Lock] = []
        self.log: list[Served] = []
        self.page_cap = 100
        """Most items of a page, whatever the client asks."""
        self.hollow_pages: set[int] = set()
        """Numbers of pages (from 0) that come empty, with a next link all the same."""
        self.token_life_s = 2700.0
        self._states: dict[str, tuple[list[dict[str, Any]], int, int]] = {}
        self._tokens = 0

    def start(self) -> StacServer:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.002)
        return self

    def stop(self) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    # What it holds

    def add(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """Offer an Item (a copy) under its own collection."""
        copy: dict[str, Any] = json.loads(json.dumps(item))
        self.collections.setdefault(copy["collection"], []).append(copy)
        return copy

    def add_scene(
        self,
        collection: str,
        item_id: str,
        taken_at: datetime,
        grid: GeoBox,
        assets: Mapping[str, np.ndarray],
        *,
        properties: Mapping[str, Any] | None = None,
        raster: Mapping[str, Mapping[str, Any] | None] | None = None,
        nodata: float | None = 0,
    ) -> dict[str, Any]:
        """Write one COG an asset below ``folder`` and offer an Item of them, in Earth Search's words.

        Args:
            collection: Where it is listed.
            item_id: Its id.
            taken_at: UTC.
            grid: Of every asset of its shape; smaller arrays lie on the same ground, coarser.
            assets: (rows, cols) by key, such as ``red``, ``scl``.
            properties: Beyond datetime, proj:code.
            raster: ``raster:bands`` entry by key; None leaves it out. Earth Search's own by default.
            nodata: Written into the files.
        """
        place = self.folder / collection / item_id
        place.mkdir(parents=True, exist_ok=True)
        described = {}
        for key, array in assets.items():
            path = place / f"{key}.tif"
            own = _on(grid, array.shape)
            write_cog(path, array[None], own, [key], nodata=nodata)
            described[key] = self._asset(path, key, own, array, (raster or {}).get(key, ...))
        outline = _outline(grid)
        item = {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": item_id,
            "collection": collection,
            "bbox": list(outline.bounds),
            "geometry": shapely.geometry.mapping(outline),
            "properties": {
                "datetime": taken_at.isoformat().replace("+00:00", "Z"),
                "proj:epsg": grid.crs.epsg if grid.crs else None,
                **(properties or {}),
            },
            "assets": described,
            "links": [],
        }
        return self.add(item)

    def _asset(self, path: Path, key: str, grid: GeoBox, array: np.ndarray, raster: Any) -> dict[str, Any]:
        data = path.read_bytes()
        if raster is ...:
            raster = CLASSES if array.dtype == np.uint8 else REFLECTANCE
        return {
            "href": f"{self.url}/files/{path.relative_to(self.folder).as_posix()}",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "roles": ["data"],
            "gsd": abs(grid.affine.a),
            "proj:shape": list(grid.shape),
            "proj:transform": list(grid.affine)[:6],
            "file:checksum": "1220" + hashlib.sha256(data).hexdigest(),
            "file:size": len(data),
            **({"raster:bands": [dict(raster)]} if raster else {}),
        }

    # What goes wrong

    def fault(self, path: str, kind: str = "status", **how: Any) -> Fault:
        """Add a fault for paths that the pattern is found in; see Fault."""
        found = Fault(path, kind, **how)
        self.faults.append(found)
        return found

    def lock(self, path: str = "^/files/", uses: int | None = None) -> Lock:
        """Ask for a token (``?sig=...`` of ``/sas/token/ACCOUNT/CONTAINER``) below a path."""
        found = Lock(path, uses)
        self.locks.append(found)
        return found

    def requests(self, pattern: str = "", method: str | None = None) -> list[Served]:
        """Served requests whose path the pattern is found in."""
        return [
            one for one in list(self.log) if re.search(pattern, one.path) and method in (None, one.method)
        ]

    def assert_ranges(self, pattern: str = "^/files/") -> list[Served]:
        """Every successful read of a file was a range, answered with 206; at least one was made."""
        reads = [one for one in self.requests(pattern, "GET") if one.status < 400]
        assert reads, f"nothing was read of {pattern}"
        whole = [(one.path, one.range, one.status) for one in reads if one.status != 206]
        assert not whole, f"not read by range: {whole}"
        return reads

    # How it answers

    def _app(self, app: Starlette) -> Callable[..., Any]:
        async def outer(scope: dict[str, Any], receive: Any, send: Any) -> None:
            headers = {k.decode(): v.decode("latin-1") for k, v in scope["headers"]}
            one = Served(scope["method"], scope["path"], scope["query_string"].decode(), headers)
            self.log.append(one)

            async def heard() -> Any:
                message = await receive()
                one.body += message.get("body", b"")
                return message

            async def counted(message: Any) -> None:
                if message["type"] == "http.response.start":
                    one.status = message["status"]
                one.sent += len(message.get("body", b""))
                await send(message)

            fault = next((fault for fault in self.faults if fault.strikes(scope["path"])), None)
            refused = self._refusal(one)
            if fault is None and refused is None:
                await app(scope, heard, counted)
            elif fault is not None:
                await self._fail(fault, app, scope, heard, counted, send)
            else:
                assert refused is not None
                await refused(scope, heard, counted)

        return outer

    async def _fail(self, fault: Fault, app: Any, scope: Any, receive: Any, counted: Any, send: Any) -> None:
        if fault.kind in ("status", "garbage"):
            while (await receive()).get("more_body"):  # the whole request first
                pass
        if fault.kind == "status":
            headers = {"retry-after": fault.retry_after} if fault.retry_after else {}
            await Response("no\n", fault.status, headers)(scope, receive, counted)
            return
        if fault.kind == "garbage":
            await Response(b"<html>busy</html>", 200)(scope, receive, counted)
            return
        messages: list[Any] = []

        async def kept(message: Any) -> None:
            messages.append(message)

        await app(scope, receive, kept)
        start = messages[0]
        body = b"".join(message.get("body", b"") for message in messages[1:])
        half = body[: len(body) // 2]
        if fault.kind == "short":
            kept_headers = [(k, v) for k, v in start["headers"] if k != b"content-length"]
            start["headers"] = [*kept_headers, (b"content-length", str(len(half)).encode())]
            await counted(start)
            await counted({"type": "http.response.body", "body": half})
        elif fault.kind == "reset":
            await counted(start)
            await counted({"type": "http.response.body", "body": half, "more_body": True})
            transport = send.__self__.transport  # uvicorn's own: a real reset, not a polite end
            linger = struct.pack("ii", 1, 0)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        else:
            assert fault.kind == "slow", fault.kind
            await counted(start)
            step = max(1, len(body) // 4)
            for at in range(0, max(len(body), 1), step):
                await asyncio.sleep(fault.seconds)
                more = at + step < len(body)
                await counted({"type": "http.response.body", "body": body[at : at + step], "more_body": more})

    def _refusal(self, one: Served) -> Response | None:
        for lock in self.locks:
            if re.search(lock.path, one.path):
                token = (re.search(r"sig=(t\d+)", one.query) or [None, ""])[1]
                if lock.left.get(token, 0) <= 0:
                    return Response("token expired or missing\n", 403)
                lock.left[token] -= 1
        return None

    def _token(self, request: Request) -> Response:
        self._tokens += 1
        token = f"t{self._tokens}"
        for lock in self.locks:
            lock.left[token] = float("inf") if lock.uses is None else lock.uses
        expiry = datetime.now(UTC) + timedelta(seconds=self.token_life_s)
        stamp = expiry.strftime("%Y-%m-%dT%H:%M:%SZ")
        return JSONResponse({"msft:expiry": stamp, "token": f"sig={token}&se={stamp}&sp=rl"})

    def _file(self, request: Request) -> Response:
        path = (self.folder / request.path_params["path"]).resolve()
        if not path.is_relative_to(self.folder.resolve()) or not path.is_file():
            return Response("no such file\n", 404)
        return FileResponse(path)

    def _conforms(self) -> list[str]:
        parts = ("core", "item-search", "ogcapi-features", "item-search#query", "item-search#sort")
        return [f"https://api.stacspec.org/v1.0.0/{part}" for part in parts]

    def _root(self, request: Request) -> Response:
        links = [
            {"rel": "self", "href": self.url, "type": "application/json"},
            {"rel": "root", "href": self.url, "type": "application/json"},
            {"rel": "data", "href": f"{self.url}/collections", "type": "application/json"},
            {"rel": "search", "href": f"{self.url}/search", "type": "application/geo+json", "method": "GET"},
            {"rel": "search", "href": f"{self.url}/search", "type": "application/geo+json", "method": "POST"},
        ]
        return JSONResponse(
            {
                "type": "Catalog",
                "id": "local",
                "stac_version": "1.0.0",
                "description": "A catalogue for tests",
                "conformsTo": self._conforms(),
                "links": links,
            }
        )

    def _describe(self, name: str) -> dict[str, Any]:
        return {
            "type": "Collection",
            "id": name,
            "stac_version": "1.0.0",
            "description": name,
            "license": "other",
            "extent": {
                "spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [["2015-01-01T00:00:00Z", None]]},
            },
            "links": [{"rel": "items", "href": f"{self.url}/collections/{name}/items"}],
        }

    def _collections(self, request: Request) -> Response:
        return JSONResponse(
            {"collections": [self._describe(name) for name in sorted(self.collections)], "links": []}
        )

    def _collection(self, request: Request) -> Response:
        name = request.path_params["collection"]
        if name not in self.collections:
            return JSONResponse({"code": "NotFound"}, 404)
        return JSONResponse(self._describe(name))

    def _items(self, request: Request) -> Response:
        asked = {**dict(request.query_params), "collections": request.path_params["collection"]}
        return self._page(*self._found(asked), method="GET")

    async def _search(self, request: Request) -> Response:
        if request.method == "GET":
            asked: dict[str, Any] = dict(request.query_params)
        else:
            asked = await request.json()
        if "next" in asked:
            # merge: false means that the link's body is the whole request.
            if set(asked) != {"next"} or asked["next"] not in self._states:
                return JSONResponse({"description": f"bad page request {sorted(asked)}"}, 400)
            return self._page(*self._states[asked["next"]], method=request.method)
        if "filter" in asked or "intersects" in asked:
            return JSONResponse({"description": "filter and intersects are not supported"}, 400)
        return self._page(*self._found(asked), method=request.method)

    def _found(self, asked: dict[str, Any]) -> tuple[list[dict[str, Any]], int, int]:
        def several(value: Any) -> list[str]:
            return value.split(",") if isinstance(value, str) else list(value)

        names = several(asked["collections"]) if "collections" in asked else list(self.collections)
        found = [item for name in names for item in self.collections.get(name, ())]
        if "ids" in asked:
            found = [item for item in found if item["id"] in several(asked["ids"])]
        if "bbox" in asked:
            box = asked["bbox"].split(",") if isinstance(asked["bbox"], str) else asked["bbox"]
            west, south, east, north = map(float, box)
            found = [
                item
                for item in found
                if item["bbox"][0] <= east
                and item["bbox"][2] >= west
                and item["bbox"][1] <= north
                and item["bbox"][3] >= south
            ]
        if "datetime" in asked:
            first, _, last = asked["datetime"].partition("/")
            low, high = moment(first), moment(last or first)
            found = [i for i in found if low <= moment(i["properties"].get("datetime")) <= high]
        for key, tests in (asked.get("query") or {}).items():
            for name, value in tests.items():
                found = [
                    item
                    for item in found
                    if key in item["properties"] and COMPARE[name](item["properties"][key], value)
                ]
        found.sort(key=lambda item: (str(item["properties"].get("datetime")), str(item["id"])), reverse=True)
        return found, 0, min(int(asked.get("limit", 10)), self.page_cap)

    def _page(self, found: list[dict[str, Any]], start: int, limit: int, method: str) -> Response:
        hollow = start // limit in self.hollow_pages and start < len(found)
        if hollow:
            self.hollow_pages.discard(start // limit)
        stop = start if hollow else start + limit
        links: list[dict[str, Any]] = [{"rel": "root", "href": self.url, "type": "application/json"}]
        if stop < len(found):
            token = f"page-{len(self._states)}"
            self._states[token] = (found, stop, limit)
            link = {"rel": "next", "type": "application/geo+json", "method": method}
            if method == "POST":
                links.append({**link, "href": f"{self.url}/search", "merge": False, "body": {"next": token}})
            else:
                links.append({**link, "href": f"{self.url}/search?next={token}"})
        body = {
            "type": "FeatureCollection",
            "stac_version": "1.0.0",
            "context": {"limit": limit, "matched": len(found), "returned": stop - start},
            "features": found[start:stop],
            "links": links,
        }
        return Response(json.dumps(body), media_type="application/geo+json")


def moment(text: str | None) -> datetime:
    """A time of an Item or a search; open ends lie far away."""
    if not text or text == "..":
        return datetime(2100, 1, 1, tzinfo=UTC)
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def _on(grid: GeoBox, shape: tuple[int, ...]) -> GeoBox:
    """The grid of an array that covers the same ground."""
    a, (rows, cols) = grid.affine, shape
    step_x, step_y = a.a * grid.shape[1] / cols, a.e * grid.shape[0] / rows
    return GeoBox((rows, cols), Affine(step_x, 0, a.c, 0, step_y, a.f), grid.crs)


def _outline(grid: GeoBox) -> shapely.Polygon:
    """Its corners in longitude and latitude."""
    rows, cols = grid.shape
    a = grid.affine
    x = np.array([0, cols, cols, 0]) * a.a + a.c
    y = np.array([0, 0, rows, rows]) * a.e + a.f
    there = Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True)
    return shapely.Polygon(np.stack(there.transform(x, y), axis=1))


def in_stac_1_1(item: Mapping[str, Any]) -> dict[str, Any]:
    """The same Item in STAC 1.1: ``bands`` in place of ``eo:bands`` and ``raster:bands``, ``proj:code``."""
    copy: dict[str, Any] = json.loads(json.dumps(item))
    copy["stac_version"] = "1.1.0"
    if "proj:epsg" in copy["properties"]:
        copy["properties"]["proj:code"] = f"EPSG:{copy['properties'].pop('proj:epsg')}"
    for asset in copy["assets"].values():
        eo, raster = asset.pop("eo:bands", []), asset.pop("raster:bands", [])
        bands: list[dict[str, Any]] = []
        for i in range(max(len(eo), len(raster))):
            band = {f"eo:{k}" if k != "name" else k: v for k, v in (eo[i] if i < len(eo) else {}).items()}
            for key, value in (raster[i] if i < len(raster) else {}).items():
                band[f"raster:{key}" if key in ("scale", "offset") else key] = value
            bands.append(band)
        if bands:
            asset["bands"] = bands
    return copy
