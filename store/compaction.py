"""Which small segments are worth merging: eight of like size make one of the next."""

from __future__ import annotations

import math
from collections.abc import Sequence

from store.manifest import Segment

FAN_OUT = 8
SMALLEST = 64 << 10
LARGEST = 32 << 20
"""Bytes in memory. A segment this large is left alone, so a merge never holds more than `FAN_OUT` times this."""


def merged(segments: Sequence[Segment]) -> list[Segment]:
    """The next group to merge, oldest first; empty when there is none. All of one source, version and size."""
    groups: dict[tuple[str, str, int], list[Segment]] = {}
    for segment in segments:
        if segment.bytes < LARGEST:
            group = groups.setdefault((segment.source, segment.rules_version, _size(segment)), [])
            group.append(segment)
            if len(group) == FAN_OUT:
                return group
    return []


def _size(segment: Segment) -> int:
    return max(0, int(math.log(max(1, segment.bytes / SMALLEST), FAN_OUT)))
