"""Counts and durations of REST calls as Prometheus text.

Written here, in some sixty lines, rather than taken from `prometheus_client`: two families with fixed labels need no
registry. Labels are rows, never paths: an unknown path must not make a new series.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from operator import itemgetter
from threading import Lock

__all__ = ["Metrics"]

_BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Series:
    """One row's counts by status, and its durations."""

    __slots__ = ("buckets", "requests", "seconds")

    def __init__(self) -> None:
        self.requests: dict[int, int] = {}
        self.buckets = [0] * (len(_BUCKETS_SECONDS) + 1)
        self.seconds = 0.0


class Metrics:
    """Thread-safe; bounded by the number of rows times the statuses they answer."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._series: defaultdict[tuple[str, str], _Series] = defaultdict(_Series)

    def record(self, method: str, operation: str, status: int, seconds: float) -> None:
        with self._lock:
            series = self._series[method, operation]
            series.requests[status] = series.requests.get(status, 0) + 1
            series.buckets[bisect_left(_BUCKETS_SECONDS, seconds)] += 1
            series.seconds += seconds

    def render(self) -> str:
        with self._lock:
            return "\n".join([*self._request_lines(), *self._duration_lines(), ""])

    def _request_lines(self) -> list[str]:
        name = "wheelyard_requests_total"
        lines = [f"# HELP {name} REST requests answered.", f"# TYPE {name} counter"]
        for (method, operation), series in sorted(self._series.items(), key=itemgetter(0)):
            for status, count in sorted(series.requests.items()):
                lines.append(f'{name}{{method="{method}",operation="{operation}",status="{status}"}} {count}')
        return lines

    def _duration_lines(self) -> list[str]:
        name = "wheelyard_request_duration_seconds"
        lines = [f"# HELP {name} Time from first byte read to answer sent.", f"# TYPE {name} histogram"]
        for (method, operation), series in sorted(self._series.items(), key=itemgetter(0)):
            labels = f'method="{method}",operation="{operation}"'
            total = 0
            for bound, count in zip((*map(str, _BUCKETS_SECONDS), "+Inf"), series.buckets, strict=True):
                total += count
                lines.append(f'{name}_bucket{{{labels},le="{bound}"}} {total}')
            lines.append(f"{name}_sum{{{labels}}} {series.seconds:.6f}")
            lines.append(f"{name}_count{{{labels}}} {total}")
        return lines
