"""Errors about files of word vectors, and about questions to models of word vectors."""

from __future__ import annotations

from collections.abc import Sequence

from app.domain.errors import Conflict, InvalidInput, RejectedFile


class FastTextBinary(RejectedFile):
    """A fastText model with its n-grams, whose layout is the library's own."""

    code = "fasttext-binary"

    def __init__(self, file: str) -> None:
        super().__init__(
            f"{file} is a binary fastText model, which cannot be read here.",
            "Send the .vec file that is published beside it, or write one: a line with the number "
            "of words and the width, then each word with its numbers.",
            file=file,
        )


class VectorsAmbiguous(RejectedFile):
    """There are several files of word vectors."""

    code = "vectors-ambiguous"

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__(
            f"Each of {', '.join(files[:8])} could be the word vectors.",
            "Send one of them alone, or in an archive without the others.",
            files=list(files[:50]),
        )


class VectorsMalformed(RejectedFile):
    """Too many lines are no word with as many numbers as the others have."""

    code = "vectors-malformed"

    def __init__(self, file: str, line: int, problem: str, lines: int, bad: int) -> None:
        super().__init__(
            f"{file}, line {line}: {problem}. Of {lines} lines, {bad} cannot be read.",
            "Each line must be a word in UTF-8 and the same count of finite numbers, separated by "
            "single spaces.",
            file=file,
            line=line,
            problem=problem,
            lines=lines,
            bad=bad,
        )


class VectorsTruncated(RejectedFile):
    """The file ends before all the words that its first line promises."""

    code = "vectors-truncated"

    def __init__(self, file: str, promised: int, found: int) -> None:
        super().__init__(
            f"{file} ends after {found} of the {promised} words that its first line promises.",
            "Download or write the file again; to use only the first words, correct that line.",
            file=file,
            promised=promised,
            found=found,
        )


class VocabularyUnfit(RejectedFile):
    """A matrix has another number of rows than its vocabulary has words."""

    code = "vocabulary-unfit"

    def __init__(self, words: int, rows: int) -> None:
        super().__init__(
            f"The matrix has {rows} rows, but the vocabulary has {words} words.",
            "Write one word for each row, in the order of the rows.",
            words=words,
            rows=rows,
        )


class NoWordVectors(Conflict):
    """The model holds no vectors of words that could be compared."""

    code = "no-word-vectors"

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The model {model} is no model of word vectors.",
            "Name a model whose `facts.format` is word_vectors.",
            model=model,
        )


class WordsUnknown(InvalidInput):
    """None of the words asked for is in the model's vocabulary."""

    code = "words-unknown"

    def __init__(self, model: str, words: Sequence[str]) -> None:
        super().__init__(
            f"The model {model} knows none of these words: {', '.join(words[:10])}.",
            "Check their spelling and case, or ask the model of the other language.",
            model=model,
            words=list(words[:100]),
        )


class LanguageNotInModel(InvalidInput):
    """The model has no vocabulary of the language asked for."""

    code = "language-not-in-model"

    def __init__(self, model: str, language: str, known: Sequence[str]) -> None:
        super().__init__(
            f"The model {model} has no vocabulary of `{language}`; it has {', '.join(known)}.",
            "Ask for one of its languages, or leave the language out.",
            model=model,
            language=language,
            known=list(known),
        )


class WidthsDiffer(InvalidInput):
    """Vectors of two models are of different widths and cannot be compared."""

    code = "widths-differ"

    def __init__(self, source: int, target: int) -> None:
        super().__init__(
            f"The source vectors have {source} numbers per word, the target vectors {target}.",
            "Use vectors of one width for both languages: train or download them alike.",
            source=source,
            target=target,
        )
