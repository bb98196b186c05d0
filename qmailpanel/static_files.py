"""Names of static files: hashed once they are collected, as they are in a bare checkout."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedOrNot(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped
    """Without a manifest (a developer's checkout, the tests) every file keeps its name."""

    def stored_name(self, name: str) -> str:
        return super().stored_name(name) if self.hashed_files else name
