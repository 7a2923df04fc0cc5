"""HubSpot's CRM API. https://developers.hubspot.com/docs/api/crm/understanding-the-crm"""

from collections.abc import Mapping

from bridge.platforms import Limit, Platform

_TICKETS = "/crm/v3/objects/tickets/{id}?properties=subject,content,hs_pipeline_stage&associations=contacts"
_CONTACTS = "/crm/v3/objects/contacts/{id}?properties=firstname,lastname,email,phone,mobilephone,hs_language"


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {credentials['API_TOKEN']}"}


PLATFORM = Platform(
    name="hubspot",
    title="HubSpot",
    paths={"ticket": _TICKETS, "contact": _CONTACTS},
    required=("API_TOKEN",),
    authorize=_authorize,
    default_url="https://api.hubapi.com",
    # https://developers.hubspot.com/docs/api/usage-details
    limit=Limit(
        remaining="X-HubSpot-RateLimit-Remaining",
        reset="X-HubSpot-RateLimit-Interval-Milliseconds",
        reset_in="milliseconds",
    ),
)
