"""Which files belong to a provider's delivery, and what its description makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imagery.errors import UnreadableError
from imagery.scenes import Refused
from imagery.sources.deliveries.airbus import airbus_files, read_airbus
from imagery.sources.deliveries.delivery import Beside, Delivery
from imagery.sources.deliveries.maxar import maxar_files, read_maxar
from imagery.sources.deliveries.planet import is_planet_mask, planet_groups, read_planet
from imagery.sources.folders.walk import Found


@dataclass(frozen=True)
class Deliveries:
    """What was delivered with a description."""

    described: tuple[Delivery, ...]
    """Each delivery that can be read."""
    claimed: frozenset[Path]
    """Files that are no scene of their own, those of a delivery that cannot be read among them."""


def find_deliveries(files: Sequence[Found], refused: list[Refused]) -> Deliveries:
    """Look for deliveries among the files of a walk; a description that cannot be used is refused."""
    claimed = {file.path for file in files if is_planet_mask(file.path)}
    described = []
    for members, read in _candidates(files):
        try:
            # Of two descriptions of one image (IMD and XML) the first is read.
            taken = len(members) > 1 and all(file.path in claimed for file in members[1:])
            delivery = None if taken else read()
        except UnreadableError as error:
            if all(other.path != members[0].path for other in refused):  # broken JSON is refused already
                refused.append(Refused(members[0].path, error.reason, str(error)))
            claimed |= {file.path for file in members}
            continue
        if delivery and not any(picture.found.path in claimed for picture in delivery.pictures):
            described.append(delivery)
            claimed |= {delivery.path, *delivery.claims}
    return Deliveries(tuple(described), frozenset(claimed))


def _candidates(files: Sequence[Found]) -> Iterator[tuple[list[Found], Callable[[], Delivery | None]]]:
    """The files that a description seems to speak of, the description first, and what reads it."""
    beside = Beside(files)
    for group in planet_groups(files):
        yield group, partial(read_planet, group)
    for file in files:
        for list_files, read in ((maxar_files, read_maxar), (airbus_files, read_airbus)):
            images = list_files(file, beside)
            if images is not None:
                yield [file, *images], partial(read, file, beside)
