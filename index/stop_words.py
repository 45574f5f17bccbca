"""Words that carry no topic: left out of the lexical index, and a sign of the language that a short text is in."""

from functools import cache

from index.normalization import fold

_STOP_WORDS = {
    "ar": "في من علي الي عن مع ان هو هي هذا هذه ذلك تلك التي الذي الذين ما ماذا لماذا متي اين كيف كم هل او ثم قد لم لن لا كان"
    " كانت يكون بعد قبل كل بين حيث اي ايضا اذا انه انها عند لكن و ف ب ل منذ خلال حول الا بان وهو وهي فيها فيه لها له مما بها به",
    "en": "a an the of in on at to from by for with and or but not is are was were be been do does did has have had that this"
    " these those it its as about into what why who whom when where which how many much say says said according article"
    " his her their he she they will would can could there any than if",
    "ru": "и в во не на с со что как а то все она так его но да ты к у же вы за бы по ее мне было от меня о из ему теперь когда"
    " ли для мы кто где почему зачем сколько какой какая какие это этот или быть был была были при до чем чего",
    "fr": "le la les un une des de du d l et ou en dans sur a au aux par pour avec que qui quoi pourquoi quand comment combien"
    " est sont ete etre il elle ils ce cette ces se ne pas plus quel quelle t",
    "tr": "ve bir bu da de ne neden nasil kim kac icin ile mi mu ki hangi nerede gore daha o en cok olan olarak",
    "de": "der die das ein eine und oder in im an auf zu von mit fur ist sind war was warum wer wann wo wie viele dem den des"
    " nicht als nach bei",
    "es": "el la los las un una de del en y o que por para con no es son fue se al su sus quien cuando donde como cuanto"
    " cuantos lo",
    "kk": "және мен не үшін қашан кім қайда қалай қанша бұл бір да де",
}  # fmt: skip


@cache
def stop_words(language: str) -> frozenset[str]:
    """Folded stop words of a language; empty for one without a list."""
    return frozenset(fold(_STOP_WORDS.get(language, "")).split())
