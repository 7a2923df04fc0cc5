"""Why something was not sent: a code for programs and a sentence for people, the same everywhere.

A code's sentence says what happened and, where somebody can do something about it, what to do.
"""

from dataclasses import dataclass

#: code -> sentence. `bridge deliveries show`, `bridge messages show` and the log all print these.
REASONS: dict[str, str] = {
    # a delivery that made no message
    "unreadable_body": "The body of this webhook could not be read.",
    "crashed": "The bridge failed on this; it is kept. Report the error, then replay or retry it.",
    "unknown_connection": "The connection this webhook came through is no longer configured.",
    "unrendered_placeholder": "This is a test: placeholders such as {{ticket.id}} were not filled in.",
    "no_event": "Nothing in this webhook is an event that messages are sent for.",
    "no_template": "No template answers this event.",
    "condition_false": "A template answers this event, but its `when` condition was not met.",
    "already_texted": "A message about the same event was made before, so this one makes none.",
    "cannot_open": "It is sealed with a key that DATA_KEYS does not have. Put the key back, then replay or retry it.",
    "privacy_request": "A person wants to be erased, or told what is kept: see `bridge requests list`.",
    "erased": "What was kept of this person was erased before this was over.",
    # what Attentive tells with its own webhooks
    "confirms": "Attentive says that it sent one of our texts.",
    "confirms_nothing": "Attentive sent a text that is none of ours, or one that is confirmed already.",
    "opt_out_noted": "This person wants no texts any more: none is sent to them until they come back.",
    "opt_in_noted": "This person agreed to get texts (again).",
    "older_news": "Something later is known about whether this person wants texts, so this changes nothing.",
    # what people answer, and what helpdesks tell of it
    "answer_passed_on": "A person answered a text: the answer is passed on.",
    "answer_has_no_place": "A person answered a text, and there is no ticket that the answer could be put on.",
    "keyword_left_to_attentive": "A person sent a word such as STOP, START or HELP, which Attentive answers by itself.",
    "own_update": "The helpdesk tells of what the bridge itself put on the ticket, so this makes no text.",
    # a person that could not be texted
    "no_phone": "No phone number is known for this person.",
    "lookup_not_configured": "The webhook carries no phone number and the platform's API is not set up to ask for it.",
    "shipment_unknown": "No order or parcel with this number came through the bridge before: nobody knows whose it is.",
    "person_not_found": "The platform does not know this person (any more).",
    "lookup_failed": "The platform's API did not answer for a day, so what this webhook is about is not known.",
    "phone_unreadable": "The phone number cannot be read as a number.",
    "phone_has_letters": "The phone number contains letters.",
    "phone_has_extension": "The phone number has an extension, and a text cannot reach one.",
    "phone_without_country": "The phone number has no country code, and its record names no country we know.",
    "phone_invalid": "The phone number is not a number in use in its country.",
    "phone_region_not_allowed": "The phone number is of a country that texts are not sent to.",
    "phone_cannot_receive_texts": "The phone number is of a kind that cannot receive texts.",
    "fictional_number": "The phone number is reserved for examples and fiction.",
    "test_order": "This is a test order.",
    # a text that could not be made
    "missing_value": "The template needs a value that this event does not have.",
    "empty_body": "The template rendered to an empty text.",
    "braces_in_body": "The text contains { or }, which looks like an unfilled placeholder.",
    "template_error": "The template failed to render.",
    "too_many_segments": "The text is longer than its template allows (max_segments).",
    # a picture that could not go with its text: left out, or the text is held, as the template says
    "media_address_refused": "The picture's address is none that may be fetched: it must be a public https address.",
    "media_unreachable": "The picture could not be fetched. Check that its address opens in a browser.",
    "media_not_a_picture": "What the picture's address gives is no gif, png or jpg.",
    "media_too_large": "The picture is too large: it must be under 500 KB. Use a smaller one, or `shrink_media: true`.",
    # waiting for a person
    "public_shortener": "The text has an address of a public shortener, which carriers block: a person decides.",
    "unverified": "Nothing proves the webhook this was made of: a person decides (`messages release ID`).",
    "sending_off": "Sending is switched off (BRIDGE_SENDING): the message waits for a person.",
    "restored": "The database was restored from a back-up, so this may have been sent already: a person decides.",
    "quiet_until_expiry": "There is no moment outside of quiet hours before the text would be too late.",
    "cap_per_person": "This person got many texts lately: this one waits for a person's decision.",
    "cap_per_template": "This template made many texts within a minute: this one waits for a person's decision.",
    # decided by what else there is
    "superseded": "A newer text about the same took this one's place before it left.",
    "opted_out": "This person wants no texts: Attentive says that they opted out.",
    "unreachable": "Attentive refused this person's last texts, so they are not tried for 24 hours.",
    "dropped": "A person decided that this message is not sent.",
    # after an attempt
    "refused_by_attentive": "Attentive refused this message.",
    "refused_alone": "Attentive refused this message three times while it accepted others.",
    "outcome_unknown": "Attentive may or may not have taken this message; nobody can tell from here.",
    "worker_died": "The worker died while it sent this; it may or may not have left.",
    "expired": "The message was not sent before it expired.",
    # what was to be put on a ticket or an order
    "posting_refused": "The platform refuses to have this put on its ticket or order.",
    "posting_gave_up": "The platform did not take this for a day, so it is not tried any more.",
    "posting_not_possible": "This cannot be put there.",
    "posting_not_configured": "The platform's API is not set up, so nothing can be put on its tickets or orders.",
}


#: code -> sentence. Why a webhook is refused, as the signature doctor (`bridge verify`) tells it.
CAUSES: dict[str, str] = {
    "verifies": "The request is genuine: nothing is wrong with it.",
    # the secret
    "no_secret": "This connection has no secret: set <CONNECTION>_SECRETS.",
    "other_secret": "None of the configured secrets made this signature: copy the secret from the platform again.",
    "other_connection": "The request was made with the secret of another connection.",
    "secret_form": "The secret is right, but it is written in another form than the platform uses it in.",
    "public_test_secret": "The request is signed with a secret that anybody knows. It is never accepted.",
    # the header
    "missing_header": "What proves the request is missing from it.",
    "malformed_header": "The header with the signature holds no signature of this platform's form.",
    "other_header": "The proof is right, but it stands in another place than expected.",
    "other_platform": "The request looks like another platform's: check which address was given to which platform.",
    "signature_form": "The signature is right, but it is written in another form than expected.",
    "token_form": "The token is right but for how it is written: give the platform the secret alone.",
    # what is signed
    "body_changed": "The secret is right, but the body is not what was signed: something on the way changes it.",
    "empty_body": "The request has no body, and a body was signed: something on the way drops it.",
    "other_scheme": "The secret is right, but the request is signed in another way than this platform's.",
    "other_url": "The secret is right, but another address was signed: set PUBLIC_URL to what the platform calls.",
    # the time
    "no_time": "The signature is right, but the signed time is missing or cannot be read.",
    "time_unit": "The signature is right, but the signed time is written in another unit or form than expected.",
    "stale_timestamp": "The signature is right, but its time is more than five minutes off: check the clocks.",
}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A reason code with what there is to say about this one case.

    `detail` names fields, settings and files, never a person's data: it is shown and logged.
    """

    code: str
    detail: str = ""

    def __post_init__(self) -> None:
        if self.code not in REASONS:
            raise ValueError(f"unknown reason code {self.code!r}: add it to bridge/reasons.py")

    @property
    def sentence(self) -> str:
        """The sentence a person reads."""
        return f"{REASONS[self.code]} {self.detail}".strip()
