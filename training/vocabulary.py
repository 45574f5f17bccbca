"""Step `vocabulary`: the teacher's word pieces that are of use, and new ones for each language."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from training.pairs import PAIRS, read_rows
from training.steps import Work
from training.teacher import Teacher

TOKENIZER, TEACHER_IDS = "tokenizer.json", "teacher_ids.json"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Scripts of none of the nine languages: Indic to Georgian; and Hangul, kana and rare Han, which Chinese brings itself.
_FOREIGN = ((0x0900, 0x10FF), (0x2E80, 0xFFEF))


def make_vocabulary(work: Work, output: Path) -> dict[str, Any]:
    """Write the tokenizer, and for each piece that is the teacher's its id there (`teacher_ids.json`)."""
    teacher = Teacher.load(work.recipe.teacher)
    kept = [*SPECIAL, *(p for p in teacher.pieces if p not in SPECIAL and not _is_useless(p))]
    teacher_id = {piece: i for i, piece in enumerate(teacher.pieces)}
    pieces = dict.fromkeys(kept)
    rows = read_rows(work.output("pairs") / PAIRS)
    added: dict[str, int] = {}
    for language in work.recipe.languages:
        new = _train((row[3] for row in rows if row[0] == language), work.recipe.new_pieces[language])
        before = len(pieces)
        pieces.update(dict.fromkeys(new))
        added[language] = len(pieces) - before
    tokenizer = _tokenizer(list(pieces))
    tokenizer.save(str(output / TOKENIZER))
    (output / TEACHER_IDS).write_text(json.dumps([teacher_id[piece] for piece in kept]))
    return {
        "pieces": len(pieces),
        "of_teacher": len(kept),
        "dropped": len(teacher.pieces) - len(kept),
        "added": added,
        "unknown_share": _unknown_share(tokenizer, rows),
    }


def _is_useless(piece: str) -> bool:
    """Whether a piece stands for nothing (`[unused7]`), or for a script of none of the languages."""
    return piece.startswith("[unused") or any(a <= ord(c) <= b for c in piece.removeprefix("##") for a, b in _FOREIGN)


def _train(texts: Iterable[str], size: int) -> list[str]:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # noqa: S106 - a token of text
    tokenizer.normalizer, tokenizer.pre_tokenizer = _normalizer(), pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=size, min_frequency=2, special_tokens=["[UNK]"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return sorted(tokenizer.get_vocab())


def _tokenizer(pieces: list[str]) -> Tokenizer:
    ids = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))  # noqa: S106
    tokenizer.normalizer, tokenizer.pre_tokenizer = _normalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B [SEP]",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    return tokenizer


def _normalizer() -> normalizers.Normalizer:
    """BERT's: lower case, no combining marks. Tashkeel goes, and the hamza forms of alef fall together."""
    return normalizers.BertNormalizer(lowercase=True, strip_accents=True)


def _unknown_share(tokenizer: Tokenizer, rows: list[list[str]]) -> dict[str, float]:
    """Of each language's word pieces, the share that the vocabulary does not have; over 2,000 texts."""
    unknown = tokenizer.token_to_id("[UNK]")
    shares = {}
    for language in sorted({row[0] for row in rows}):
        texts = [row[3] for row in rows if row[0] == language][:2000]
        ids = [i for encoding in tokenizer.encode_batch(texts, add_special_tokens=False) for i in encoding.ids]
        shares[language] = round(sum(i == unknown for i in ids) / max(1, len(ids)), 5)
    return shares
