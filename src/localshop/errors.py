"""The tree of errors: a slug for machines, a sentence for people.

Domain code raises these and knows no HTTP status; each door has one table from error to answer.

* LocalshopError
  + BadSetting            a setting is malformed or unknown
  + BadInput              a command or form was given something it cannot take
  + Refusal               somebody may not do what was asked
    - CredentialsNeeded   none were given, or wrong ones
    - NoRight             they are good, but do not reach this far
    - TooManyTries        too many passwords were wrong
    - UploadRefused       a file that was sent is not fit to be published
  + UpstreamError         an upstream did not give what was asked of it
    - UpstreamUnavailable it did not answer, or answered with a failure
      . UpstreamGone      a file that its page announced is not there
      . UpstreamDenied    it answers, but it does not serve us
    - UpstreamRefused     we do not connect there, or do not ask (address rules, offline)
    - UpstreamNonsense    its answer cannot be believed
    - DigestMismatch      its bytes are not those that its page announced
  + StorageError          bytes at rest could not be written or read
    - StorageFull         no room is left
    - StorageDamaged      what is there is not what was stored
"""

from __future__ import annotations


class LocalshopError(Exception):
    """Base of all errors that are meant to be told to somebody.

    ``slug`` is the metric label, the log field and the anchor in the docs; ``sentence`` says what
    is wrong with the offending value in it.
    """

    slug: str = "error"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class BadSetting(LocalshopError):
    """A setting is malformed or unknown; the start is refused."""

    slug = "bad-setting"


class BadInput(LocalshopError):
    """A command or a form was given something that it cannot take."""

    slug = "bad-input"


class Refusal(LocalshopError):
    """Somebody may not do what was asked."""

    slug = "refused"


class CredentialsNeeded(Refusal):
    """No credentials, or wrong ones, where they are needed."""

    slug = "credentials-needed"


class NoRight(Refusal):
    """The credentials are good, but do not reach this far."""

    slug = "no-right"


class TooManyTries(Refusal):
    """Too many passwords were wrong, for one account or from one address.

    ``retry_after``: seconds after which a password is looked at again.
    """

    slug = "too-many-tries"

    def __init__(self, sentence: str, *, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class UploadRefused(Refusal):
    """A file that was sent, or the form around it, breaks a rule for publishing.

    ``slug`` is that of the check that failed, of which there are many; ``link`` leads to the page of the
    standard that has the rule, or is empty.
    """

    slug = "upload-refused"

    def __init__(self, slug: str, sentence: str, *, link: str = "") -> None:
        super().__init__(sentence)
        self.slug = slug
        self.link = link


class UpstreamError(LocalshopError):
    """An upstream did not give what was asked of it.

    ``retry_after``: seconds after which the upstream wants to be asked again, if it said so.
    """

    slug = "upstream-error"

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class UpstreamUnavailable(UpstreamError):
    """The upstream did not answer in time, or answered with a failure."""

    slug = "upstream-unavailable"


class UpstreamGone(UpstreamUnavailable):
    """The upstream has not, or no more, the file that its page announced. Asking again is idle."""

    slug = "upstream-gone"


class UpstreamDenied(UpstreamUnavailable):
    """The upstream answers, but it does not serve us: our credentials are wrong, or there are none.

    ``status`` is what it answered. Some say so of whatever they have not: see ``mirror.unlisted``.
    """

    slug = "upstream-denied"

    def __init__(self, sentence: str, *, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class UpstreamRefused(UpstreamError):
    """We do not ask: the address is not one we may connect to, or localshop is offline."""

    slug = "upstream-refused"


class UpstreamNonsense(UpstreamError):
    """The upstream's answer cannot be believed (not a page, too large, cut)."""

    slug = "upstream-nonsense"


class DigestMismatch(UpstreamError):
    """The bytes that came are not those that were announced."""

    slug = "digest-mismatch"


class StorageError(LocalshopError):
    """Bytes at rest could not be written or read."""

    slug = "storage-error"


class StorageFull(StorageError):
    """No room is left for more bytes."""

    slug = "disk-full"


class StorageDamaged(StorageError):
    """What is there is not what was stored: it was cut, or added to."""

    slug = "storage-damaged"
