"""Names of text encodings, one for each. Needs the standard library alone."""

import codecs


def encoding_name(text: str) -> str:
    """The one name of a text encoding; raises `ValueError` for what is none.

    >>> encoding_name("Latin-1"), encoding_name("UTF8")
    ('iso8859-1', 'utf-8')
    """
    try:
        found = codecs.lookup(text)
        row = ",1\n".encode(found.name)
        codecs.getincrementaldecoder(found.name)("replace").decode(row)  # idna's is strict alone
    except (LookupError, UnicodeError) as unknown:
        raise ValueError(
            f"{text!r} is no text encoding: give one such as windows-1252, latin-1 or utf-16-le"
        ) from unknown
    return found.name
