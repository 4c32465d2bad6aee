"""A megafile is not encrypted by campaignkit, and this says why."""

from __future__ import annotations

from campaignkit.errors import EncryptionUnavailable


def refuse_key(key: str | None) -> None:
    """Refuse a key: DuckDB writes encrypted files securely only with its httpfs extension, which is not at hand.

    Without it DuckDB offers `force_mbedtls_unsafe`, whose random numbers it calls unsafe itself; that is never set.

    Raises
    ------
    EncryptionUnavailable
        If there is a key.
    """
    if key is not None:
        raise EncryptionUnavailable(
            "DuckDB has no secure writer of encrypted files here: it needs an extension that campaignkit does not "
            "load. Keep the megafile on an encrypted disk (LUKS, FileVault, BitLocker) and leave `key` out."
        )
