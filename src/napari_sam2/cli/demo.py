"""``napari-sam2 demo``: the main job on a bundled movie, offline, with numbers and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_sam2.cli.options import Device, JsonFile, Model, Overwrite, Precision, Threads
from napari_sam2.cli.results import check_new, show, write_json

if TYPE_CHECKING:
    from napari_sam2.evaluation import LabelledMovie, ObjectOverlap
    from napari_sam2.pipeline import TrackReport
    from napari_sam2.pipeline.computing import Computing
    from napari_sam2.sample_data import SampleMovie

_TILES = 6


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a demo writes into its folder."""

    folder: Path

    @property
    def labels(self) -> Path:
        """Labels of every frame, OME-Zarr."""
        return self.folder / "labels.ome.zarr"

    @property
    def sheet(self) -> Path:
        """Some frames with outlines, PNG."""
        return self.folder / "overlay.png"

    @property
    def animation(self) -> Path:
        """All frames with outlines, GIF."""
        return self.folder / "overlay.gif"

    @property
    def report(self) -> Path:
        """The numbers, JSON."""
        return self.folder / "report.json"


EXAMPLES = (
    ("napari-sam2 demo", "results in the folder napari-sam2-demo"),
    ("napari-sam2 demo --synthetic --output drawn", "the movie with exact truth instead"),
    ("napari-sam2 demo --model sam2.1_hiera_tiny", "with a model of Meta's, once downloaded"),
)


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.")
    ] = Path("napari-sam2-demo"),
    synthetic: Annotated[
        bool,
        typer.Option("--synthetic", help="Take the drawn movie, whose truth is known exactly."),
    ] = False,
    model: Model = "cells",
    device: Device = "auto",
    threads: Threads = None,
    precision: Precision = "auto",
    overwrite: Overwrite = False,
    json_file: JsonFile = None,
) -> None:
    """Track the nuclei of a bundled movie from one click each, and show the result.

    Needs no network and no GPU, and less than a minute on two cores. The folder then holds
    labels.ome.zarr, overlay.png, overlay.gif and report.json.
    """
    from napari_sam2 import sample_data
    from napari_sam2.pipeline.computing import Computing

    files = Files(output)
    check_new([files.sheet, files.animation, files.report, json_file], overwrite=overwrite)
    sample = sample_data.synthetic_timelapse() if synthetic else sample_data.nuclei_timelapse()
    computing = Computing(model, device, threads, precision)
    outcome = _track(sample, files, computing, overwrite=overwrite)
    for path in (files.report, json_file):
        write_json({"movie": sample.name, "model": model, **outcome.as_dict()}, path)
    _present(outcome, files, sample, json_file=json_file)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a demo found: how it ran, and how well each object agrees with its reference."""

    report: TrackReport
    overlaps: tuple[ObjectOverlap, ...]
    computing: str

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        overlaps = self.overlaps
        return {
            "frames": self.report.frames,
            "objects": len(self.report.objects),
            "mean_J": round(sum(each.mean_iou for each in overlaps) / len(overlaps), 4),
            "seconds_per_frame": self.report.seconds_per_frame,
            "peak_rss_mib": self.report.peak_rss_mib,
            "per_object": [
                {
                    "object_id": each.object_id,
                    "frames": each.frames,
                    "J": round(each.mean_iou, 4),
                    "lowest_iou": round(each.lowest_iou, 4),
                    "lowest_frame": each.lowest_frame,
                }
                for each in overlaps
            ],
        }


def _track(sample: SampleMovie, files: Files, computing: Computing, *, overwrite: bool) -> Outcome:
    """Track the movie, compare with its reference, draw the pictures."""
    from napari_sam2.cli.following import follow
    from napari_sam2.evaluation import LabelledMovie, compare_labels
    from napari_sam2.io import open_label_sink, open_movie
    from napari_sam2.pipeline import read_prompts
    from napari_sam2.pipeline.computing import prepare
    from napari_sam2.tracking import TrackerSettings

    clicks = read_prompts(sample.clicks_path)
    settings = TrackerSettings(precision=computing.precision)
    with open_movie(sample.movie_path) as movie, open_movie(sample.labels_path) as reference:
        network = prepare(computing)
        with open_label_sink(files.labels, movie, overwrite=overwrite) as sink:
            report = follow(movie, clicks, network, sink=sink, settings=settings)
        overlaps = compare_labels(
            sink.read, reference.read_raw, frames=range(len(movie)), object_ids=report.objects
        )
        title = f"{sample.name}, tracked by {computing.model}"
        _draw(files, LabelledMovie(movie, sink.read, clicks), title)
    return Outcome(report, overlaps, network.description)


def _draw(files: Files, labelled: LabelledMovie, title: str) -> None:
    from napari_sam2.evaluation import contact_sheet, save_animation

    objects = len({click.object_id for click in labelled.prompts})
    subtitle = f"{objects} objects from one click each, on the crosses; all else is the model's"
    contact_sheet(labelled, title=title, subtitle=subtitle, tiles=_TILES).save(files.sheet)
    save_animation(labelled, files.animation)


def _present(
    outcome: Outcome, files: Files, sample: SampleMovie, *, json_file: Path | None
) -> None:
    """Print the table, where the files are, and what to try next."""
    from rich.markup import escape

    from napari_sam2.cli.tables import compared_objects

    listed = (
        (files.sheet, "some frames with outlines"),
        (files.animation, "the whole movie with outlines"),
        (files.labels, "labels of every frame"),
        (files.report, "these numbers"),
    )
    show(
        compared_objects(outcome.overlaps, outcome.report.seconds_per_frame),
        f"{escape(outcome.computing)}\n",
        *(f"[bold]{escape(str(path))}[/bold]  [dim]{meaning}[/dim]" for path, meaning in listed),
        f"\nin napari:       [cyan]napari {escape(f'{sample.movie_path} {files.labels}')}[/cyan]",
        "your own movie:  [cyan]napari-sam2 track MOVIE --point 1,0,Y,X --output "
        "labels.ome.zarr[/cyan]",
        json_file=json_file,
    )
