"""Prompt files: CSV for points and boxes, JSON for every kind of prompt."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from napari_sam2.pipeline.run_length import decode_mask, encode_mask
from napari_sam2.tracking.prompts import Absent, Box, Mask, Point, Polygon, Prompt, Scribble

COLUMNS = ("object_id", "frame", "kind", "y", "x", "y1", "x1", "positive")
JSON_VERSION = 1

_TRUE, _FALSE = {"1", "true", "yes", ""}, {"0", "false", "no"}


def read_prompts(path: str | Path) -> list[Prompt]:
    """Read a prompt file.

    Parameters
    ----------
    path
        ``.csv`` with the columns ``object_id,frame,kind,y,x,y1,x1,positive``, or ``.json``.

    Returns
    -------
    list of Prompt
        In the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the ending, a column, a kind or a value is wrong; the message names the row.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a prompt file, found none at {path}")
    readers: dict[str, Callable[[Path], list[Prompt]]] = {".csv": _read_csv, ".json": _read_json}
    if path.suffix.lower() not in readers:
        raise ValueError(f"expected a prompt file ending in .csv or .json, got {path.name}")
    prompts = readers[path.suffix.lower()](path)
    if not prompts:
        raise ValueError(f"expected at least one prompt in {path.name}, found none")
    return prompts


def write_prompts(path: str | Path, prompts: Iterable[Prompt]) -> None:
    """Write a prompt file that `read_prompts` reads back.

    Raises
    ------
    ValueError
        If the ending is neither ``.csv`` nor ``.json``, or a CSV is to hold masks, polygons,
        scribbles or absences.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        _write_csv(path, prompts)
    elif path.suffix.lower() == ".json":
        entries = [_to_entry(prompt) for prompt in prompts]
        text = json.dumps({"version": JSON_VERSION, "prompts": entries}, indent=1)
        path.write_text(text, encoding="utf-8")
    else:
        raise ValueError(f"expected a prompt file ending in .csv or .json, got {path.name}")


# ---- CSV


def _read_csv(path: Path) -> list[Prompt]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = [name for name in COLUMNS[:5] if name not in (rows.fieldnames or ())]
        if missing:
            raise ValueError(
                f"expected the columns {','.join(COLUMNS)} in {path.name}, missing "
                f"{', '.join(missing)}"
            )
        return [_from_row(row, f"{path.name}, line {rows.line_num}") for row in rows]


def _from_row(row: dict[str, str | None], where: str) -> Prompt:
    def number(column: str) -> float:
        text = (row.get(column) or "").strip()
        try:
            return float(text)
        except ValueError:
            raise ValueError(
                f"expected a number in column {column} of {where}, got {text!r}"
            ) from None

    def whole(column: str) -> int:
        value = number(column)
        if value != int(value):
            raise ValueError(f"expected a whole number in column {column} of {where}, got {value}")
        return int(value)

    kind = (row.get("kind") or "").strip().lower()
    if kind == "point":
        sign = _sign((row.get("positive") or "").strip().lower(), where)
        return Point(whole("frame"), whole("object_id"), (number("y"), number("x")), sign)
    if kind == "box":
        corners = ((number("y"), number("x")), (number("y1"), number("x1")))
        return Box(whole("frame"), whole("object_id"), corners)
    raise ValueError(
        f"expected the kind point or box in {where}, got {kind!r}; other kinds go into a .json"
    )


def _sign(text: str, where: str) -> bool:
    if text not in _TRUE | _FALSE:
        raise ValueError(f"expected 1 or 0 in column positive of {where}, got {text!r}")
    return text in _TRUE


def _write_csv(path: Path, prompts: Iterable[Prompt]) -> None:
    rows = [_to_row(prompt) for prompt in prompts]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def _to_row(prompt: Prompt) -> tuple[object, ...]:
    if isinstance(prompt, Point):
        y, x = prompt.yx
        return prompt.object_id, prompt.frame, "point", y, x, "", "", int(prompt.positive)
    if isinstance(prompt, Box):
        (y0, x0), (y1, x1) = prompt.corners_yx
        return prompt.object_id, prompt.frame, "box", y0, x0, y1, x1, ""
    raise ValueError(
        f"expected points and boxes for a .csv, got a {type(prompt).__name__}; write a .json"
    )


# ---- JSON


def _read_json(path: Path) -> list[Prompt]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON in {path.name}, cannot read it: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("prompts"), list):
        raise ValueError(f'expected an object with a list "prompts" in {path.name}')
    if content.get("version", JSON_VERSION) != JSON_VERSION:
        raise ValueError(
            f"expected version {JSON_VERSION} in {path.name}, got {content['version']}; update "
            "napari-sam2"
        )
    return [
        _from_entry(entry, f"{path.name}, prompt {index}")
        for index, entry in enumerate(content["prompts"], start=1)
    ]


def _from_entry(entry: Any, where: str) -> Prompt:
    try:
        return _parse(entry)
    except KeyError as error:
        raise ValueError(f"expected the key {error} in {where}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"cannot read {where}: {error}") from None


def _parse(entry: dict[str, Any]) -> Prompt:
    frame, object_id, kind = int(entry["frame"]), int(entry["object_id"]), entry["kind"]
    positive = bool(entry.get("positive", True))
    match kind:
        case "point":
            return Point(frame, object_id, (float(entry["y"]), float(entry["x"])), positive)
        case "box":
            y0, x0, y1, x1 = (float(entry[key]) for key in ("y", "x", "y1", "x1"))
            return Box(frame, object_id, ((y0, x0), (y1, x1)))
        case "mask":
            return Mask(frame, object_id, decode_mask(entry["size"], entry["counts"]))
        case "polygon":
            return Polygon(frame, object_id, _path(entry["vertices_yx"]))
        case "scribble":
            return Scribble(frame, object_id, _path(entry["path_yx"]), positive)
        case "absent":
            return Absent(frame, object_id)
    raise ValueError(f"expected point, box, mask, polygon, scribble or absent, got {kind!r}")


def _path(pairs: list[list[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(y), float(x)) for y, x in pairs)


def _to_entry(prompt: Prompt) -> dict[str, Any]:
    kind = type(prompt).__name__.lower()
    entry: dict[str, Any] = {"object_id": prompt.object_id, "frame": prompt.frame, "kind": kind}
    match prompt:
        case Point():
            entry |= {"y": prompt.yx[0], "x": prompt.yx[1], "positive": prompt.positive}
        case Box():
            (y0, x0), (y1, x1) = prompt.corners_yx
            entry |= {"y": y0, "x": x0, "y1": y1, "x1": x1}
        case Mask():
            size, counts = encode_mask(prompt.mask)
            entry |= {"size": size, "counts": counts}
        case Polygon():
            entry["vertices_yx"] = [list(yx) for yx in prompt.vertices_yx]
        case Scribble():
            entry |= {
                "path_yx": [list(yx) for yx in prompt.path_yx],
                "positive": prompt.positive,
            }
    return entry
