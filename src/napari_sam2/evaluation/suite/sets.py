"""A suite: data sets, what is known of each, and the protocols that are run on it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from napari_sam2.evaluation.interactive import RUNS
from napari_sam2.evaluation.protocols import PROTOCOLS, Protocol
from napari_sam2.evaluation.targets import Choice

Truthfulness: TypeAlias = Literal["ground truth", "silver", "pseudo"]
LeftOut: TypeAlias = Literal["laboratory", "movie", "frames"]
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "truth": get_args(Truthfulness),
    "left_out": get_args(LeftOut),
}


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Images with labels, and what the figures on them are worth.

    Parameters
    ----------
    name
        Of letters, digits, ``.``, ``_`` and ``-``; it names files, too.
    image, labels
        What `open_movie` takes, as text.
    modality
        How it was imaged, in words; sets of equal words are pooled.
    truth
        Drawn or checked by people, made by agreeing tools, or by a model alone.
    left_out
        What was never trained on: anything of the laboratory, the movie, or only these frames.
    protocols
        What the simulated user does: video protocols, image protocols, or both.
    synthetic
        Drawn by a program: such a set counts for gates, not for goals.
    max_objects, frames, seed
        As in `Choice`.
    """

    name: str
    image: str
    labels: str
    modality: str
    truth: Truthfulness
    left_out: LeftOut
    protocols: tuple[Protocol, ...]
    synthetic: bool = False
    max_objects: int | None = None
    frames: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w][\w.-]*", self.name):
            raise ValueError(
                f"expected a set's name of letters, digits, '.', '_' and '-', got {self.name!r}"
            )
        for key, choices in _CHOICES.items():
            if getattr(self, key) not in choices:
                raise ValueError(
                    f"expected one of {', '.join(choices)} for {key} of {self.name}, got "
                    f"{getattr(self, key)!r}"
                )
        unknown = [each for each in self.protocols if each not in PROTOCOLS]
        if unknown or not self.protocols:
            raise ValueError(
                f"expected protocols of {self.name} among {', '.join(PROTOCOLS)}, got "
                f"{', '.join(map(repr, unknown)) or 'none'}"
            )

    @property
    def choice(self) -> Choice:
        """Which objects on which frames."""
        return Choice(self.frames, self.max_objects, self.seed)

    @property
    def is_video(self) -> bool:
        """Whether objects are followed in one of the protocols."""
        return any(not is_still(protocol) for protocol in self.protocols)

    @property
    def is_interactive(self) -> bool:
        """Whether objects are corrected in one of the protocols."""
        return any(protocol in RUNS for protocol in self.protocols)

    def limited(self, *, max_objects: int | None, frames: int | None) -> EvaluationSet:
        """Return the set with fewer objects and frames, where the limits are lower than its own."""
        return replace(
            self,
            max_objects=_lower(self.max_objects, max_objects),
            frames=_lower(self.frames, frames),
        )


@dataclass(frozen=True, slots=True)
class Suite:
    """Sets under a name."""

    name: str
    sets: tuple[EvaluationSet, ...]

    def limited(self, *, max_objects: int | None = None, frames: int | None = None) -> Suite:
        """Return the suite with fewer objects and frames in every set."""
        limited = (each.limited(max_objects=max_objects, frames=frames) for each in self.sets)
        return Suite(self.name, tuple(limited))


def is_still(protocol: str) -> bool:
    """Whether a protocol looks at single frames."""
    return protocol.startswith("image")


def read_suite(path: Path) -> Suite:
    """Read a suite from TOML.

    Parameters
    ----------
    path
        A file with a table ``[[set]]`` for each set, whose keys are those of `EvaluationSet`; a
        table ``[defaults]`` with keys that most of them share; and a ``name``. Paths of images and
        labels are relative to the file's folder.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        It is no TOML, or a set is not described as it should be.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"expected a suite in TOML, but {path} is none: {error}") from error
    unknown = table.keys() - {"name", "defaults", "set"}
    listed = table.get("set", [])
    if unknown or not isinstance(listed, list) or not listed:
        raise ValueError(
            f"expected tables [[set]], and besides them name and [defaults], in {path}, got "
            f"{', '.join(sorted(unknown)) or 'no set'}"
        )
    defaults = table.get("defaults", {})
    sets = tuple(_set_of({**defaults, **each}, path.parent) for each in listed)
    names = [each.name for each in sets]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ValueError(f"expected every set of {path} once, got two named {double[0]}")
    return Suite(str(table.get("name", path.stem)), sets)


def _set_of(table: Mapping[str, Any], folder: Path) -> EvaluationSet:
    """Make a set of its table; the suite's folder stands before relative paths."""
    known = fields(EvaluationSet)
    needed = {each.name for each in known if each.default is MISSING}
    name = table.get("name", "a set")
    if missing := sorted(needed - table.keys()):
        raise ValueError(f"expected {', '.join(missing)} in the description of {name}, got none")
    if unknown := sorted(table.keys() - {each.name for each in known}):
        raise ValueError(
            f"expected keys among {', '.join(each.name for each in known)} for {name}, got "
            f"{', '.join(unknown)}"
        )
    paths = {key: str(folder / Path(table[key]).expanduser()) for key in ("image", "labels")}
    return EvaluationSet(**{**table, **paths, "protocols": tuple(table["protocols"])})


def _lower(own: int | None, limit: int | None) -> int | None:
    given = [each for each in (own, limit) if each is not None]
    return min(given, default=None)
