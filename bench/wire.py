"""The little of HTTP that both ends of a bench need. Apart, so that the fake Attentive starts without the bridge."""


def content_length(head: bytes) -> int:
    """The length of the body that these headers announce."""
    _, found, after = head.lower().partition(b"\r\ncontent-length:")
    return int(after.partition(b"\r\n")[0]) if found else 0
