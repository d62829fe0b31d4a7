"""What may differ in what endpoints are told."""

from tests.interop.differential.permitted.row import Permitted

EVENTS = (
    Permitted(
        route="blob",
        method="GET",
        condition="range: outside|range: backwards",
        field="events",
        theirs="pull *",
        ours="-",
        reason="Nothing was pulled.",
    ),
    Permitted(
        route="manifest",
        method="GET",
        condition="another tag of the same",
        field="events",
        theirs="pull team/doomed v2 * with 2 by *",
        ours="pull team/doomed v2 * by *",
        reason="Pulls are told a second later; what a manifest named that is gone by then is not.",
    ),
    Permitted(
        route="manifest",
        method="PUT",
        condition="with more tags",
        field="events",
        theirs="push team/app sha256:* by *",
        ours="push team/app t1 sha256:* by *, push team/app t2 sha256:* by *",
        reason="One push may name several tags.",
    ),
    Permitted(
        route="blob-upload-chunk",
        method="PUT",
        condition="whole, sha384|whole, sha512",
        field="events",
        theirs="push team/app sha256:* by *",
        ours="push team/app sha* by *",
        reason="A blob keeps the digest by which it was pushed.",
    ),
)
