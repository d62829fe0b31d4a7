"""Everything that can go wrong, as one tree.

::

    LadingError
    ├── RegistryError               a fact about content; has a code of the spec
    │   ├── NameInvalid             NameUnknown          ReferenceInvalid
    │   ├── TagInvalid              DigestInvalid
    │   ├── BlobUnknown             BlobInUse
    │   ├── ManifestUnknown ── PlatformUnknown
    │   ├── ManifestInvalid ── ManifestTooLarge          ManifestBlobUnknown
    │   ├── UploadUnknown           UploadOutOfOrder     UploadTooLarge
    │   ├── SizeInvalid             BodyIncomplete       RangeUnsatisfiable
    │   ├── Unauthorized            Denied               TooManyRequests
    │   └── Unsupported             RequestInvalid ── PageInvalid, TooManyTags
    ├── StorageFailed               the place where bytes or rows live let us down
    │   ├── StorageFull, StorageReadOnly, StorageBusy, StorageDamaged
    │   ├── StorageUnfit            refuses to start: wrong place, wrong version, taken
    │   ├── BackupInvalid           a file that no registry can be restored of
    │   └── LayoutInvalid           a directory or archive that is no image layout
    ├── UpstreamFailed              a registry at the other end of a connection let us down
    │   └── UpstreamUnreachable     it could not even be asked
    ├── FileRefused                 a file that may not be written, or not be read
    ├── CredentialsFailed           what a login is kept in let us down
    ├── PartlyDone                  some of many things failed, and the others were done
    └── ConfigInvalid ── AddressUnusable

An error is raised where the fact is known and translated only at a wall: the
driver's (foreign errors become ours), the face's (ours become answers) and the
command line's (ours become an exit code). A `RegistryError` knows no status and
no JSON; ``wire/problems.py`` holds the one table that does.
"""

from collections.abc import Sequence
from typing import ClassVar


class LadingError(Exception):
    """The root of the tree; never raised itself.

    ``summary`` says in a few words what happened, ``advice`` what to do about it, ``subject``
    which thing it happened to, and ``where``, if more than one place had a part in it, at which
    it did. ``exit_code`` is what a command ends with. Whoever knows more about one case than its
    class does gives it an ``advice`` or an ``exit_code`` of its own.
    """

    summary: ClassVar[str] = "something went wrong"
    advice: str = ""
    where: str = ""
    exit_code: int = 1

    def __init__(self, subject: object = "") -> None:
        self.subject = str(subject)
        super().__init__(self.subject)

    def __str__(self) -> str:
        return f"{self.summary}: {self.subject}" if self.subject else self.summary


class RegistryError(LadingError):
    """A fact about content; ``code`` is the spec's name for it (distribution-spec, Error Codes)."""

    code: ClassVar[str] = "UNSUPPORTED"


class NameInvalid(RegistryError):
    """A repository name that the grammar does not allow, or that is longer than 255 characters."""

    code = "NAME_INVALID"
    summary = "invalid repository name"
    advice = "Use lower-case letters and digits, between them . _ __ - or /; at most 255 in all."


class NameUnknown(RegistryError):
    """No repository of that name is known."""

    code = "NAME_UNKNOWN"
    summary = "repository name not known to registry"
    advice = "Check the spelling; a repository appears with the first push to it."
    exit_code = 3


class ReferenceInvalid(RegistryError):
    """What should name a registry, a repository or an image there does not."""

    code = "NAME_INVALID"
    summary = "invalid reference"
    advice = (
        "Write HOST/NAME:TAG or HOST/NAME@DIGEST, or oci:DIR:TAG, oci-archive:FILE:TAG, "
        "docker-archive:FILE:NAME:TAG."
    )
    exit_code = 2


class TagInvalid(RegistryError):
    """A tag that the grammar does not allow."""

    code = "MANIFEST_INVALID"
    summary = "invalid tag"
    advice = "A tag has at most 128 letters, digits, _, . and -, and does not begin with . or -."


class DigestInvalid(RegistryError):
    """A digest that is malformed, of an algorithm not kept here, or not that of the content."""

    code = "DIGEST_INVALID"
    summary = "invalid digest"
    advice = "Send a sha256, sha384 or sha512 digest of exactly the bytes that were sent."
    exit_code = 6


class BlobUnknown(RegistryError):
    """The blob is not in this repository, though it may be in another."""

    code = "BLOB_UNKNOWN"
    summary = "blob unknown to registry"
    advice = "Push the blob to this repository, or mount it from one that has it."
    exit_code = 3


class BlobInUse(RegistryError):
    """The blob is named by a manifest of its repository and cannot be deleted before that one."""

    code = "UNSUPPORTED"
    summary = "blob is in use"
    advice = "Delete the manifest that names it first; the blob then goes by itself."
    exit_code = 5

    def __init__(self, subject: object, *, manifest: object) -> None:
        super().__init__(f"{subject} is named by manifest {manifest}")
        self.manifest = str(manifest)


class ManifestUnknown(RegistryError):
    """No manifest is known under that tag or digest in this repository."""

    code = "MANIFEST_UNKNOWN"
    summary = "manifest unknown"
    advice = "List the tags of the repository to see what is there."
    exit_code = 3


class PlatformUnknown(ManifestUnknown):
    """An index has no manifest for that platform; ``present`` are those it has."""

    summary = "no image for that platform"
    advice = "Ask for one of the platforms that are there, or for the index itself."

    def __init__(self, platform: object, *, present: Sequence[object] = ()) -> None:
        self.present = tuple(str(each) for each in present)
        there = f"; there are {', '.join(self.present)}" if self.present else ""
        super().__init__(f"{platform}{there}")


class ManifestInvalid(RegistryError):
    """The document is not a manifest that can be stored and trusted."""

    code = "MANIFEST_INVALID"
    summary = "manifest invalid"
    advice = "Push an OCI image manifest or index, or a Docker schema 2 manifest or list."


class ManifestTooLarge(ManifestInvalid):
    """The manifest is longer than this registry takes (distribution-spec, Pushing Manifests)."""

    summary = "manifest is too large"
    advice = "Keep large metadata in blobs; the operator may raise the limit."


class ManifestBlobUnknown(RegistryError):
    """Blobs or manifests that the manifest names are missing; one error each on the wire."""

    code = "MANIFEST_BLOB_UNKNOWN"
    summary = "manifest names content that is not in this repository"
    advice = "Push the named blobs and manifests to this repository first."
    exit_code = 3

    def __init__(self, missing: Sequence[object]) -> None:
        super().__init__(", ".join(str(digest) for digest in missing))
        self.missing = tuple(str(digest) for digest in missing)


class UploadUnknown(RegistryError):
    """No upload of that id is open in this repository: it ended, expired or never began."""

    code = "BLOB_UPLOAD_UNKNOWN"
    summary = "blob upload unknown to registry"
    advice = "Begin the upload again."
    exit_code = 3


class UploadOutOfOrder(RegistryError):
    """A chunk began elsewhere than where the upload had stopped, or another request was writing.

    ``offset`` is the number of bytes the upload has; it is still open, and can go on from there.
    """

    code = "BLOB_UPLOAD_INVALID"
    summary = "chunk is out of order"
    advice = "Ask for the state of the upload and go on from there."
    exit_code = 5

    def __init__(self, upload_id: object, *, offset: int) -> None:
        super().__init__(f"upload {upload_id} stands at {offset} bytes")
        self.upload_id = str(upload_id)
        self.offset = offset


class UploadTooLarge(RegistryError):
    """The blob would be longer than this registry takes."""

    code = "SIZE_INVALID"
    summary = "blob is too large"
    advice = "Split the content, or ask the operator to raise the limit."


class SizeInvalid(RegistryError):
    """A length that was promised is not the length that came."""

    code = "SIZE_INVALID"
    summary = "content has another length than was said"
    advice = "Send exactly as many bytes as Content-Length and Content-Range say."
    exit_code = 6


class BodyIncomplete(SizeInvalid):
    """The sender went away, or fell silent for too long, before its body was whole."""

    summary = "the body ended early"
    advice = "Ask for the state of the upload and go on from there."
    exit_code = 1


class RangeUnsatisfiable(RegistryError):
    """None of the parts asked for lies within the content, which has ``total`` bytes."""

    code = "SIZE_INVALID"
    summary = "range lies outside of the content"
    advice = "Ask for bytes within the length of the content."

    def __init__(self, *, total: int) -> None:
        super().__init__(f"content has {total} bytes")
        self.total = total


class Unauthorized(RegistryError):
    """Who is asking has to be known first; ``scope`` is what would be needed.

    ``reason`` says in a word of OAuth what was wrong with what was shown (RFC 6750, 3.1).
    """

    code = "UNAUTHORIZED"
    summary = "authentication required"
    advice = "Log in to this registry."
    exit_code = 4

    def __init__(self, subject: object = "", *, scope: str = "", reason: str = "") -> None:
        super().__init__(subject)
        self.scope = scope
        self.reason = reason


class Denied(RegistryError):
    """It is known who asks, and they may not; ``scope`` is what would be needed."""

    code = "DENIED"
    summary = "requested access to the resource is denied"
    advice = "Ask the operator for access to this repository."
    exit_code = 4

    def __init__(self, subject: object = "", *, scope: str = "") -> None:
        super().__init__(subject)
        self.scope = scope


class Unsupported(RegistryError):
    """This repository cannot do that, or is configured not to."""

    code = "UNSUPPORTED"
    summary = "not supported here"
    advice = "Ask the operator whether this can be switched on."
    exit_code = 5


class RequestInvalid(RegistryError):
    """A parameter or header of a request that cannot be understood."""

    code = "UNSUPPORTED"
    summary = "the request cannot be understood"
    advice = "Compare the request with the distribution spec."
    exit_code = 2


class PageInvalid(RequestInvalid):
    """What should say how many entries of a list are wanted is no number, or too large a one."""

    code = "PAGINATION_NUMBER_INVALID"
    summary = "invalid number of results requested"
    advice = "Ask for fewer entries at a time, and follow the Link of each answer."


class TooManyTags(RequestInvalid):
    """One push names more tags than this registry takes at once (R43)."""

    summary = "too many tags in one request"
    advice = "Push the manifest again with the other tags."


class TooManyRequests(RegistryError):
    """A limit was reached; trying again after ``retry_after`` seconds may go better."""

    code = "TOOMANYREQUESTS"
    summary = "too many requests"
    advice = "Wait, then try again."

    def __init__(self, subject: object = "", *, retry_after: int = 1) -> None:
        super().__init__(subject)
        self.retry_after = retry_after


class StorageFailed(LadingError):
    """The file system or the database refused to do its work; nothing was acknowledged."""

    summary = "storage failed"
    advice = "Look at the health of the disk, and at the log if it is a server's."


class StorageFull(StorageFailed):
    """No space is left."""

    summary = "storage is full"
    advice = "Free space or enlarge the disk, then try again; a server goes on by itself."


class StorageReadOnly(StorageFailed):
    """The file system refuses writes."""

    summary = "storage is read-only"
    advice = "Mount the file system writable, and check who owns the directory."


class StorageBusy(StorageFailed):
    """Another process held a lock for too long."""

    summary = "storage is busy"
    advice = "Try again; if it lasts, look for a process that holds the data directory."


class StorageDamaged(StorageFailed):
    """What was stored is not what is there now."""

    summary = "stored content is damaged"
    advice = (
        "Run `lading fsck --repair` on the data directory, then push the content again; where a "
        "client skips it since the manifest is there, delete the tag first, or use `lading copy`."
    )


class StorageUnfit(StorageFailed):
    """The data directory cannot be used as it is."""

    summary = "the data directory cannot be used"
    advice = "Put that right, or choose another directory with --root DIR."


class BackupInvalid(StorageFailed):
    """A file is no backup of a registry, or is not whole; nothing of it was kept."""

    summary = "the backup cannot be restored"
    advice = "Take another copy of it, or another backup; nothing of this one was kept."


class LayoutInvalid(StorageFailed):
    """A directory or an archive that cannot be read as an image layout, or not be written as one.

    The subject names the file and what is wrong with it.
    """

    summary = "not a usable image layout"
    advice = "Check the path, or write the image there anew."


class UpstreamFailed(LadingError):
    """A registry did not answer as the protocol says, or kept failing.

    ``status`` is that of its last answer, 0 if there was none.
    """

    summary = "the registry failed"
    advice = "Try again later, or ask the operator of that registry."

    def __init__(self, subject: object = "", *, status: int = 0) -> None:
        super().__init__(subject)
        self.status = status


class UpstreamUnreachable(UpstreamFailed):
    """No connection to the registry could be made, or none that can be trusted."""

    summary = "the registry cannot be reached"
    advice = "Check the name of the host, its port, and the network between."


class FileRefused(LadingError):
    """A file that is not written, or cannot be read; the subject names it and says why."""

    summary = "file refused"
    advice = "Choose another file or directory."


class CredentialsFailed(LadingError):
    """A credential helper or the file that holds logins cannot be used; the subject names it."""

    summary = "credentials cannot be had"
    advice = "Repair the helper or the file that is named, or log in again."
    exit_code = 4


class PartlyDone(LadingError):
    """Some of many things failed, and the others were done.

    ``failures`` tells of each that failed, and ``done`` is what would have been returned.
    """

    summary = "not everything was done"
    advice = "Put right what failed and run the same again: what is done is not done twice."
    exit_code = 7

    def __init__(
        self, subject: object = "", *, failures: Sequence[LadingError] = (), done: object = None
    ) -> None:
        super().__init__(subject)
        self.failures = tuple(failures)
        self.done = done


class ConfigInvalid(LadingError):
    """A setting that cannot be honoured, named by its place, or by its key, the ``setting``."""

    summary = "invalid configuration"
    advice = "Correct the setting that is named."
    setting: str = ""


class AddressUnusable(ConfigInvalid):
    """Nobody can be served at the address that was asked for."""

    summary = "cannot listen"
    advice = "Choose another address with --listen HOST:PORT."
