//! Image references: registry, repository, tag, digest; latest, X.Y.Z and rolling tags.
