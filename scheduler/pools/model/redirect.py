"""Answers of a frontend that send clients elsewhere."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StaysOnHttp:
    """Requests that meet all that is given here are not sent to HTTPS."""

    host: str = ""
    path_beg: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedirectToHttps:
    """What is asked by HTTP shall be asked by HTTPS, at `port` of the same host."""

    except_: tuple[StaysOnHttp, ...] = ()
    port: int = 443
    code: int = 301


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Requests that meet all that is given are sent to `location`, with `keep_path` to their own path behind it."""

    location: str
    host_eq: str = ""
    path_eq: str = ""
    path_beg: str = ""
    keep_path: bool = False
    code: int = 302
