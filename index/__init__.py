"""Articles, read once and kept findable: readers, catalog, encoder, vectors, words."""
