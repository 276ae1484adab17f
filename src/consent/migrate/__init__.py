"""What a site told another library: carried over to this one's settings, and what that one kept, to an archive."""
