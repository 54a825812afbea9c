"""What the HTTP client raises, told as our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from localshop.errors import UpstreamError, UpstreamNonsense, UpstreamRefused, UpstreamUnavailable
from localshop.upstream.addresses import shown


@contextmanager
def told(url: str) -> Iterator[None]:
    """Turn what the HTTP client raises into our errors; its own texts may quote the URL in full."""
    try:
        yield
    except UpstreamError:
        raise
    except TimeoutError as error:
        raise UpstreamUnavailable(f"{shown(url)} did not answer in time.") from error
    except aiohttp.InvalidURL as error:
        raise UpstreamRefused(f"{shown(url)} is not asked: it is not a proper address.") from error
    except aiohttp.ClientHttpProxyError as error:
        raise UpstreamUnavailable(f"{shown(url)}: the proxy answered {error.status}.") from error
    except aiohttp.ClientSSLError as error:
        raise UpstreamUnavailable(f"{shown(url)}: no safe connection: {error.os_error}.") from error
    except aiohttp.ClientConnectorError as error:
        raise UpstreamUnavailable(f"{shown(url)}: no connection: {error.strerror}.") from error
    except aiohttp.ClientResponseError as error:
        raise UpstreamNonsense(f"{shown(url)}: its answer is not HTTP.") from error
    except aiohttp.ClientError as error:
        raise UpstreamUnavailable(f"{shown(url)} broke off its answer.") from error
    except OSError as error:
        raise UpstreamUnavailable(f"{shown(url)}: no connection: {error.strerror}.") from error
