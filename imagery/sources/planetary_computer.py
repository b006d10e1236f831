"""Microsoft's Planetary Computer: Sentinel-2 and terrain-corrected Sentinel-1, signed at read time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from imagery.errors import InputError, UnreadableError
from imagery.sources.catalogue import Access
from imagery.sources.network.secret import Secret, from_environment
from imagery.sources.network.web import Web
from imagery.sources.offers import safe_href
from imagery.sources.stac import POLARISATIONS, SENTINEL_2_PLAIN, StacApi
from imagery.sources.translate import Dialect

API = "https://planetarycomputer.microsoft.com/api/stac/v1"
SAS = "https://planetarycomputer.microsoft.com/api/sas/v1"
STORAGE = ".blob.core.windows.net"
KEY = "PC_SDK_SUBSCRIPTION_KEY"
"""Environment variable of the subscription key, without which Sentinel-1 RTC is not given out."""

MARGIN = timedelta(minutes=5)
"""A token that ends within this time is renewed: a read may take that long."""


class PlanetaryComputer(StacApi):
    """The Planetary Computer. May be shared by threads."""

    def __init__(
        self,
        web: Web,
        url: str = API,
        sas: str = SAS,
        storage: str = STORAGE,
        environ: Mapping[str, str] | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        """Make one.

        Args:
            web: The connection.
            url: Root of its STAC API.
            sas: Root of its signing service.
            storage: End of the host names whose files it signs; no other host is ever given a token.
            environ: Where the key is looked for; the process's environment by default.
            now: The clock.
        """
        name = "planetary-computer"
        dialects = [
            Dialect(name, "sentinel-2-l2a", "sentinel-2-l2a", SENTINEL_2_PLAIN, level="L2A"),
            Dialect(name, "sentinel-1-rtc", "sentinel-1-rtc", POLARISATIONS, level="GRD"),
            Dialect(name, "sentinel-1-grd", "sentinel-1-grd", POLARISATIONS, level="GRD", placed_by="gcps"),
        ]
        super().__init__(name, url, dialects, web)
        self._sas = sas.rstrip("/")
        self._storage = storage
        self._key = from_environment(KEY, environ)
        self._now = now or (lambda: datetime.now(UTC))
        self._tokens: dict[tuple[str, str], tuple[datetime, Secret]] = {}
        self._lock = threading.Lock()

    def lacking(self, dialect: Dialect) -> str:
        """Sentinel-1 RTC is given out to subscribers only."""
        if dialect.collection == "sentinel-1-rtc" and not self._key:
            return f"sentinel-1-rtc needs a subscription key: set {KEY}"
        return ""

    def access(self, href: str, renew: bool = False) -> Access:
        """See Catalogue.access. The token reaches the storage by GDAL's options, never in a path.

        A token that ends within five minutes is renewed unasked.
        """
        account, container, path = self._place(href)
        parts = urlsplit(href)
        token = self._token(account, container, renew)
        endpoint = f"{parts.scheme}://{parts.netloc}"
        connection = f"BlobEndpoint={endpoint};SharedAccessSignature={token.reveal()}"
        return Access(
            f"/vsiaz/{container}/{path}",
            credentials={"AZURE_STORAGE_CONNECTION_STRING": Secret(connection)},
        )

    def _place(self, href: str) -> tuple[str, str, str]:
        parts = urlsplit(safe_href(href))
        host = parts.hostname or ""
        container, _, path = unquote(parts.path).lstrip("/").partition("/")
        if not host.endswith(self._storage) or not container or not path:
            raise UnreadableError(
                f"{href} does not lie in the Planetary Computer's storage: it is not signed", "credentials"
            )
        return host.partition(".")[0], container, path

    def _token(self, account: str, container: str, renew: bool) -> Secret:
        with self._lock:  # one request for it, however many threads want it
            held = self._tokens.get((account, container))
            if renew or held is None or held[0] - self._now() < MARGIN:
                held = self._signed(account, container)
                self._tokens[account, container] = held
            return held[1]

    def _signed(self, account: str, container: str) -> tuple[datetime, Secret]:
        url = f"{self._sas}/token/{quote(account, safe='')}/{quote(container, safe='')}"
        headers = {"Ocp-Apim-Subscription-Key": self._key} if self._key else {}
        answer: Any = self.web.json(url, headers=headers)
        try:
            expiry = datetime.fromisoformat(answer["msft:expiry"])
            token = Secret(str(answer["token"]).lstrip("?"))
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableError(
                f"{url} answers without token or expiry ({type(error).__name__})", "credentials"
            ) from None
        if expiry.tzinfo is None or not token:
            raise UnreadableError(f"{url} answers a token without end or zone", "credentials")
        return expiry, token

    def address(self, dialect: Dialect) -> Callable[[Mapping[str, Any]], str]:
        """Only what lies in its own storage."""

        def checked(asset: Mapping[str, Any]) -> str:
            href = safe_href(asset.get("href"))
            try:
                self._place(href)
            except UnreadableError as error:
                raise InputError(str(error)) from None
            return href

        return checked
