"""Intercom's Contacts API. https://developers.intercom.com/docs/references/rest-api/api.intercom.io/contacts/showcontact"""

from collections.abc import Mapping

from bridge.platforms import Platform

#: Named, so that a change of the app's own version in the Developer Hub changes nothing here.
API_VERSION = "2.11"


def _authorize(credentials: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {credentials['API_TOKEN']}", "Intercom-Version": API_VERSION}


PLATFORM = Platform(
    name="intercom",
    title="Intercom",
    paths={"contact": "/contacts/{id}"},
    required=("API_TOKEN",),
    authorize=_authorize,
    default_url="https://api.intercom.io",
)
