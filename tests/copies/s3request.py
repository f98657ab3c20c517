"""Hands behind a copy's back: one request to an S3 store, by the standard library and the specification only.

Nothing of vaultd, and no client that vaultd uses, so that both cannot be wrong in the same way.
"""

import hashlib
import hmac
import http.client
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlparse
from xml.etree import ElementTree as ET

from tests.copies.radosgw import ACCESS, SECRET

REGION = "us-east-1"
_SPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True)
class Hands:
    """Requests to one bucket of the store at `endpoint`, by keys relative to the bucket."""

    endpoint: str
    bucket: str

    def make_bucket(self) -> None:
        self.send("PUT", "")

    def put(self, key: str, data: bytes) -> None:
        self.send("PUT", key, data)

    def get(self, key: str) -> bytes:
        return self.send("GET", key)

    def delete(self, key: str) -> None:
        self.send("DELETE", key)

    def keys(self, prefix: str = "") -> list[str]:
        """Every key with `prefix`, over as many pages as there are."""
        found: list[str] = []
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
            page = ET.fromstring(self.send("GET", "", query=query))
            found += [str(key.text) for key in page.iter(f"{_SPACE}Key")]
            if page.findtext(f"{_SPACE}IsTruncated") != "true":
                return found
            token = page.findtext(f"{_SPACE}NextContinuationToken") or ""

    def send(self, method: str, key: str, data: bytes = b"", query: dict[str, str] | None = None) -> bytes:
        """The body of the answer. AssertionError for any but a good one."""
        host = urlparse(self.endpoint).netloc
        path = quote(f"/{self.bucket}/{key}" if key else f"/{self.bucket}", safe="/~")
        asked = urlencode(sorted((query or {}).items()), quote_via=quote)
        headers = _signed(method, host, path, asked, data)
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            connection.request(method, f"{path}?{asked}" if asked else path, data, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, (method, key, answer.status, body)
        return body


def _signed(method: str, host: str, path: str, query: str, data: bytes) -> dict[str, str]:
    """The headers of a request, with a signature of version 4."""
    now = datetime.now(UTC)
    time, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    digest = hashlib.sha256(data).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": time}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
    scope = f"{day}/{REGION}/s3/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", time, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{SECRET}".encode()
    for part in (day, REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    given = f"AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={names}, Signature={signature}"
    return headers | {"authorization": given}
