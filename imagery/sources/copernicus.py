"""The Copernicus Data Space: ESA's own JPEG 2000 files, read with S3 keys or a token from the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from imagery.errors import InputError, UnreadableError
from imagery.sources.catalogue import Access
from imagery.sources.network.secret import Secret, from_environment
from imagery.sources.network.web import Web
from imagery.sources.offers import safe_href
from imagery.sources.stac import StacApi
from imagery.sources.translate import Dialect

API = "https://stac.dataspace.copernicus.eu/v1"
S3 = "https://eodata.dataspace.copernicus.eu"
BUCKET = "eodata"
DOWNLOAD = "download.dataspace.copernicus.eu"
S3_KEY, S3_SECRET, TOKEN = "CDSE_S3_ACCESS_KEY", "CDSE_S3_SECRET_KEY", "CDSE_TOKEN"
"""Environment variables: a pair of S3 keys, or an access token (which ends after ten minutes)."""

_NATIVE_M = {
    **dict.fromkeys(("B02", "B03", "B04", "B08"), 10),
    **dict.fromkeys(("B05", "B06", "B07", "B8A", "B11", "B12", "SCL"), 20),
    **dict.fromkeys(("B01", "B09"), 60),
}
ASSETS = {f"{band}_{metres}m": band for band, metres in _NATIVE_M.items()}
"""Each band at the resolution at which it was taken."""


class Copernicus(StacApi):
    """The Copernicus Data Space. Its search needs no account; its files do."""

    def __init__(
        self,
        web: Web,
        url: str = API,
        s3: str = S3,
        download: str = DOWNLOAD,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Make one.

        Args:
            web: The connection.
            url: Root of its STAC API.
            s3: Its S3 endpoint.
            download: Host to which the token is sent, and no other.
            environ: Where credentials are looked for; the process's environment by default.
        """
        name = "copernicus"
        super().__init__(
            name, url, [Dialect(name, "sentinel-2-l2a", "sentinel-2-l2a", ASSETS, level="L2A")], web
        )
        self._s3 = urlsplit(s3)
        self._download = download
        key, secret = from_environment(S3_KEY, environ), from_environment(S3_SECRET, environ)
        self._keys = (key, secret) if key and secret else None
        self._token = from_environment(TOKEN, environ)

    def lacking(self, dialect: Dialect) -> str:
        """Without an account there is nothing to read."""
        if self._keys or self._token:
            return ""
        return f"its files need an account: set {S3_KEY} and {S3_SECRET}, or {TOKEN}"

    def address(self, dialect: Dialect) -> Callable[[Mapping[str, Any]], str]:
        """Its bucket with keys; with a token the address beside it, for the same file by HTTPS."""

        def checked(asset: Mapping[str, Any]) -> str:
            if self._keys or not self._token:
                href = safe_href(asset.get("href"), ("s3",))
                if urlsplit(href).netloc != BUCKET:
                    raise InputError(f"{href} does not lie in s3://{BUCKET}")
                return href
            others = asset.get("alternate")
            other = others.get("https") if isinstance(others, Mapping) else None
            href = safe_href(other.get("href") if isinstance(other, Mapping) else None)
            if urlsplit(href).hostname != self._download:
                raise InputError(f"{href} does not lie at {self._download}")
            return href

        return checked

    def access(self, href: str, renew: bool = False) -> Access:
        """See Catalogue.access."""
        parts = urlsplit(href)
        if parts.scheme == "s3" and parts.netloc == BUCKET and self._keys:
            key, secret = self._keys
            return Access(
                f"/vsis3/{BUCKET}{parts.path}",
                options={
                    "AWS_S3_ENDPOINT": self._s3.netloc,
                    "AWS_HTTPS": "YES" if self._s3.scheme == "https" else "NO",
                    "AWS_VIRTUAL_HOSTING": "FALSE",
                    "AWS_REGION": "default",
                    "AWS_SESSION_TOKEN": "",  # one of the environment belongs to another service
                },
                credentials={"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret},
            )
        if parts.hostname == self._download and self._token:
            header = Secret(f"Authorization: Bearer {self._token.reveal()}")
            return Access(f"/vsicurl/{href}", credentials={"GDAL_HTTP_HEADERS": header})
        raise UnreadableError(
            f"{href} cannot be read: set {S3_KEY} and {S3_SECRET}, or {TOKEN}", "credentials"
        )
