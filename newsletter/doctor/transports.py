"""What the doctor knows of the transport that `[transport] kind` names."""

from importlib import import_module
from importlib.util import find_spec

from newsletter.config import TransportSettings
from newsletter.doctor.base import Bedside, Examination, SenderRecords, Unseen


def bedside_of(settings: TransportSettings) -> Bedside:
    """`BEDSIDE` of the module of that name, the only one that is imported; a transport of which the
    doctor knows nothing needs none."""
    name = f"newsletter.doctor.{settings.kind}"
    if find_spec(name) is None:
        return _UNKNOWN
    bedside: Bedside = import_module(name).BEDSIDE
    return bedside


def _no_records(exam: Examination) -> SenderRecords:
    raise Unseen("the doctor does not know what this transport needs of a domain")


_UNKNOWN = Bedside((), _no_records)
