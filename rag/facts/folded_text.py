"""A text folded for matching, from whose matches the way leads back to the text's own letters."""

from dataclasses import dataclass

from index.normalization import fold, fold_with_offsets


@dataclass(frozen=True, slots=True)
class FoldedText:
    """`folded` is `original` after `fold`; `offsets` tells for each of its characters where it came from."""

    original: str
    folded: str
    offsets: list[int]

    @classmethod
    def of(cls, text: str) -> "FoldedText":
        """The text, folded."""
        return cls(text, *fold_with_offsets(text))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where `folded[start:end]`, not empty, stands in the original, with the marks on its last letter."""
        last = self.offsets[end - 1] + 1
        while last < len(self.original) and not fold(self.original[last]) and not self.original[last].isspace():
            last += 1
        return self.offsets[start], last
